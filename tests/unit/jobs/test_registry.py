"""When jobs run."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from backend.clock import TEHRAN
from backend.invoices.types import BillingRun, RunState
from jobs import nightly_billing
from jobs.registry import JOBS, job_named, names


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


def test_billing_also_catches_up_at_the_start_and_every_quarter_of_an_hour() -> None:
    [catch_up] = [job for job in JOBS if job.schedule == "catch_up"]

    assert catch_up.is_at_start
    assert catch_up.trigger.interval.total_seconds() == 900


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
        "send_mail",
        "sweep_payments",
        "reconcile_alerts",
        "open_payment_sessions",
        "housekeeping",
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
