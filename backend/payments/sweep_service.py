"""The sweeper: reconciles due attempts of payers who never returned, and opens sessions ahead of the click."""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from backend.actor import Actor
from backend.config import settings
from backend.db.engine import advisory_lock, transaction
from backend.db.locks import LockNumber
from backend.errors import AppError
from backend.invoices import service as invoices
from backend.invoices.types import Due
from backend.log import get_logger
from backend.money import Rial
from backend.payments import (
    hand_off_service,
    reconcile_service,
    report_repository,
    repository,
    rules,
    start_service,
)
from backend.payments.types import AttemptEventKind, AttemptId, AttemptState, OpenedSessions, SweepReport

# Far more than a round has time for where the gateway is slow; ``ROUND_S`` is what ends it.
AT_ONCE = 5000
# The gateway may take seconds to answer, and a round must end well within its minute. Connections are for others too.
WORKERS = 4
# The longest reconciliation takes half a minute more; the next round begins with what this one left.
ROUND_S = 45.0
# A row that hits a bug would be the most overdue one for ever.
BROKEN_WAIT = timedelta(hours=1)

log = get_logger(__name__)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Generic[Item]):
    """Results of parallel work: answers with yes, items done, failed, broken by a bug, and left."""

    yes: int
    done: int
    failed: int
    broken: list[Item]
    left: int


def sweep(actor: Actor, now: datetime) -> SweepReport:
    """Run a round over everything due; a second sweeper at the same time does nothing."""
    with advisory_lock(LockNumber.SWEEP) as is_ours:
        if not is_ours:
            return SweepReport(was_busy=True)
        until = time.monotonic() + ROUND_S
        expired = in_parallel(
            lambda each: _expire(actor, each, now), _unused(now), "payment.expiry_failed", until=until
        )
        reconciled = in_parallel(
            lambda each: _reconcile_due(actor, each, now),
            repository.due_ids(now, now + rules.CLOCK_SKEW, AT_ONCE),
            "payment.sweep_failed",
            until=until,
        )
        in_parallel(
            lambda each: repository.postpone(each, now + BROKEN_WAIT),
            [*expired.broken, *reconciled.broken],
            "payment.not_postponed",
        )
    undecided = report_repository.health(now, now - rules.ALARM_AFTER).undecided
    return SweepReport(
        reconciled=reconciled.done,
        settled=reconciled.yes,
        expired=expired.yes,
        failed=expired.failed + reconciled.failed,
        left=expired.left + reconciled.left,
        undecided=undecided,
    )


def _reconcile_due(actor: Actor, attempt_id: AttemptId, now: datetime) -> bool:
    """Reconcile one attempt; True when its money arrived by that."""
    before = reconcile_service.found(attempt_id)
    after = reconcile_service.reconcile(actor, attempt_id, now)
    if rules.is_alarming(after, now):
        log.error(
            "payment.undecided",
            attempt=after.id,
            tenant=after.tenant_id,
            since=after.redirected_at,
            verdict=after.check.verdict,
            reason=after.check.last_error,
            todo="look at the evidence, check again, resolve it",
        )
    return after.has_money and not before.has_money


def _unused(now: datetime) -> list[AttemptId]:
    return repository.unused_ids(
        now,
        created_before=now - rules.START_GRACE,
        requested_before=now - _prepared_ttl(),
        future=now + rules.CLOCK_SKEW,
        limit=AT_ONCE,
    )


def _prepared_ttl() -> timedelta:
    return timedelta(seconds=settings().payment_prepared_ttl_s)


def _expire(actor: Actor, attempt_id: AttemptId, now: datetime) -> bool:
    """Close an attempt that has no payer; the gateway is not asked, because nobody can have paid."""
    with transaction():
        attempt = repository.attempt(attempt_id, lock=True)
        assert attempt is not None
        # A click may just have opened it, or handed it over.
        if not rules.is_unused(attempt, now, _prepared_ttl()):
            return False
        created = attempt.state == AttemptState.CREATED
        kind = AttemptEventKind.FAILED_TO_START if created else AttemptEventKind.EXPIRED
        repository.change(
            attempt_id, AttemptState.FAILED_TO_START if created else AttemptState.EXPIRED, next_check_at=None
        )
        repository.add_event(attempt_id, kind, actor=actor.label, at=now)
    return True


def open_sessions(actor: Actor) -> OpenedSessions:
    """Open sessions for invoices that never had one, the newest first, as many as the setting allows."""
    cap = settings().payment_prepared_sessions
    with advisory_lock(LockNumber.OPENING_SESSIONS) as is_ours:
        if not is_ours or cap == 0:
            return OpenedSessions()
        dues = invoices.pending_without_session(
            actor, cap, minimum=Rial(settings().zibal_min_rial), maximum=Rial(settings().zibal_max_rial)
        )
        done = in_parallel(lambda each: _open(actor, each), dues, "payment.not_prepared")
    return OpenedSessions(opened=done.yes, failed=done.failed)


def _open(actor: Actor, due: Due) -> bool:
    claimed = start_service.claim(actor, due.tenant_id, [due.id])
    if isinstance(claimed, start_service.InTheWay):
        return False
    hand_off_service.open_session(actor, claimed)
    return True


def in_parallel(
    work: Callable[[Item], bool], items: Sequence[Item], event: str, *, until: float = math.inf
) -> Done[Item]:
    """Do the same with each item, some at a time; no new one is begun after ``until`` on the monotonic clock.

    A failure is told and ends nothing but itself, whatever it is; what hit a bug is given back as broken.
    """

    def in_time(item: Item) -> bool | None:
        return work(item) if time.monotonic() < until else None

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="payments") as pool:
        futures = [(item, pool.submit(in_time, item)) for item in items]
    answers: list[bool | None] = []
    broken = []
    for item, future in futures:
        if (wrong := future.exception()) is None:
            answers.append(future.result())
        elif isinstance(wrong, AppError):
            log.warning(event, item=item, reason=wrong)
        else:
            broken.append(item)
            log.exception(event, caught=wrong, item=item)  # noqa: LOG004 - our own, which is given the exception
    left = answers.count(None)
    return Done(
        yes=answers.count(True),
        done=len(answers) - left,
        failed=len(items) - len(answers),
        broken=broken,
        left=left,
    )
