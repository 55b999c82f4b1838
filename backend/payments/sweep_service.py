"""For those who never came back: ask about every attempt that is due; and open sessions ahead of the click."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

from backend.actor import Actor
from backend.config import settings
from backend.db.engine import advisory_lock, transaction
from backend.errors import AppError
from backend.invoices import service as invoices
from backend.invoices.types import Due
from backend.log import get_logger
from backend.payments import judge_service, report_repository, repository, rules, start_service
from backend.payments.judge_service import name_of
from backend.payments.types import AttemptId, EventKind, OpenedSessions, State, SweepReport

SWEEP_LOCK = 724_021
OPEN_LOCK = 724_022
AT_ONCE = 200
# The gateway may take seconds to answer, and a round must end well within its minute. Connections are for others too.
WORKERS = 4

log = get_logger(__name__)

Item = TypeVar("Item")


def sweep(actor: Actor, now: datetime) -> SweepReport:
    """One round over what is due; a second sweeper at the same time does nothing."""
    with advisory_lock(SWEEP_LOCK) as is_ours:
        if not is_ours:
            return SweepReport(was_busy=True)
        expired = _expire_unused(actor, now)
        judged, failed = in_parallel(
            lambda each: _judge_due(actor, each, now),
            repository.due_ids(now, now + rules.CLOCK_SKEW, AT_ONCE),
            "payment.sweep_failed",
        )
    undecided = report_repository.health(now, now - rules.ALARM_AFTER).undecided
    return SweepReport(
        judged=len(judged), settled=sum(judged), expired=expired, failed=failed, undecided=undecided
    )


def _judge_due(actor: Actor, attempt_id: AttemptId, now: datetime) -> bool:
    """Judge one attempt; whether its money arrived by that."""
    before = judge_service.found(attempt_id)
    after = judge_service.judge(actor, attempt_id, now)
    if rules.is_alarming(after, now):
        log.error(
            "payment.undecided",
            attempt=after.id,
            tenant=after.tenant_id,
            since=after.redirected_at,
            verdict=after.verdict,
            reason=after.last_error,
            todo="look at the evidence, check again, resolve it",
        )
    return after.has_money and not before.has_money


def _expire_unused(actor: Actor, now: datetime) -> int:
    """Close what nobody was ever sent to; no question is needed, for nobody can have paid."""
    prepared_ttl = timedelta(seconds=settings().payment_prepared_ttl_s)
    with transaction():
        unused = repository.never_handed_over(
            now - rules.START_GRACE, now - prepared_ttl, now + rules.CLOCK_SKEW, AT_ONCE
        )
        for attempt in unused:
            created = attempt.state == State.CREATED
            state = State.FAILED_TO_START if created else State.EXPIRED
            kind = EventKind.FAILED_TO_START if created else EventKind.EXPIRED
            repository.change(attempt.id, state)
            repository.add_event(attempt.id, kind, actor=name_of(actor), at=now)
    return len(unused)


def open_sessions(actor: Actor) -> OpenedSessions:
    """Open sessions for invoices that never had one, the newest first, as many as the setting allows."""
    cap = settings().payment_prepared_sessions
    with advisory_lock(OPEN_LOCK) as is_ours:
        if not is_ours or cap == 0:
            return OpenedSessions()
        dues = [
            due
            for due in invoices.pending_without_session(actor, cap)
            if settings().zibal_min_rial <= due.amount_rial <= settings().zibal_max_rial
        ]
        opened, failed = in_parallel(lambda each: _open(actor, each), dues, "payment.not_prepared")
    return OpenedSessions(opened=sum(opened), failed=failed)


def _open(actor: Actor, due: Due) -> bool:
    claimed = start_service.claim(actor, due.tenant_id, [due.id])
    if isinstance(claimed, start_service.InTheWay):
        return False
    start_service.open_session(actor, claimed)
    return True


def in_parallel(work: Callable[[Item], bool], items: Iterable[Item], event: str) -> tuple[list[bool], int]:
    """Do the same with each item, some at a time; the answers, and how many failed.

    A failure is told and ends nothing but itself, whatever it is.
    """
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="payments") as pool:
        futures = [(item, pool.submit(work, item)) for item in items]
    done, failed = [], 0
    for item, future in futures:
        if (wrong := future.exception()) is None:
            done.append(future.result())
            continue
        failed += 1
        if isinstance(wrong, AppError):
            log.warning(event, item=item, reason=wrong)
        else:
            log.exception(event, caught=wrong, item=item)  # noqa: LOG004 - our own, which is given the exception
    return done, failed
