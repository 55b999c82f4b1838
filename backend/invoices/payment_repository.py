"""Every SQL statement that lets payments read, lock and change invoices."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text

from backend.actor import TenantId
from backend.db.engine import read, transaction
from backend.invoices.types import Due, InvoiceId, InvoiceStatus
from backend.money import Rial

_DUE = "SELECT id, tenant_id, coalesce(number, '') AS number, day, amount_rial, status FROM tenant_invoice"
# What was paid on an invoice is negative in the ledger.
_REST = """amount_rial + coalesce(
  (SELECT sum(l.amount_rial) FROM tenant_ledger l WHERE l.invoice_id = tenant_invoice.id), 0
)"""


def by_ids(invoice_ids: Sequence[UUID], *, lock: bool = False) -> list[Due]:
    """Invoices in the order of their ids; ``lock`` locks them until the transaction ends."""
    statement = text(f"{_DUE} WHERE id IN :ids ORDER BY id {'FOR UPDATE' if lock else ''}").bindparams(
        bindparam("ids", expanding=True)
    )
    with transaction() if lock else read() as connection:
        return [_to_due(row) for row in connection.execute(statement, {"ids": list(invoice_ids)})]


def pending_of(tenant_id: TenantId) -> list[Due]:
    """A tenant's invoices that wait for money, the oldest first."""
    statement = text(f"{_DUE} WHERE tenant_id = :tenant AND status = 'pending' ORDER BY day")
    with read() as connection:
        return [_to_due(row) for row in connection.execute(statement, {"tenant": tenant_id})]


def pending_without_session(limit: int, *, minimum: Rial, maximum: Rial) -> list[Due]:
    """Pending invoices that never had a payment session and whose rest fits into one payment, newest first."""
    statement = text(
        f"{_DUE} WHERE status = 'pending' AND zibal_track_id IS NULL AND {_REST} BETWEEN :minimum AND :maximum"
        " ORDER BY day DESC, id LIMIT :limit"
    )
    values = {"limit": limit, "minimum": minimum, "maximum": maximum}
    with read() as connection:
        return [_to_due(row) for row in connection.execute(statement, values)]


def mark_paid(invoice_id: UUID, track_id: int | None, paid_at: datetime) -> bool:
    """Mark a pending invoice as paid, by the session of this track id or by none; whether it was pending."""
    statement = text(
        "UPDATE tenant_invoice SET status = 'paid', paid_at = :at, zibal_track_id = :track"
        " WHERE id = :id AND status = 'pending'"
    )
    with transaction() as connection:
        changed = connection.execute(statement, {"id": invoice_id, "track": track_id, "at": paid_at})
        return changed.rowcount == 1


def reopen(invoice_id: UUID) -> bool:
    """Let a paid invoice wait for money again; whether it was paid."""
    statement = text(
        "UPDATE tenant_invoice SET status = 'pending', paid_at = NULL WHERE id = :id AND status = 'paid'"
    )
    with transaction() as connection:
        return connection.execute(statement, {"id": invoice_id}).rowcount == 1


def note_session(invoice_ids: Sequence[UUID], track_id: int) -> None:
    """Note on pending invoices under which track id they are about to be paid."""
    statement = text(
        "UPDATE tenant_invoice SET zibal_track_id = :track WHERE id IN :ids AND status = 'pending'"
    ).bindparams(bindparam("ids", expanding=True))
    with transaction() as connection:
        connection.execute(statement, {"ids": list(invoice_ids), "track": track_id})


def _to_due(row: Row[Any]) -> Due:
    return Due(
        InvoiceId(row.id),
        TenantId(row.tenant_id),
        row.number,
        row.day,
        Rial(row.amount_rial),
        InvoiceStatus(row.status),
    )
