"""SQL that only reads payments: lists for people, and figures for the metrics."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, func, select, text

from backend.actor import TenantId
from backend.db.engine import read
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.models import PaymentEventRow
from backend.payments.repository import with_allocations
from backend.payments.rules import DECIDED_STATES, NOT_DECIDED
from backend.payments.types import (
    Attempt,
    AttemptEvent,
    AttemptEventKind,
    AttemptId,
    AttemptState,
    Owed,
    PaymentHealth,
)


def _listed(values: Iterable[StrEnum]) -> str:
    return ", ".join(sorted(f"'{each}'" for each in values))


# ``rules.is_alarming`` in SQL.
_UNDECIDED = f"""
redirected_at <= :before AND resolved_at IS NULL AND state NOT IN ({_listed(DECIDED_STATES)})
AND (state = '{AttemptState.REFUNDING}' OR verdict IS NULL OR verdict IN ({_listed(NOT_DECIDED)}))
"""
# Earlier versions wrote these down before the answer that they follow from, with the same instant.
_BOOKED = (AttemptEventKind.SETTLED.value, AttemptEventKind.MONEY_RETURNED.value)
_ATTEMPT = "SELECT * FROM payment_attempt"
_FLAGGED = "flags <> '[]'::jsonb AND resolved_at IS NULL"


def attempts_on(invoice_ids: Sequence[InvoiceId]) -> list[Attempt]:
    """Every attempt at some invoices, the newest first."""
    statement = text(
        "SELECT * FROM payment_attempt WHERE id IN"
        " (SELECT attempt_id FROM payment_allocation WHERE invoice_id IN :ids)"
        " ORDER BY coalesce(redirected_at, created_at) DESC, id"
    ).bindparams(bindparam("ids", expanding=True))
    with read() as connection:
        return with_allocations(connection.execute(statement, {"ids": list(invoice_ids)}).all())


def begun_since(since: datetime) -> list[Attempt]:
    """Attempts with a session that were begun or moved since an instant, the oldest first."""
    statement = text(
        f"{_ATTEMPT} WHERE track_id IS NOT NULL AND greatest(created_at, redirected_at, returned_at, settled_at)"
        " >= :since ORDER BY created_at, id"
    )
    with read() as connection:
        return with_allocations(connection.execute(statement, {"since": since}).all())


def by_ids(attempt_ids: Sequence[AttemptId]) -> list[Attempt]:
    """Some attempts; a missing one is left out."""
    statement = text(f"{_ATTEMPT} WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
    if not attempt_ids:
        return []
    with read() as connection:
        return with_allocations(connection.execute(statement, {"ids": list(attempt_ids)}).all())


def owed_by(tenant_id: TenantId) -> Owed:
    """Number of a tenant's pending invoices, and their unpaid amount."""
    statement = text(
        "SELECT count(*), coalesce(sum(i.amount_rial + coalesce(l.moved, 0)), 0)"
        " FROM tenant_invoice i LEFT JOIN LATERAL"
        " (SELECT sum(amount_rial) AS moved FROM tenant_ledger WHERE invoice_id = i.id) l ON true"
        " WHERE i.tenant_id = :tenant AND i.status = 'pending'"
    )
    with read() as connection:
        count, outstanding = connection.execute(statement, {"tenant": tenant_id}).one()
        return Owed(count=count, outstanding_rial=Rial(int(outstanding)))


def undecided(before: datetime, limit: int, offset: int = 0) -> list[Attempt]:
    """A stretch of the attempts that were handed over before an instant and are not decided, the oldest first."""
    statement = text(f"{_ATTEMPT} WHERE {_UNDECIDED} ORDER BY redirected_at, id LIMIT :limit OFFSET :offset")
    with read() as connection:
        rows = connection.execute(statement, {"before": before, "limit": limit, "offset": offset}).all()
        return with_allocations(rows)


def flagged(limit: int, offset: int = 0) -> list[Attempt]:
    """A stretch of the attempts with an unresolved flag, the newest first."""
    statement = text(
        f"{_ATTEMPT} WHERE {_FLAGGED} ORDER BY coalesce(redirected_at, created_at) DESC, id"
        " LIMIT :limit OFFSET :offset"
    )
    with read() as connection:
        return with_allocations(connection.execute(statement, {"limit": limit, "offset": offset}).all())


def events(attempt_id: AttemptId, limit: int, offset: int) -> list[AttemptEvent]:
    """A stretch of the events of an attempt in order of time: bookings after the answer that they follow from."""
    statement = (
        select(PaymentEventRow.at, PaymentEventRow.actor, PaymentEventRow.kind, PaymentEventRow.detail)
        .where(PaymentEventRow.attempt_id == attempt_id)
        .order_by(PaymentEventRow.at, PaymentEventRow.kind.in_(_BOOKED), PaymentEventRow.id)
        .limit(limit)
        .offset(offset)
    )
    with read() as connection:
        return [
            AttemptEvent(at=row.at, actor=row.actor, kind=AttemptEventKind(row.kind), detail=row.detail)
            for row in connection.execute(statement)
        ]


def count_events(attempt_id: AttemptId) -> int:
    """Number of events of an attempt."""
    counted = select(func.count()).where(PaymentEventRow.attempt_id == attempt_id)
    with read() as connection:
        return connection.scalar(counted) or 0


def health(now: datetime, before: datetime) -> PaymentHealth:
    """State of payments for the overview and the metrics."""
    statement = text(
        # Nobody is at a payment that was only prepared.
        "SELECT (SELECT count(DISTINCT l.attempt_id) FROM payment_allocation l"  # noqa: S608 - constants
        f" JOIN payment_attempt a ON a.id = l.attempt_id WHERE l.is_open AND a.state <> '{AttemptState.REQUESTED}'),"
        f" (SELECT count(*) FROM payment_attempt WHERE {_UNDECIDED}),"
        f" (SELECT min(redirected_at) FROM payment_attempt WHERE {_UNDECIDED}),"
        f" (SELECT count(*) FROM payment_attempt WHERE {_FLAGGED}),"
        " (SELECT count(*) FROM payment_attempt WHERE next_check_at < :now - interval '5 minutes')"
    )
    with read() as connection:
        found = connection.execute(statement, {"now": now, "before": before}).one()
    opened, waiting, oldest, flags, overdue = found
    return PaymentHealth(
        open=opened, undecided=waiting, oldest_undecided_at=oldest, flagged=flags, overdue_checks=overdue
    )
