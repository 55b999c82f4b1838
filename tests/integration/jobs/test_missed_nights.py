"""A night that nobody led through is caught up, once, and not while its job is paused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from backend import clock
from backend.actor import Actor, Role
from backend.backups import service as backups
from backend.db.engine import transaction
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState, Schedule, ScheduledJob, SchedulerProcess
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunSearch, RunStage
from backend.sandbox.postgres import binaries
from jobs.registry import JOBS
from jobs.runs import Job, execute, fire
from runbooks import engine
from tests import factories
from tests.conftest import forget_caches

SCHEDULER = Actor.process_named("scheduler")
# 02:00 in Tehran is 22:30 of the day before.
NIGHT = datetime(2026, 11, 28, 22, 30, tzinfo=UTC)
MORNING = NIGHT + timedelta(hours=6)
DRILL = NIGHT + timedelta(hours=2)

At = Callable[[datetime], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Sets the clock."""
    return lambda now: monkeypatch.setattr(clock, "utc_now", lambda: now)


@pytest.fixture
def operator(database: str, at: At) -> Actor:
    """An operator of a portal that ran already on the day before."""
    at(NIGHT - timedelta(hours=10))
    job_runs.record(SCHEDULER, "send_mail", "scheduler", JobState.FINISHED, "1 sent")
    now = clock.utc_now()
    me = SchedulerProcess(id=uuid4(), host="a", pid=7, is_leader=True, started_at=now, seen_at=now)
    names = ("nightly_backup", "nightly_drill", "housekeeping", "verify_audit")
    job_runs.tell_scheduler(SCHEDULER, me, [ScheduledJob(schedule=Schedule(job=each)) for each in names])
    return factories.actor(Role.OPERATOR)


def scheduled(name: str, schedule: str = "catch_up") -> Job:
    [found] = [job for job in JOBS if (job.name, job.schedule) == (name, schedule)]
    return found


def asked(operator: Actor, action: str = "backup_database") -> list[RunbookRun]:
    return list(runs.search(operator, RunSearch(action=action)).rows)


def test_a_missed_backup_is_asked_for_once(operator: Actor, at: At) -> None:
    at(MORNING)
    ran = [fire(scheduled("nightly_backup")) for _ in range(3)]

    assert ran == [True, False, False]
    assert [run.scheduled_at for run in asked(operator)] == [NIGHT]
    assert [each.outcome for each in job_runs.runs(SCHEDULER, "nightly_backup")] == ["1 asked"]


def test_a_night_that_was_led_through_leaves_nothing_to_catch_up(operator: Actor, at: At) -> None:
    at(NIGHT + timedelta(seconds=3))
    fire(scheduled("nightly_backup", ""))
    fire(scheduled("nightly_backup"))
    at(MORNING)
    fire(scheduled("nightly_backup"))

    assert [run.scheduled_at for run in asked(operator)] == [NIGHT]


def test_a_person_gets_a_second_backup_whatever_the_night_did(operator: Actor, at: At) -> None:
    at(MORNING)
    for _ in range(2):
        execute(scheduled("nightly_backup", ""), job_runs.COMMAND)

    assert sorted(run.scheduled_at for run in asked(operator) if run.scheduled_at) == [NIGHT, MORNING]


def test_where_backups_are_switched_off_no_night_is_missed(
    operator: Actor, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUPS_ENABLED", "false")
    forget_caches()
    at(MORNING)

    assert not fire(scheduled("nightly_backup"))
    assert asked(operator) == []


@pytest.mark.parametrize("name", ["nightly_backup", "nightly_drill", "housekeeping", "verify_audit"])
def test_a_first_start_has_missed_no_night(database: str, at: At, name: str) -> None:
    at(MORNING)
    job_runs.record(SCHEDULER, "send_mail", "scheduler", JobState.FINISHED, "1 sent")

    assert not fire(scheduled(name))
    assert job_runs.runs(SCHEDULER, name) == []


@pytest.mark.parametrize("name", ["nightly_backup", "housekeeping", "verify_audit"])
def test_a_paused_job_is_caught_up_when_it_is_resumed(operator: Actor, at: At, name: str) -> None:
    job_runs.pause(operator, name, "the disk is full")
    at(MORNING)

    assert not fire(scheduled(name))
    job_runs.resume(operator, name)
    assert [fire(scheduled(name)) for _ in range(2)] == [True, False]


def test_a_drill_waits_for_a_backup_and_for_the_end_of_the_nights_own(
    operator: Actor, at: At, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path / "backups"))
    monkeypatch.setenv("POSTGRES_TOOLS_DIR", str(binaries()))
    forget_caches()
    at(MORNING)
    drill = scheduled("nightly_drill")
    without_a_backup = fire(drill)
    fire(scheduled("nightly_backup"))
    [backup] = asked(operator)
    before_its_end = fire(drill)
    assert engine.work_on(backup.id) is RunStage.SUCCEEDED, runs.run(engine.RUNNER, backup.id).outcome
    assert backups.health(engine.RUNNER).backup_at is not None

    assert [without_a_backup, before_its_end, fire(drill), fire(drill)] == [False, False, True, False]
    assert [run.scheduled_at for run in asked(operator, "restore_drill")] == [DRILL]


def test_a_night_whose_target_was_held_is_asked_for_again_when_it_is_free(operator: Actor, at: At) -> None:
    catch_up = scheduled("nightly_backup")
    at(MORNING)
    fire(catch_up)
    [first] = asked(operator)
    end(first, "error.conflict.run_locked")
    later = MORNING + timedelta(minutes=15)
    at(later)
    [target] = first.targets
    hold(target, first)
    while_held = fire(catch_up)
    hold(target, None)

    assert [while_held, fire(catch_up), fire(catch_up)] == [False, True, False]
    assert [run.scheduled_at for run in asked(operator)] == [later, NIGHT]


def test_a_night_whose_target_is_always_held_is_given_up_in_the_morning(operator: Actor, at: At) -> None:
    catch_up = scheduled("nightly_backup")
    tries = 0
    for quarter in range(4 * 20):
        at(NIGHT + timedelta(minutes=1 + 15 * quarter))
        if fire(catch_up):
            tries += 1
            end(asked(operator)[0], "error.conflict.run_locked")

    assert tries == 24


@pytest.mark.parametrize(
    ("state", "outcome"), [("failed", "error.unknown"), ("lost", ""), ("cancelled", ""), ("succeeded", "")]
)
def test_a_night_that_ended_in_another_way_is_not_asked_for_again(
    operator: Actor, at: At, state: str, outcome: str
) -> None:
    at(MORNING)
    fire(scheduled("nightly_backup"))
    end(asked(operator)[0], outcome, state)

    assert not fire(scheduled("nightly_backup"))


def end(run: RunbookRun, outcome: str, state: str = "failed") -> None:
    """End a run that no process took up."""
    with transaction() as connection:
        connection.execute(
            text(
                "UPDATE runbook_run SET state = :state, ended_at = :now,"
                " outcome = jsonb_build_object('key', CAST(:outcome AS text), 'values', '{}'::jsonb) WHERE id = :id"
            ),
            {"state": state, "outcome": outcome or "x", "now": clock.utc_now(), "id": run.id},
        )


def hold(target: str, run: RunbookRun | None) -> None:
    """Let a run hold a target, or none."""
    with transaction() as connection:
        connection.execute(text("DELETE FROM runbook_lock"))
        if run is not None:
            connection.execute(
                text("INSERT INTO runbook_lock (target, run_id, taken_at) VALUES (:target, :run, now())"),
                {"target": target, "run": run.id},
            )


@pytest.mark.parametrize("name", ["housekeeping", "verify_audit"])
def test_what_a_leader_died_in_is_done_again_by_the_next_one_and_not_for_ever(
    operator: Actor, at: At, name: str
) -> None:
    at(NIGHT + timedelta(hours=5))
    ran = []
    for _ in range(5):
        if due := name_is_due(name):
            job_runs.start(SCHEDULER, name, job_runs.SCHEDULER)
            assert not name_is_due(name)
            job_runs.take_over(SCHEDULER)
        ran.append(due)

    assert ran == [True, True, True, False, False]


def name_is_due(name: str) -> bool:
    is_due = scheduled(name).is_due
    assert is_due is not None
    return is_due(SCHEDULER)


def test_catching_up_never_ends_the_alarm_of_a_broken_trail(operator: Actor, at: At) -> None:
    at(MORNING)
    job_runs.record(SCHEDULER, "verify_audit", "scheduler", JobState.FAILED, "audit_broken.hash")

    assert not fire(scheduled("verify_audit"))

    assert job_runs.standing_failure(SCHEDULER, "verify_audit") is not None
