"""SQL that writes and locks payment attempts, their allocations and their events."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Unpack
from uuid import UUID

from sqlalchemy import Row, bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from backend.actor import TenantId
from backend.db.engine import read, transaction
from backend.db.locks import LockNumber
from backend.errors import Unavailable
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.models import PaymentAllocationRow, PaymentAttemptRow, PaymentEventRow
from backend.payments.rules import NOT_DECIDED
from backend.payments.types import (
    LATE_STATES,
    OPEN_STATES,
    PROVIDER,
    UNPAID_STATES,
    Allocation,
    Attempt,
    AttemptChanges,
    AttemptEventKind,
    AttemptId,
    AttemptState,
    AttemptVerdict,
    GatewayCheck,
    PaymentFlag,
)

_CHECK_COLUMNS = tuple(each.name for each in fields(GatewayCheck))


def lock_account(tenant_id: TenantId) -> None:
    """Lock this tenant's money against other transactions until this one ends.

    Everything that does takes this lock first, then the attempt, then invoices by id, so nothing can deadlock.
    """
    with transaction() as connection:
        statement = text("SELECT pg_advisory_xact_lock(:key, hashtext(:tenant))")
        connection.execute(statement, {"key": LockNumber.ACCOUNT, "tenant": str(tenant_id)})


def insert_attempt(attempt: Attempt) -> None:
    """Store a new attempt with its allocations, which keep their invoices from any other open attempt."""
    with transaction() as connection:
        connection.execute(
            insert(PaymentAttemptRow).values(
                id=attempt.id,
                tenant_id=attempt.tenant_id,
                provider=attempt.provider,
                merchant_fingerprint=attempt.merchant_fingerprint,
                amount_rial=attempt.amount_rial,
                order_ref=attempt.order_ref,
                nonce_sha256=attempt.nonce_sha256,
                state=attempt.state.value,
                created_by=attempt.created_by,
                created_at=attempt.created_at,
            )
        )
        rows = [
            {
                "attempt_id": attempt.id,
                "invoice_id": each.invoice_id,
                "amount_rial": each.amount_rial,
                "position": each.position,
                "is_open": True,
            }
            for each in attempt.allocations
        ]
        connection.execute(insert(PaymentAllocationRow), rows)


def note_track_id(
    attempt_id: AttemptId,
    track_id: int,
    now: datetime,
    *,
    redirected_at: datetime | None = None,
    next_check_at: datetime | None = None,
) -> bool:
    """Note the session of an attempt that is still being created, handed over or not yet; whether it was.

    Raises:
        Unavailable: the track id belongs to another attempt, so the gateway is not to be trusted now.
    """
    state = AttemptState.REDIRECTED if redirected_at else AttemptState.REQUESTED
    statement = (
        update(PaymentAttemptRow)
        .where(PaymentAttemptRow.id == attempt_id, PaymentAttemptRow.state == AttemptState.CREATED.value)
        .values(
            track_id=track_id,
            state=state.value,
            requested_at=now,
            redirected_at=redirected_at,
            next_check_at=next_check_at,
        )
    )
    with transaction() as connection:
        try:
            return connection.execute(statement).rowcount == 1
        except IntegrityError:
            raise Unavailable(service="zibal", cause="track_id_given_twice") from None


def change(attempt_id: AttemptId, state: AttemptState, **changes: Unpack[AttemptChanges]) -> None:
    """Write an attempt's new state and other values; its allocations close when the state is no open one."""
    with transaction() as connection:
        connection.execute(
            update(PaymentAttemptRow)
            .where(PaymentAttemptRow.id == attempt_id)
            .values(state=state.value, **_to_columns(changes))
        )
        if state not in OPEN_STATES:
            connection.execute(
                update(PaymentAllocationRow)
                .where(PaymentAllocationRow.attempt_id == attempt_id, PaymentAllocationRow.is_open)
                .values(is_open=False)
            )


def add_event(
    attempt_id: AttemptId,
    kind: AttemptEventKind,
    *,
    actor: str,
    at: datetime,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add an event to an attempt's history."""
    with transaction() as connection:
        connection.execute(
            insert(PaymentEventRow).values(
                attempt_id=attempt_id, kind=kind.value, actor=actor, at=at, detail=dict(detail or {})
            )
        )


def note_departure(attempt_id: AttemptId, *, actor: str, at: datetime) -> None:
    """Write down, once, that a browser went on from our page to the bank's. A lock is held."""
    if not has_departed(attempt_id):
        add_event(attempt_id, AttemptEventKind.DEPARTED, actor=actor, at=at)


def has_departed(attempt_id: AttemptId) -> bool:
    """Whether a browser went on to the bank from our page."""
    with read() as connection:
        statement = select(PaymentEventRow.id).where(
            PaymentEventRow.attempt_id == attempt_id, PaymentEventRow.kind == AttemptEventKind.DEPARTED.value
        )
        return connection.scalar(statement.limit(1)) is not None


def attempt(attempt_id: AttemptId, *, lock: bool = False) -> Attempt | None:
    """The attempt with its allocations, or None; ``lock`` locks it until the transaction ends."""
    with read() as connection:
        statement = select(PaymentAttemptRow.__table__).where(PaymentAttemptRow.id == attempt_id)
        row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
        return with_allocations([row])[0] if row else None


def attempt_of_track_id(track_id: int) -> Attempt | None:
    """The attempt that a track id of the gateway belongs to."""
    with read() as connection:
        statement = select(PaymentAttemptRow.__table__).where(
            PaymentAttemptRow.provider == PROVIDER, PaymentAttemptRow.track_id == track_id
        )
        row = connection.execute(statement).one_or_none()
        return with_allocations([row])[0] if row else None


def open_or_undecided(
    invoice_ids: Sequence[InvoiceId], *, expired_since: datetime | None = None
) -> list[Attempt]:
    """Attempts at any of these invoices that are open, or that ended and are not decided now; the oldest first.

    With ``expired_since`` also those that expired without a word, and were handed over after that instant.
    """
    if not invoice_ids:
        return []
    with read() as connection:
        statement = text(
            "SELECT * FROM payment_attempt WHERE id IN"
            " (SELECT l.attempt_id FROM payment_allocation l JOIN payment_attempt a ON a.id = l.attempt_id"
            " WHERE l.invoice_id IN :ids AND (l.is_open OR (a.state IN :ended AND a.verdict IN :verdicts)"
            " OR (a.state = 'expired' AND a.redirected_at > CAST(:since AS timestamptz))))"
            " ORDER BY created_at, id"
        ).bindparams(*[bindparam(name, expanding=True) for name in ("ids", "ended", "verdicts")])
        wanted = {
            "ids": list(invoice_ids),
            "ended": [each.value for each in UNPAID_STATES],
            "verdicts": [each.value for each in NOT_DECIDED],
            "since": expired_since,
        }
        return with_allocations(connection.execute(statement, wanted).all())


def due_ids(now: datetime, future: datetime, limit: int) -> list[AttemptId]:
    """Attempts that the gateway is to be asked about; late checks after all others, and then the most overdue first.

    What was last touched after ``future`` was so before the clock was set back, and its plan means nothing now.
    """
    with read() as connection:
        statement = text(
            "SELECT id FROM payment_attempt WHERE next_check_at IS NOT NULL AND (next_check_at <= :now"
            " OR coalesce(last_inquiry_at, redirected_at, created_at) > :future)"
            " ORDER BY state IN :late, next_check_at LIMIT :limit"
        ).bindparams(bindparam("late", expanding=True))
        late = [each.value for each in LATE_STATES]
        found = connection.scalars(statement, {"now": now, "future": future, "late": late, "limit": limit})
        return [AttemptId(each) for each in found]


def unused_ids(
    now: datetime, *, created_before: datetime, requested_before: datetime, future: datetime, limit: int
) -> list[AttemptId]:
    """Attempts without a payer that have waited too long, the oldest first; ``rules.is_unused`` in SQL."""
    with read() as connection:
        statement = text(
            "SELECT id FROM payment_attempt WHERE (next_check_at IS NULL OR next_check_at <= :now)"
            " AND ((state = 'created' AND created_at <= :created)"
            " OR (state = 'requested' AND created_at <= :requested)"
            " OR (state IN ('created', 'requested') AND created_at > :future))"
            " ORDER BY created_at LIMIT :limit"
        )
        found = connection.scalars(
            statement,
            {
                "now": now,
                "created": created_before,
                "requested": requested_before,
                "future": future,
                "limit": limit,
            },
        )
        return [AttemptId(each) for each in found]


def postpone(attempt_id: AttemptId, until: datetime) -> bool:
    """Set an attempt's next check, even if its row is broken; False when the attempt is gone."""
    with transaction() as connection:
        statement = (
            update(PaymentAttemptRow).where(PaymentAttemptRow.id == attempt_id).values(next_check_at=until)
        )
        return connection.execute(statement).rowcount == 1


def with_allocations(rows: Sequence[Row[Any]]) -> list[Attempt]:
    """Attempts from rows of their table, each with its allocations."""
    if not rows:
        return []
    statement = text(
        "SELECT l.attempt_id, l.invoice_id, l.amount_rial, l.position, coalesce(i.number, '') AS number"
        " FROM payment_allocation l JOIN tenant_invoice i ON i.id = l.invoice_id"
        " WHERE l.attempt_id IN :ids ORDER BY l.position"
    ).bindparams(bindparam("ids", expanding=True))
    found: dict[UUID, list[Allocation]] = {}
    with read() as connection:
        allocations = connection.execute(statement, {"ids": [row.id for row in rows]}).all()
    for row in allocations:
        found.setdefault(row.attempt_id, []).append(
            Allocation(
                invoice_id=InvoiceId(row.invoice_id),
                amount_rial=Rial(row.amount_rial),
                position=row.position,
                number=row.number,
            )
        )
    return [_to_attempt(row, tuple(found.get(row.id, ()))) for row in rows]


def _to_columns(changes: AttemptChanges) -> dict[str, object]:
    columns: dict[str, object] = {**changes}
    if "flags" in changes:
        columns["flags"] = [each.value for each in changes["flags"]]
    if (check := columns.pop("check", None)) is not None:
        columns |= {name: getattr(check, name) for name in _CHECK_COLUMNS}
        verdict = columns["verdict"]
        columns["verdict"] = verdict.value if isinstance(verdict, AttemptVerdict) else None
    return columns


def _to_attempt(row: Row[Any], allocations: tuple[Allocation, ...]) -> Attempt:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public way to a row's names
    values["verdict"] = AttemptVerdict(row.verdict) if row.verdict else None
    check = GatewayCheck(**{name: values.pop(name) for name in _CHECK_COLUMNS})
    values.update(
        state=AttemptState(row.state),
        flags=tuple(PaymentFlag(each) for each in row.flags),
        nonce_sha256=bytes(row.nonce_sha256),
        check=check,
        allocations=allocations,
    )
    return Attempt(**values)
