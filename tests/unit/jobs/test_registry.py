"""When jobs run."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import uuid4

import pytest
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from backend.clock import TEHRAN
from backend.invoices.types import BillingRun, RunState
from backend.job_runs.types import Schedule
from jobs import housekeeping, nightly_backup, nightly_billing, verify_audit
from jobs.nights import last_due
from jobs.registry import JOBS, job_named, names
from jobs.runs import Job
from jobs.schedules import schedule_of


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(
            datetime(2026, 11, 22, 23, 0, tzinfo=UTC), datetime(2026, 11, 22, 23, 30, tzinfo=UTC), id="usual"
        ),
        pytest.param(
            datetime(2022, 9, 21, 12, 0, tzinfo=UTC), datetime(2022, 9, 21, 23, 30, tzinfo=UTC), id="25 hours"
        ),
        pytest.param(
            datetime(2022, 3, 21, 12, 0, tzinfo=UTC), datetime(2022, 3, 21, 22, 30, tzinfo=UTC), id="23 hours"
        ),
    ],
)
def test_billing_fires_at_three_in_tehran(now: datetime, expected: datetime) -> None:
    fires = job_named("nightly_billing").trigger.get_next_fire_time(None, now)

    assert fires == expected
    assert fires.astimezone(TEHRAN).hour == 3


def test_nights_are_also_caught_up_at_the_start_and_every_quarter_of_an_hour() -> None:
    catching_up = [job for job in JOBS if job.schedule == "catch_up"]

    assert {job.name for job in catching_up} == {
        "nightly_billing",
        "nightly_backup",
        "nightly_drill",
        "housekeeping",
        "verify_audit",
    }
    assert all(job.is_at_start for job in catching_up)
    assert {job.trigger.interval.total_seconds() for job in catching_up} == {900}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(
            datetime(2026, 11, 22, 22, 29, 59, tzinfo=UTC),
            datetime(2026, 11, 21, 22, 30, tzinfo=UTC),
            id="before",
        ),
        pytest.param(
            datetime(2026, 11, 22, 22, 30, tzinfo=UTC),
            datetime(2026, 11, 22, 22, 30, tzinfo=UTC),
            id="just then",
        ),
        pytest.param(
            datetime(2026, 11, 23, 12, 0, tzinfo=UTC), datetime(2026, 11, 22, 22, 30, tzinfo=UTC), id="later"
        ),
        pytest.param(
            datetime(2022, 9, 22, 12, 0, tzinfo=UTC), datetime(2022, 9, 21, 22, 30, tzinfo=UTC), id="25 hours"
        ),
    ],
)
def test_the_last_moment_that_was_due_is_one_in_tehran(now: datetime, expected: datetime) -> None:
    assert last_due(time(2, 0), now) == expected


def test_a_nights_moment_is_the_same_for_its_schedule_and_for_catching_up() -> None:
    moments = {
        nightly_backup.NAME: nightly_backup.AT,
        nightly_backup.DRILL_NAME: nightly_backup.DRILL_AT,
        housekeeping.NAME: housekeeping.AT,
        verify_audit.NAME: verify_audit.AT,
    }

    told = {name: schedule_of(job_named(name)) for name in moments}

    assert {name: time(each.hour or 0, each.minute or 0) for name, each in told.items()} == moments


def test_jobs_never_ask_for_the_zone_of_the_machine() -> None:
    program = (
        "from jobs.scheduler import _scheduler; from jobs.schedules import Firings;"
        " print(len(_scheduler(Firings()).get_jobs()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TZ": "IRST-3:30"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.stdout.strip(), run.stderr) == (str(len(JOBS)), "")


def test_every_schedule_has_its_own_name() -> None:
    assert len({(job.name, job.schedule) for job in JOBS}) == len(JOBS)
    assert names() == [
        "nightly_billing",
        "scan_day",
        "send_mail",
        "sweep_payments",
        "reconcile_alerts",
        "launch_runs",
        "index_documents",
        "open_payment_sessions",
        "discard_run_inputs",
        "nightly_backup",
        "nightly_drill",
        "housekeeping",
        "publish_audit_head",
        "verify_audit",
    ]


def test_the_outcome_names_each_day_and_the_reason_of_a_failure() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    done, failed = (
        BillingRun(
            id=uuid4(),
            day=date(2026, 11, day),
            started_by="x",
            state=state,
            started_at=now,
            finished_at=now,
            issued=2,
            held=1,
            error=error,
        )
        for day, state, error in (
            (21, RunState.FINISHED, None),
            (22, RunState.FAILED, "unavailable.prometheus"),
        )
    )

    assert nightly_billing.summary([done, failed]) == (
        "2026-11-21: 2 issued, 1 held; 2026-11-22: unavailable.prometheus"
    )


def test_every_schedule_can_be_told_to_people() -> None:
    told = [schedule_of(job) for job in JOBS]

    assert told[0] == Schedule(job="nightly_billing", hour=3, minute=0)
    assert told[1] == Schedule(job="nightly_billing", name="catch_up", every_s=900)


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        pytest.param(CronTrigger(minute=5), {"minute": 5}, id="hourly"),
        pytest.param(
            CronTrigger(day_of_week=0, hour=9, minute=0), {"weekday": 0, "hour": 9, "minute": 0}, id="weekly"
        ),
        pytest.param(IntervalTrigger(minutes=2), {"every_s": 120}, id="interval"),
    ],
)
def test_triggers_are_told_in_the_terms_of_people(trigger: Any, expected: dict[str, int]) -> None:
    assert schedule_of(Job(name="a_job", run=str, trigger=trigger)) == Schedule(job="a_job", **expected)


@pytest.mark.parametrize(
    "trigger",
    [
        pytest.param(CronTrigger(hour="*/2", minute=0), id="every second hour"),
        pytest.param(CronTrigger(day=1, hour=3, minute=0), id="monthly"),
        pytest.param(CronTrigger(second=5), id="a second of each minute"),
    ],
)
def test_a_schedule_that_no_page_could_tell_is_refused(trigger: Any) -> None:
    with pytest.raises(ValueError, match="more than a minute"):
        schedule_of(Job(name="a_job", run=str, trigger=trigger))


def test_a_date_is_no_schedule() -> None:
    with pytest.raises(TypeError, match="no interval"):
        schedule_of(Job(name="a_job", run=str, trigger=DateTrigger()))
