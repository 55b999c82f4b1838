"""Every job and when it runs. Each trigger names its zone: without one it would ask for the machine's."""

from collections.abc import Callable
from datetime import UTC, time

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from backend.actor import Actor
from backend.clock import TEHRAN
from backend.job_runs.types import CATCHING_UP
from jobs import (
    discard_run_inputs,
    housekeeping,
    index_documents,
    launch_runs,
    nightly_backup,
    nightly_billing,
    publish_audit_head,
    reconcile_alerts,
    scan_day,
    send_mail,
    sweep_payments,
    verify_audit,
)
from jobs.nights import was_missed
from jobs.runs import Job


def _nightly(at: time) -> CronTrigger:
    return CronTrigger(hour=at.hour, minute=at.minute, timezone=TEHRAN)


def _catching_up(name: str, run: Callable[[Actor], str | None], is_due: Callable[[Actor], bool]) -> Job:
    """The second schedule of a nightly job: the night that nobody led through, soon after somebody leads again."""
    return Job(
        name=name,
        schedule=CATCHING_UP,
        run=run,
        trigger=IntervalTrigger(minutes=15, timezone=UTC),
        is_at_start=True,
        is_due=is_due,
    )


JOBS = (
    Job(
        name=nightly_billing.NAME,
        run=nightly_billing.run,
        trigger=CronTrigger(hour=3, minute=0, timezone=TEHRAN),
        when_paused=nightly_billing.raise_alarm,
    ),
    # Nights that were missed while nobody led, and days that failed. The database knows them, not the scheduler.
    Job(
        name=nightly_billing.NAME,
        schedule=CATCHING_UP,
        run=nightly_billing.catch_up,
        trigger=IntervalTrigger(minutes=15, timezone=UTC),
        is_at_start=True,
        is_always_recorded=False,
    ),
    # Before the night's billing, which looks at what is left, without pauses.
    Job(
        name=scan_day.NAME,
        run=scan_day.run,
        trigger=CronTrigger(hour=0, minute=20, timezone=TEHRAN),
        is_always_recorded=False,
    ),
    Job(
        name=scan_day.NAME,
        schedule="go_on",
        run=scan_day.run,
        trigger=IntervalTrigger(minutes=1, timezone=UTC),
        is_at_start=True,
        is_always_recorded=False,
    ),
    Job(
        name=send_mail.NAME,
        run=send_mail.run,
        trigger=IntervalTrigger(seconds=5, timezone=UTC),
        is_at_start=True,
        is_always_recorded=False,
    ),
    Job(
        name=sweep_payments.NAME,
        run=sweep_payments.run,
        trigger=IntervalTrigger(minutes=1, timezone=UTC),
        is_at_start=True,
        is_always_recorded=False,
    ),
    Job(
        name=reconcile_alerts.NAME,
        run=reconcile_alerts.run,
        trigger=IntervalTrigger(seconds=30, timezone=UTC),
        is_at_start=True,
        is_always_recorded=False,
    ),
    Job(
        name=launch_runs.NAME,
        run=launch_runs.run,
        trigger=IntervalTrigger(seconds=1, timezone=UTC),
        is_at_start=True,
        is_always_recorded=False,
    ),
    Job(
        name=index_documents.NAME,
        run=index_documents.run,
        trigger=IntervalTrigger(hours=1, timezone=UTC),
        is_at_start=True,
        is_always_recorded=False,
    ),
    Job(
        name=sweep_payments.OPEN_NAME,
        run=sweep_payments.open_sessions,
        trigger=CronTrigger(hour=3, minute=20, timezone=TEHRAN),
        is_always_recorded=False,
    ),
    Job(
        name=discard_run_inputs.NAME,
        run=discard_run_inputs.run,
        trigger=IntervalTrigger(minutes=15, timezone=UTC),
        is_at_start=True,
        is_always_recorded=False,
    ),
    Job(
        name=nightly_backup.NAME,
        run=nightly_backup.run,
        trigger=_nightly(nightly_backup.AT),
    ),
    _catching_up(nightly_backup.NAME, nightly_backup.run, nightly_backup.was_missed),
    Job(
        name=nightly_backup.DRILL_NAME,
        run=nightly_backup.drill,
        trigger=_nightly(nightly_backup.DRILL_AT),
    ),
    _catching_up(nightly_backup.DRILL_NAME, nightly_backup.drill, nightly_backup.was_drill_missed),
    Job(
        name=housekeeping.NAME,
        run=housekeeping.run,
        trigger=_nightly(housekeeping.AT),
    ),
    _catching_up(housekeeping.NAME, housekeeping.run, was_missed(housekeeping.NAME, housekeeping.AT)),
    Job(
        name=publish_audit_head.NAME,
        run=publish_audit_head.run,
        trigger=CronTrigger(minute=1, timezone=TEHRAN),
        is_always_recorded=False,
    ),
    Job(
        name=verify_audit.NAME,
        run=verify_audit.run,
        trigger=_nightly(verify_audit.AT),
    ),
    _catching_up(verify_audit.NAME, verify_audit.run, was_missed(verify_audit.NAME, verify_audit.AT)),
)


# The first schedule of each job: the later one does not replace it.
_BY_NAME = {job.name: job for job in reversed(JOBS)}


def job_named(name: str) -> Job:
    """The first schedule of a job. Raises KeyError for an unknown name."""
    return _BY_NAME[name]


def names() -> list[str]:
    """The names of all jobs, each once."""
    return list(dict.fromkeys(job.name for job in JOBS))
