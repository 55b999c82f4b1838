"""A firing of a job ends on record, whatever the job does."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from threading import Timer

import pytest
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import text

from backend import clock
from backend.actor import Actor
from backend.audit import service as audit
from backend.db.engine import transaction
from backend.errors import Unavailable
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import keep
from jobs import housekeeping, send_mail
from jobs.registry import job_named
from jobs.runs import Job, JobError, execute
from tests.conftest import forget_caches
from tests.waiting import PATIENCE_S, until

PROCESS = Actor.process_named("tests")


def failing(error: Exception) -> Callable[[Actor], str | None]:
    def run(_actor: Actor) -> str:
        raise error

    return run


def job(run: Callable[[Actor], str | None], *, always: bool = True) -> Job:
    return Job(name="a_job", run=run, trigger=IntervalTrigger(seconds=1), is_always_recorded=always)


@pytest.mark.parametrize("always", [True, False], ids=["always recorded", "only when telling"])
@pytest.mark.parametrize(
    ("run", "state", "outcome"),
    [
        pytest.param(lambda _: "3 done", JobState.FINISHED, "3 done", id="done"),
        pytest.param(failing(JobError("day 1 failed")), JobState.FAILED, "day 1 failed", id="failed"),
        pytest.param(failing(Unavailable(service="mail")), JobState.FAILED, "unavailable.mail", id="vendor"),
        pytest.param(
            failing(Unavailable(service="mail", cause="connection")),
            JobState.FAILED,
            "unavailable.mail",
            id="vendor with a cause",
        ),
        pytest.param(failing(RuntimeError("secret")), JobState.FAILED, "unknown", id="bug"),
        pytest.param(failing(JobError("a\0b")), JobState.FAILED, "ab", id="a zero byte"),
    ],
)
def test_every_end_is_on_record(
    database: str, run: Callable[[Actor], str | None], state: JobState, outcome: str, *, always: bool
) -> None:
    is_well = execute(job(run, always=always), "scheduler")

    [stored] = job_runs.last_runs(PROCESS)
    assert (stored.state, stored.outcome, stored.started_by) == (state, outcome, "scheduler")
    assert is_well == (state == JobState.FINISHED)


def test_a_frequent_job_that_did_nothing_leaves_no_record(database: str) -> None:
    assert execute(job(lambda _: "", always=False), "scheduler")
    assert execute(job(lambda _: "", always=True), "scheduler")

    assert len(job_runs.runs(PROCESS, "a_job")) == 1


def test_a_frequent_job_that_works_again_says_so_once(database: str) -> None:
    for run in (failing(JobError("no gateway")), lambda _: "", lambda _: ""):
        execute(job(run, always=False), "scheduler")

    newest, *others = job_runs.runs(PROCESS, "a_job")
    assert (newest.state, newest.outcome) == (JobState.FINISHED, "")
    assert [each.state for each in others] == [JobState.FAILED]


@pytest.mark.parametrize("always", [True, False], ids=["always recorded", "only when telling"])
def test_a_failure_stands_while_nothing_could_be_tried(database: str, *, always: bool) -> None:
    for run in (failing(JobError("no gateway")), lambda _: None):
        execute(job(run, always=always), "scheduler")
    between = job_runs.last_runs(PROCESS)

    execute(job(lambda _: "", always=always), "scheduler")

    assert [(each.state, each.outcome) for each in between] == [(JobState.FAILED, "no gateway")]
    assert [each.state for each in job_runs.last_runs(PROCESS)] == [JobState.FINISHED]


@pytest.mark.parametrize("always", [True, False], ids=["always recorded", "only when telling"])
def test_a_job_that_could_try_nothing_is_no_failure_by_itself(database: str, *, always: bool) -> None:
    assert execute(job(lambda _: None, always=always), "scheduler")

    assert [each.state for each in job_runs.last_runs(PROCESS)] == [JobState.FINISHED] * always


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit], ids=["ctrl-c", "exit"])
def test_a_run_whose_process_is_stopped_ends_on_record(
    database: str, end: Callable[[], BaseException]
) -> None:
    def stopped(_actor: Actor) -> str:
        raise end()

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        execute(job(stopped), job_runs.COMMAND)

    assert outcomes() == [(JobState.FAILED, "interrupted")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_leaves_no_run_at_work(database: str, number: signal.Signals) -> None:
    program = (
        "import time; from dataclasses import replace; from jobs import __main__ as command;"
        " known = command.job_named; slow = lambda _: time.sleep(600);"
        " command.job_named = lambda name: replace(known(name), run=slow);"
        " command.main(['run', 'verify_audit'])"
    )
    by_hand = keep(
        subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    )
    until(lambda: job_runs.runs(PROCESS, "verify_audit"))

    by_hand.send_signal(number)

    assert by_hand.wait(PATIENCE_S) != 0
    assert outcomes("verify_audit") == [(JobState.FAILED, "interrupted")]


@pytest.mark.parametrize(
    "end", [job_runs.take_over, job_runs.forget_old], ids=["a new leader", "housekeeping"]
)
def test_a_command_that_was_killed_is_at_work_for_hours_and_not_for_ever(
    database: str, monkeypatch: pytest.MonkeyPatch, end: Callable[[Actor], int]
) -> None:
    job_runs.start(PROCESS, "a_job", job_runs.COMMAND)
    now = clock.utc_now()
    states = []
    for hours in (5, 7):
        later = now + timedelta(hours=hours)
        monkeypatch.setattr(clock, "utc_now", lambda later=later: later)
        end(PROCESS)
        states += outcomes()

    assert states == [(JobState.RUNNING, ""), (JobState.FAILED, "interrupted")]


def outcomes(name: str = "a_job") -> list[tuple[JobState, str]]:
    return [(each.state, each.outcome) for each in job_runs.runs(PROCESS, name)]


def test_the_end_of_a_run_is_noted_as_soon_as_the_database_is_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = "postgresql://nobody@127.0.0.1:9/none"

    def loses_it(_actor: Actor) -> str:
        monkeypatch.setenv("DATABASE_URL", lost)
        forget_caches()
        Timer(2, found_again).start()
        return "3 done"

    def found_again() -> None:
        monkeypatch.setenv("DATABASE_URL", database)
        forget_caches()

    assert execute(job(loses_it), "scheduler")
    assert outcomes() == [(JobState.FINISHED, "3 done")]


@pytest.mark.parametrize("always", [True, False])
def test_without_a_database_nothing_escapes(monkeypatch: pytest.MonkeyPatch, *, always: bool) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    forget_caches()

    assert not execute(job(lambda _: "done", always=always), "scheduler")

    forget_caches()


def test_housekeeping_and_mail_run_on_an_empty_database(database: str) -> None:
    assert housekeeping.run(Actor.process_named("housekeeping")).startswith("0 sessions")
    assert send_mail.run(Actor.process_named("send_mail")) == ""


def test_the_trail_is_verified_and_a_tampered_one_fails_the_job(database: str) -> None:
    for number in range(2):
        audit.record(PROCESS, "job.paused", f"job:{number}")
    assert execute(job_named("verify_audit"), "scheduler")

    with transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE audit_entry SET action = 'job.resumed' WHERE id = 2"))

    assert not execute(job_named("verify_audit"), "scheduler")
    assert [each.outcome for each in job_runs.runs(PROCESS, "verify_audit")] == [
        "audit_broken.changed",
        "2 entries",
    ]
