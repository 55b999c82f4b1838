"""The scheduler by itself: what was missed is billed when it starts, and failures are tried again."""

import os
import signal
import subprocess
import sys
from datetime import date, timedelta

import pytest

from backend import clock
from backend.actor import Actor
from backend.clock import day_window
from backend.db.engine import advisory_lock
from backend.db.locks import LockNumber
from backend.errors import Conflict
from backend.invoices import service as invoices
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import keep
from jobs import nightly_billing
from jobs.registry import job_named
from jobs.runs import JobError, execute
from tests import factories
from tests.conftest import forget_caches
from tests.integration.invoices.conftest import Past
from tests.integration.invoices.rows import counts
from tests.waiting import until

NIGHT = Actor.process_named("nightly_billing")


def test_missed_nights_are_billed_when_the_scheduler_starts(measured: Past) -> None:
    factories.tenant("alpha", billed_from=measured.yesterday - timedelta(days=3))
    due = invoices.open_days(NIGHT, due_only=True)
    assert len(due) in {3, 4}

    scheduler = keep(subprocess.Popen([sys.executable, "-m", "jobs"], cwd=REPOSITORY, env=os.environ.copy()))
    try:
        until(lambda: job_runs.runs(NIGHT, "nightly_billing"))
    finally:
        scheduler.send_signal(signal.SIGTERM)
        assert scheduler.wait(60) == 0

    assert [run.day for run in invoices.runs(NIGHT)[::-1]] == due
    assert job_runs.runs(NIGHT, "nightly_billing")[0].outcome == "; ".join(
        f"{day}: 1 issued, 0 held" for day in due
    )


@pytest.mark.parametrize(
    ("after_midnight", "is_open", "is_due"),
    [
        pytest.param(timedelta(minutes=5, microseconds=-1), False, False, id="its last scrapes may come"),
        pytest.param(timedelta(minutes=5), True, False, id="by hand"),
        pytest.param(timedelta(hours=3, microseconds=-1), True, False, id="just before three"),
        pytest.param(timedelta(hours=3), True, True, id="at three"),
    ],
)
def test_a_day_is_due_at_three_and_may_be_billed_by_hand_before(
    after_midnight: timedelta,
    is_open: bool,
    is_due: bool,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    day = date(2026, 11, 22)
    factories.tenant("alpha", billed_from=day)
    monkeypatch.setattr(clock, "utc_now", lambda: day_window(day).end + after_midnight)

    assert invoices.open_days(NIGHT) == [day] * is_open
    assert invoices.open_days(NIGHT, due_only=True) == [day] * is_due


def test_a_failed_night_is_on_record_with_its_reason(measured: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.tenant("alpha", billed_from=measured.yesterday - timedelta(days=2))
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:9")
    forget_caches()

    assert not execute(job_named("nightly_billing"), "scheduler")

    [run] = job_runs.last_runs(NIGHT)
    first = measured.yesterday - timedelta(days=2)
    assert (run.state, run.outcome) == (JobState.FAILED, f"{first}: unavailable.prometheus")
    with pytest.raises(JobError):
        nightly_billing.catch_up(NIGHT)


def test_a_night_beside_another_run_steps_aside(measured: Past) -> None:
    factories.tenant("alpha")

    with advisory_lock(LockNumber.BILLING):
        assert nightly_billing.run(NIGHT) is None
        with pytest.raises(Conflict):
            invoices.bill_open_days(NIGHT)

    assert not any(counts().values())
