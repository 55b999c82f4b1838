"""SQL of the ledger: append and add up, never change."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, func, insert, select, text

from backend.actor import TenantId
from backend.db.engine import read, transaction
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.models import TenantLedgerRow
from backend.payments.types import AttemptId, EntryKind, LedgerEntry


def append(
    tenant_id: TenantId,
    kind: EntryKind,
    amount_rial: int,
    *,
    actor: str,
    at: datetime,
    attempt: tuple[AttemptId, int] | None = None,
    invoice_id: InvoiceId | None = None,
) -> None:
    """Add a movement; ``attempt`` is its id and turn. The database refuses the same one of an attempt twice."""
    with transaction() as connection:
        attempt_id, turn = attempt or (None, 0)
        connection.execute(
            insert(TenantLedgerRow).values(
                tenant_id=tenant_id,
                attempt_id=attempt_id,
                turn=turn,
                invoice_id=invoice_id,
                kind=kind.value,
                amount_rial=amount_rial,
                at=at,
                actor=actor,
            )
        )


def balance(tenant_id: TenantId) -> int:
    """A tenant's credit. Negative when money was taken back that had been used already."""
    with read() as connection:
        statement = select(func.coalesce(func.sum(TenantLedgerRow.amount_rial), 0)).where(
            TenantLedgerRow.tenant_id == tenant_id
        )
        return int(connection.scalar(statement) or 0)


def paid_on(invoice_ids: Sequence[InvoiceId]) -> dict[InvoiceId, Rial]:
    """How much has been paid on each of some invoices; one that nothing was paid on is missing."""
    with read() as connection:
        statement = text(
            "SELECT invoice_id, -sum(amount_rial) FROM tenant_ledger WHERE invoice_id IN :ids GROUP BY invoice_id"
        ).bindparams(bindparam("ids", expanding=True))
        rows = connection.execute(statement, {"ids": list(invoice_ids)}) if invoice_ids else ()
        return {InvoiceId(invoice_id): Rial(int(paid)) for invoice_id, paid in rows}


def entries_of(attempt_id: AttemptId, turn: int | None = None) -> list[LedgerEntry]:
    """The movements of an attempt, of one turn or of all, in order."""
    with read() as connection:
        statement = select(TenantLedgerRow.__table__).where(TenantLedgerRow.attempt_id == attempt_id)
        if turn is not None:
            statement = statement.where(TenantLedgerRow.turn == turn)
        return [
            _to_entry(row) for row in connection.execute(statement.order_by(TenantLedgerRow.id)).mappings()
        ]


def entries_of_tenant(tenant_id: TenantId, limit: int) -> list[LedgerEntry]:
    """A tenant's newest movements, the newest first."""
    with read() as connection:
        statement = (
            select(TenantLedgerRow.__table__)
            .where(TenantLedgerRow.tenant_id == tenant_id)
            .order_by(TenantLedgerRow.id.desc())
            .limit(limit)
        )
        return [_to_entry(row) for row in connection.execute(statement).mappings()]


def _to_entry(row: RowMapping) -> LedgerEntry:
    fields = {name: value for name, value in row.items() if name != "tenant_id"}
    return LedgerEntry(**{**fields, "kind": EntryKind(row["kind"])})
