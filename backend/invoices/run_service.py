"""Runs of billing: which days are open, in what order they are billed, and how each run ended."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from uuid import uuid4

from backend import clock
from backend.actor import OPERATOR_ROLES, STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.collector import collector_paused
from backend.config import settings
from backend.db.engine import advisory_lock, read
from backend.db.locks import LockNumber
from backend.errors import AppError, Conflict, Invalid, NotFound, Refused, Unavailable
from backend.i18n.errors import error_text
from backend.invoices import (
    billing_service,
    report_repository,
    repository,
    rules,
    scanned_service,
    waiting_service,
)
from backend.invoices.billing_service import DayUsage
from backend.invoices.types import BillingPlan, BillingRun, RunState
from backend.log import get_logger
from backend.tenants import service as tenants
from backend.tenants.types import Tenant
from backend.usage import service as usage
from backend.usage.metering.planned_days import PlannedDays

SCANNING = Actor.process_named("billing")
OLDEST_ALARM_DAYS = 400
# The last scrape of a day may reach Prometheus a little after midnight; the nightly run waits until 03:00.
SETTLING = timedelta(minutes=5)
NIGHTLY_AT = timedelta(hours=3)

log = get_logger(__name__)


def bill_day(actor: Actor, day: date, *, started_by: str | None = None) -> BillingRun | None:
    """Bill a closed Tehran day, whatever its age. Idempotent: None when there was nothing left to bill.

    Raises:
        Invalid: the day has not ended.
        Conflict: another run is at work.
        Unavailable: Prometheus or the database did not answer; a failed run is recorded where that is possible.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    with _only_runner():
        return _bill_day(actor, day, started_by or actor.name, is_asked_for=True)


def bill_open_days(
    actor: Actor,
    *,
    day: date | None = None,
    due_only: bool = False,
    plan_hash: str | None = None,
) -> list[BillingRun]:
    """Bill every closed day of the window that is open, the oldest first; a day that fails ends the run.

    Then what waited for the scan of its day, and has had it, is billed, unless a plan was seen: it did not show that.
    Then the invoices that waited for the price of a model, and have it now, are issued: after a day that failed only
    if no plan was seen, because a plan has counted with that day. Safe to repeat, to run twice at once and to kill:
    what was done stays done and the next run does the rest.

    Args:
        actor: an operator or a process of the system.
        day: only this day, whatever its age, and only what waited on it.
        due_only: leave out a day before 03:00 of the next.
        plan_hash: do it only if the plan is still the one that a person has seen.

    Returns:
        One run for each day that was billed, then one for each day whose waiting invoices were issued, then the
        failed one. Empty when nothing was open and nothing waited.

    Raises:
        Invalid: the day has not ended.
        Conflict: another run is at work, or the plan is no longer the one that was seen.
        Unavailable: the database did not answer.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    with _only_runner():
        days = [day] if day is not None else open_days(actor, due_only=due_only)
        if plan_hash is not None:
            _scan_first(days)
            if plan(actor, day).plan_hash != plan_hash:
                raise Conflict(reason="plan_changed")
        runs = _bill_in_order(actor, days, is_asked_for=day is not None, is_seen=plan_hash is not None)
        failed = [run for run in runs if run.state is RunState.FAILED]
        if failed and plan_hash is not None:
            return runs
        scanned = scanned_service.bill_scanned_days(actor, day) if plan_hash is None else []
        return [
            *(run for run in runs if run not in failed),
            *scanned,
            *waiting_service.release(actor, day, actor.name),
            *failed,
        ]


def bill_planned_day(actor: Actor, day: date, plan_hash: str, *, started_by: str) -> BillingRun | None:
    """Bill a day exactly as a person confirmed it. For processes; None when it was billed already.

    Raises:
        Conflict: another run is at work, or the day's invoices would no longer be those that were seen.
        Unavailable: Prometheus or the database did not answer.
    """
    require_process(actor)
    with _only_runner():
        if not _not_whole(actor, [day]):
            return None
        _scan_first([day])
        planned = [each.plan_hash for each in plan(actor, day).days if not each.has_waited]
        if planned != [plan_hash]:
            raise Conflict(reason="plan_changed")
        return _bill_day(actor, day, started_by, is_asked_for=True, is_seen=True)


def release_planned_day(actor: Actor, day: date, plan_hash: str, *, started_by: str) -> BillingRun | None:
    """Issue a day's invoices that waited for prices exactly as a person confirmed it, after the days of the plan.

    For processes; None when nothing waits any more.

    Raises:
        Conflict: another run is at work, or the invoices would no longer be those that were seen.
    """
    require_process(actor)
    with _only_runner():
        return waiting_service.release_planned(actor, day, plan_hash, started_by)


def priced_days(actor: Actor) -> list[date]:
    """The days with invoices that waited for the price of a model and have it now, the oldest first."""
    require_role_or_process(actor, *STAFF_ROLES)
    return waiting_service.priced_days(actor)


def plan(actor: Actor, day: date | None = None) -> BillingPlan:
    """Measure and price the days of a run as it would do now; writes nothing.

    Each day is measured as if those before it were stored. A day on which nothing ran is left out where the run
    leaves it out, and ends the plan where it would fail and end the run. After the days come those whose invoices
    waited for a price and have it now, unless the plan ends before.

    Raises:
        Invalid: the day has not ended.
        NotFound: no price list is valid on a day of it.
        Unavailable: Prometheus or the database did not answer.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    known = billing_service.tenants_by_label(actor)
    planned = billing_service.Planned()
    measured = PlannedDays()
    bills, days = [], []
    with collector_paused():
        for each in [day] if day is not None else open_days(actor):
            _check_ended(each)
            found = billing_service.usage_of(actor, each, after=measured)
            error = None
            if found.is_empty and day is None:
                if not measured.days and not _had_processes_before(actor, each):
                    continue
                error = _lost().reason_key
            elif found.measurement is not None:
                measured.add(found.measurement)
            bill = billing_service.basis_of(actor, each, planned).bill(found, known)
            planned.add(bill)
            bills.append(bill)
            is_new = found.measurement is not None
            days.append(rules.to_day_plan(bill, new=is_new, is_scanned=found.is_scanned, error=error))
            if error is not None:
                break
        else:
            released = waiting_service.plan(actor, planned, day)
            bills += released
            days += [rules.to_day_plan(bill, new=False, has_waited=True) for bill in released]
    return BillingPlan(days=days, plan_hash=rules.plan_hash(bills))


def open_days(actor: Actor, *, due_only: bool = False) -> list[date]:
    """The closed days of the window that were never billed whole, the oldest first."""
    require_role_or_process(actor, *STAFF_ROLES)
    now = clock.utc_now()
    days = rules.window_days(
        _first_open_day(now), settings().billing_window_days, tenants.first_billed(actor)
    )
    if due_only:
        days = [day for day in days if rules.is_due(clock.day_window(day).end, now, NIGHTLY_AT)]
    return _not_whole(actor, days)


def _first_open_day(now: datetime) -> date:
    """The day that cannot be billed yet: today, and for some minutes after midnight still yesterday."""
    return clock.billing_day(now - SETTLING)


def overdue_days(actor: Actor) -> list[date]:
    """Days older than the window that were never billed whole; they want an explicit run of that day.

    Days before the first one that was ever measured are not counted: nothing was there to be billed.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    first_billed = tenants.first_billed(actor)
    if first_billed is None:
        return []
    last = _first_open_day(clock.utc_now()) - timedelta(days=settings().billing_window_days + 1)
    first = max(first_billed, last - timedelta(days=OLDEST_ALARM_DAYS))
    measured = usage.measured_days(actor, first, last)
    if not measured:
        return []
    first = min(measured)
    return _not_whole(actor, [first + timedelta(days=n) for n in range((last - first).days + 1)])


def _scan_first(days: Sequence[date]) -> None:
    """Scan the days that are not stored yet, before they are measured. What cannot be scanned is held.

    It runs also before a plan is compared with the one that a person confirmed. If the scan finds a fall that the
    person did not know of, the plans differ, and the person is asked again.

    Raises:
        Unavailable: Prometheus failed before the first part was scanned, or the database failed.
    """
    measured = usage.measured_days(SCANNING, days[0], days[-1]) if days else set()
    for day in days:
        if day not in measured and rules.is_due(clock.day_window(day).end, clock.utc_now(), SETTLING):
            usage.scan_day(SCANNING, day, is_hurried=True, for_s=settings().usage_scan_deadline_s)


def _bill_in_order(actor: Actor, days: list[date], *, is_asked_for: bool, is_seen: bool) -> list[BillingRun]:
    finished: list[BillingRun] = []
    for day in days:
        run = _bill_day(actor, day, actor.name, is_asked_for=is_asked_for, is_seen=is_seen)
        if run is not None:
            finished.append(run)
        if run is not None and run.state == RunState.FAILED:
            break
    return finished


def _bill_day(
    actor: Actor, day: date, started_by: str, *, is_asked_for: bool, is_seen: bool = False
) -> BillingRun | None:
    """Bill a day. With ``is_seen`` as a person has confirmed it: it is not scanned again, which could change it."""
    _check_ended(day)
    started_at = clock.utc_now()
    if not _not_whole(actor, [day]):
        return None
    try:
        with collector_paused():
            found, known = _scanned_usage(actor, day, is_seen=is_seen)
            if found.is_empty and not is_asked_for:
                _check_not_lost(actor, day)
                return None
            run = billing_service.store(actor, found, known, started_by=started_by, started_at=started_at)
    except (NotFound, Unavailable) as error:
        if error.data.get("service") == "database":
            raise
        return _record_failure(day, started_by, started_at, error)
    except Refused:
        raise
    except Exception:
        # An error that nothing here expects may pass or not: the day counts as failed, and is tried again.
        _record_failure(day, started_by, started_at, AppError())
        raise
    if run is not None:
        log.info(
            "billing.day_billed",
            day=day,
            issued=run.issued,
            held=run.held,
            unknown_labels=run.unknown_labels,
            tokens=run.tokens,
            amount_rial=run.amount_rial,
            duration_s=round(run.duration_s, 3),
        )
    return run


def _scanned_usage(actor: Actor, day: date, *, is_seen: bool) -> tuple[DayUsage, dict[str, Tenant]]:
    """Scan and measure a day; its usage, and the tenants by label.

    If the measurement read series that the scan has missed, the day is scanned and measured again.

    Raises:
        Conflict: such series came after a person had confirmed the day.
    """
    if not is_seen:
        _scan_first([day])
    found, known = billing_service.usage_and_tenants(actor, day)
    if found.measurement is None or not usage.reopen_missed(SCANNING, found.measurement):
        return found, known
    if is_seen:
        raise Conflict(reason="plan_changed")
    _scan_first([day])
    return billing_service.usage_and_tenants(actor, day)


def _check_not_lost(actor: Actor, day: date) -> None:
    """Refuse a day without any process after days that had some.

    With a wrong selector, or if Prometheus lost its data, a day looks as if nothing ran on it. Only a person can tell
    the difference, and bills the day by asking for it.
    """
    if _had_processes_before(actor, day):
        raise _lost()


def _had_processes_before(actor: Actor, day: date) -> bool:
    return bool(usage.measured_days(actor, day - timedelta(days=OLDEST_ALARM_DAYS), day - timedelta(days=1)))


def _lost() -> Unavailable:
    return Unavailable(service="prometheus", reason="no_processes")


def _record_failure(day: date, started_by: str, started_at: datetime, error: AppError) -> BillingRun:
    run = BillingRun(
        id=uuid4(),
        day=day,
        started_by=started_by,
        state=RunState.FAILED,
        started_at=started_at,
        finished_at=clock.utc_now(),
        error=error.reason_key,
    )
    repository.insert_run(run)
    log.error(
        "billing.day_failed", day=day, reason=run.error, detail=str(error), meaning=error_text(error, "en")
    )
    return run


def _check_ended(day: date) -> None:
    if not rules.is_due(clock.day_window(day).end, clock.utc_now(), SETTLING):
        raise Invalid(field="day", reason="day_is_open")


def _not_whole(actor: Actor, days: list[date]) -> list[date]:
    if not days:
        return []
    measured = usage.measured_days(actor, days[0], days[-1])
    with read():
        left_over = report_repository.left_over_days(days[0], days[-1])
    return [day for day in days if day not in measured or day in left_over]


@contextmanager
def _only_runner() -> Iterator[None]:
    with advisory_lock(LockNumber.BILLING) as is_ours:
        if not is_ours:
            raise Conflict(reason="billing_is_running")
        yield
