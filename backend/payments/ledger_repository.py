"""SQL of the ledger: append and add up, never change."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, func, insert, select, text

from backend.actor import TenantId
from backend.db.engine import read, transaction
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.models import TenantLedgerRow
from backend.payments.types import AttemptId, LedgerEntry, LedgerEntryKind


def append(
    tenant_id: TenantId,
    kind: LedgerEntryKind,
    amount_rial: int,
    *,
    actor: str,
    at: datetime,
    attempt: tuple[AttemptId, int] | None = None,
    invoice_id: InvoiceId | None = None,
    payout_key: str | None = None,
) -> None:
    """Add a movement; ``attempt`` is its id and settlement number. The database refuses an identical second one."""
    with transaction() as connection:
        attempt_id, settlement_no = attempt or (None, 0)
        connection.execute(
            insert(TenantLedgerRow).values(
                tenant_id=tenant_id,
                attempt_id=attempt_id,
                settlement_no=settlement_no,
                invoice_id=invoice_id,
                kind=kind.value,
                amount_rial=amount_rial,
                at=at,
                actor=actor,
                payout_key=payout_key,
            )
        )


def balance(tenant_id: TenantId, *, before: int | None = None) -> int:
    """A tenant's credit, now or before an entry. Negative when money was taken back that had been paid out already."""
    with read() as connection:
        statement = select(func.coalesce(func.sum(TenantLedgerRow.amount_rial), 0)).where(
            TenantLedgerRow.tenant_id == tenant_id
        )
        if before is not None:
            statement = statement.where(TenantLedgerRow.id < before)
        return int(connection.scalar(statement) or 0)


def paid_on(invoice_ids: Sequence[InvoiceId]) -> dict[InvoiceId, Rial]:
    """Amounts paid on invoices, in rial; invoices without a payment are missing."""
    with read() as connection:
        statement = text(
            "SELECT invoice_id, -sum(amount_rial) FROM tenant_ledger WHERE invoice_id IN :ids GROUP BY invoice_id"
        ).bindparams(bindparam("ids", expanding=True))
        rows = connection.execute(statement, {"ids": list(invoice_ids)}) if invoice_ids else ()
        return {InvoiceId(invoice_id): Rial(int(paid)) for invoice_id, paid in rows}


def credit_uses(tenant_id: TenantId) -> list[tuple[InvoiceId, int]]:
    """Uses of credit by invoice, the youngest first; positive, even if taken back later."""
    with read() as connection:
        statement = text(
            "SELECT invoice_id, -amount_rial FROM tenant_ledger"
            " WHERE tenant_id = :tenant AND kind = 'credit_use' ORDER BY id DESC"
        )
        rows = connection.execute(statement, {"tenant": tenant_id})
        return [(InvoiceId(invoice_id), int(used)) for invoice_id, used in rows]


def credit_reopened(tenant_id: TenantId) -> dict[InvoiceId, int]:
    """Credit that reversals took back from each invoice, in rial, beyond what their own settlements had paid."""
    with read() as connection:
        statement = text(
            "SELECT invoice_id, sum(amount_rial) FROM tenant_ledger l"
            " WHERE tenant_id = :tenant AND kind IN ('settlement', 'reopening') AND EXISTS"
            " (SELECT FROM tenant_ledger r"
            "  WHERE r.attempt_id = l.attempt_id AND r.settlement_no = l.settlement_no AND r.kind = 'reversal')"
            " GROUP BY invoice_id"
        )
        rows = connection.execute(statement, {"tenant": tenant_id})
        return {InvoiceId(invoice_id): int(reopened) for invoice_id, reopened in rows}


def payout(tenant_id: TenantId, key: str) -> LedgerEntry | None:
    """The payout of a tenant under a key."""
    with read() as connection:
        statement = select(TenantLedgerRow.__table__).where(
            TenantLedgerRow.tenant_id == tenant_id, TenantLedgerRow.payout_key == key
        )
        row = connection.execute(statement).mappings().one_or_none()
        return _to_entry(row) if row else None


def entries_of(attempt_id: AttemptId, settlement_no: int | None = None) -> list[LedgerEntry]:
    """The movements of an attempt, of one settlement or of all, in order."""
    with read() as connection:
        statement = select(TenantLedgerRow.__table__).where(TenantLedgerRow.attempt_id == attempt_id)
        if settlement_no is not None:
            statement = statement.where(TenantLedgerRow.settlement_no == settlement_no)
        return [
            _to_entry(row) for row in connection.execute(statement.order_by(TenantLedgerRow.id)).mappings()
        ]


def entries_on(invoice_id: InvoiceId) -> list[LedgerEntry]:
    """The movements between an invoice and payments or credit, in order."""
    with read() as connection:
        statement = (
            select(TenantLedgerRow.__table__)
            .where(TenantLedgerRow.invoice_id == invoice_id)
            .order_by(TenantLedgerRow.id)
        )
        return [_to_entry(row) for row in connection.execute(statement).mappings()]


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
    return LedgerEntry(**{**fields, "kind": LedgerEntryKind(row["kind"])})
