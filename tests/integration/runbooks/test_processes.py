"""Runs in processes of their own: started, adopted, found dead, cancelled for good."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.db.migrate import upgrade
from backend.errors import Conflict
from backend.job_runs import service as job_runs
from backend.job_runs.types import Schedule, ScheduledJob, SchedulerProcess
from backend.runbooks import repository, rules
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage, StepState, Words
from backend.sandbox.postgres import PostgresServer, data_home
from backend.sandbox.processes import delete_at_end
from runbooks import asking_service, launching, registry
from runbooks.engine import RUNNER
from runbooks.local_processes import LocalProcesses
from tests import factories
from tests.conftest import forget_caches
from tests.integration.runbooks.conftest import processes_that_end, wish
from tests.integration.runbooks.worker import ACTIONS, taken
from tests.waiting import until


@pytest.fixture
def launcher() -> Iterator[LocalProcesses]:
    """The launcher; what it started ends with the test."""
    with processes_that_end() as launcher:
        yield launcher


def _until(actor: Actor, launcher: LocalProcesses, run: RunbookRun, *states: RunStage) -> RunbookRun:
    def is_there() -> bool:
        launching.supervise(RUNNER, launcher)
        return runs.run(actor, run.id).state in states

    until(is_there)
    return runs.run(actor, run.id)


@pytest.fixture
def scheduled(database: str) -> None:
    """A job that the scheduler knows, so that it can be paused."""
    schedule = Schedule(job="send_mail", every_s=5)
    me = SchedulerProcess(
        id=uuid4(), host="here", pid=1, is_leader=True, started_at=clock.utc_now(), seen_at=clock.utc_now()
    )
    job_runs.tell_scheduler(RUNNER, me, [ScheduledJob(schedule=schedule)])


@pytest.mark.usefixtures("scheduled")
def test_a_run_is_planned_and_carried_out_by_processes_of_its_own_and_undone(
    operator: Actor, launcher: LocalProcesses
) -> None:
    given = {"job": "send_mail", "reason": "The mail server is being moved"}
    asked = asking_service.ask(operator, wish("pause_job", given))
    planned = _until(operator, launcher, asked, RunStage.PLANNED)
    runs.confirm(operator, asked.id, planned.plan_hash)

    done = _until(operator, launcher, asked, RunStage.SUCCEEDED)

    assert job_runs.is_paused(RUNNER, "send_mail")
    assert (done.launch, str(os.getpid()) in done.process) == (2, False)
    undo = asking_service.ask_undo(operator, done.id, "undo")
    planned = _until(operator, launcher, undo, RunStage.PLANNED)
    runs.confirm(operator, undo.id, planned.plan_hash)
    _until(operator, launcher, undo, RunStage.SUCCEEDED)
    assert not job_runs.is_paused(RUNNER, "send_mail")


@pytest.fixture
def worker(launcher: LocalProcesses, monkeypatch: pytest.MonkeyPatch) -> LocalProcesses:
    """The launcher, for processes that know the actions of these tests."""
    known = {**registry.actions(), **ACTIONS}
    monkeypatch.setattr(registry, "actions", lambda: known)
    launcher.command = (sys.executable, "-m", "tests.integration.runbooks.worker")
    return launcher


def _started(actor: Actor, launcher: LocalProcesses, action: str, folder: Path, **given: str) -> RunbookRun:
    asked = asking_service.ask(actor, wish(action, {"folder": str(folder), **given}))
    planned = _until(actor, launcher, asked, RunStage.PLANNED)
    return runs.confirm(actor, asked.id, planned.plan_hash)


def _numbers(actor: Actor, run: RunbookRun) -> list[int]:
    return [line.number for line in runs.lines(actor, run.id)]


@pytest.mark.parametrize("step", ["one", "two", "three"])
def test_a_run_whose_process_is_killed_is_lost_and_goes_on_from_its_last_finished_step(
    step: str, operator: Actor, worker: LocalProcesses, tmp_path: Path
) -> None:
    run = _started(operator, worker, "take_three", tmp_path, dies_in=step)

    lost = _until(operator, worker, run, RunStage.LOST)

    assert runs.holders(operator, lost.targets) == []
    runs.go_on(operator, run.id)
    done = _until(operator, worker, run, RunStage.SUCCEEDED)
    expected = ["one", "two", "three"]
    expected.insert(expected.index(step), step)
    assert taken(tmp_path) == expected
    lines = runs.lines(operator, run.id)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert [line.text for line in lines] == [f"{each} {number}" for each in expected for number in range(20)]
    assert done.memory["last"] == "three"


def test_a_cancelled_run_is_cancelled_only_when_its_process_is_gone(
    operator: Actor, worker: LocalProcesses, tmp_path: Path
) -> None:
    run = _started(operator, worker, "print_on", tmp_path)
    _until(operator, worker, run, RunStage.RUNNING)
    until(lambda: runs.lines(operator, run.id))

    assert runs.cancel(operator, run.id).state is RunStage.CANCELLING

    cancelled = _until(operator, worker, run, RunStage.CANCELLED)
    assert not psutil.pid_exists(int(cancelled.process.split(":")[1]))
    assert cancelled.cancelled_by == operator.label


def test_what_does_not_listen_is_killed_with_its_children(
    operator: Actor, worker: LocalProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "CANCEL_GRACE", timedelta(seconds=0.5))
    monkeypatch.setattr(rules, "END_GRACE", timedelta(seconds=0.5))
    run = _started(operator, worker, "print_on", tmp_path, stubborn="true")
    pid = int(_until(operator, worker, run, RunStage.RUNNING).process.split(":")[1])
    until(lambda: psutil.Process(pid).children())
    runs.cancel(operator, run.id)

    _until(operator, worker, run, RunStage.CANCELLED)

    worker.reap()
    assert [each for each in psutil.pids() if _group_of(each) == pid and not _is_zombie(each)] == []


def test_a_plan_that_hangs_is_cancelled_only_when_its_process_is_gone(
    operator: Actor, worker: LocalProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "CANCEL_GRACE", timedelta(seconds=0.5))
    monkeypatch.setattr(rules, "END_GRACE", timedelta(seconds=0.5))
    run = asking_service.ask(operator, wish("plan_on", {"folder": str(tmp_path)}))
    until(lambda: launching.supervise(RUNNER, worker) is not None and taken(tmp_path))

    assert runs.cancel(operator, run.id).state is RunStage.CANCELLING

    cancelled = _until(operator, worker, run, RunStage.CANCELLED)
    worker.reap()
    assert not psutil.pid_exists(int(cancelled.process.split(":")[1]))


def _is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE  # whoever adopts it has not looked yet


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def test_a_step_past_the_point_of_no_return_ends_before_the_run_is_cancelled(
    operator: Actor, worker: LocalProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "CANCEL_GRACE", timedelta(seconds=0))
    run = _started(operator, worker, "commit_all", tmp_path)
    until(lambda: launching.supervise(RUNNER, worker) is not None and "commit" in taken(tmp_path))
    runs.cancel(operator, run.id)
    for _ in range(20):
        launching.supervise(RUNNER, worker)
    assert runs.run(operator, run.id).state is RunStage.CANCELLING

    (tmp_path / "go").touch()

    _until(operator, worker, run, RunStage.CANCELLED)
    assert [step.state for step in runs.steps(operator, run.id)] == [
        StepState.DONE, StepState.DONE, StepState.WAITING,
    ]  # fmt: skip


# As long as a process may need to hear that it is cancelled.
SHORT_S = rules.HEARTBEAT_S + 2


@pytest.fixture
def has_short_graces(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CANCEL_GRACE", "DEADLINE_GRACE"):
        monkeypatch.setattr(rules, name, timedelta(seconds=SHORT_S))
    monkeypatch.setattr(rules, "END_GRACE", timedelta(seconds=0))


@pytest.mark.usefixtures("has_short_graces")
@pytest.mark.parametrize(
    ("action", "end"), [("mend_cancelled", RunStage.CANCELLED), ("mend_late", RunStage.FAILED)]
)
def test_a_process_that_puts_back_what_it_changed_is_not_ended_before_it_has_done_so(
    action: str, end: RunStage, operator: Actor, worker: LocalProcesses, tmp_path: Path
) -> None:
    run = _started(operator, worker, action, tmp_path)
    _until(operator, worker, run, RunStage.RUNNING)
    if end is RunStage.CANCELLED:
        runs.cancel(operator, run.id)
    until(lambda: launching.supervise(RUNNER, worker) is not None and "mend" in taken(tmp_path))
    patience = time.monotonic() + SHORT_S + 1
    until(lambda: launching.supervise(RUNNER, worker) is not None and time.monotonic() > patience)
    assert not runs.run(operator, run.id).is_ended

    (tmp_path / "go").touch()

    _until(operator, worker, run, end)
    assert taken(tmp_path)[-1] == "mended"


@pytest.mark.usefixtures("has_short_graces")
@pytest.mark.parametrize(
    "mends", [("mend_cancelled", RunStage.CANCELLED), ("mend_late", RunStage.FAILED)], ids=str
)
def test_a_process_that_puts_back_for_too_long_is_killed_and_the_run_says_that_it_broke_off(
    mends: tuple[str, RunStage],
    operator: Actor,
    worker: LocalProcesses,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    action, end = mends
    run = _started(operator, worker, action, tmp_path)
    _until(operator, worker, run, RunStage.RUNNING)
    if end is RunStage.CANCELLED:
        runs.cancel(operator, run.id)
    until(lambda: "mend" in taken(tmp_path))
    late = clock.utc_now() + rules.MENDING_HOLDS
    monkeypatch.setattr(repository, "now", lambda: late)

    ended = _until(operator, worker, run, end)

    assert ended.outcome == Words(key="runbooks.outcome.died_mending")
    assert runs.holders(operator, ended.targets) == []
    assert taken(tmp_path)[-1] == "mend"


def test_a_run_that_was_cut_off_past_the_point_of_no_return_does_not_go_on_by_itself(
    operator: Actor, worker: LocalProcesses, tmp_path: Path
) -> None:
    run = _started(operator, worker, "commit_all", tmp_path)
    until(lambda: launching.supervise(RUNNER, worker) is not None and "commit" in taken(tmp_path))
    os.kill(int(runs.run(operator, run.id).process.split(":")[1]), signal.SIGKILL)
    _until(operator, worker, run, RunStage.LOST)

    with pytest.raises(Conflict):
        runs.go_on(operator, run.id)


def test_a_second_scheduler_finds_and_ends_what_the_first_one_started(
    operator: Actor, worker: LocalProcesses, tmp_path: Path
) -> None:
    run = _started(operator, worker, "print_on", tmp_path)
    _until(operator, worker, run, RunStage.RUNNING)
    runs.cancel(operator, run.id)

    another = LocalProcesses(worker.command)

    until(lambda: worker.reap() == 0)
    _until(operator, another, run, RunStage.CANCELLED)


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServer]:
    """A migrated server that only this test uses, and that may go away."""
    home = data_home() / f"test-{os.getpid()}"
    home.mkdir(exist_ok=True)
    delete_at_end(home)
    server = PostgresServer(home / "runs-data", durable=False)
    server.start()
    upgrade(server.url())
    monkeypatch.setenv("DATABASE_URL", server.url())
    forget_caches()
    yield server
    forget_caches()
    server.remove()


def test_a_run_goes_on_while_the_database_restarts_and_its_log_has_no_gap(
    own_server: PostgresServer, worker: LocalProcesses, tmp_path: Path
) -> None:
    operator = factories.user(Role.OPERATOR).actor
    run = _started(operator, worker, "print_on", tmp_path)
    _until(operator, worker, run, RunStage.RUNNING)
    until(lambda: len(_numbers(operator, run)) > 100)

    own_server.restart()

    seen = len(_numbers(operator, run))
    until(lambda: len(_numbers(operator, run)) > seen + 500)
    runs.cancel(operator, run.id)
    _until(operator, worker, run, RunStage.CANCELLED)
    lines = [line for line in runs.lines(operator, run.id) if line.text.startswith("line ")]
    assert [line.text for line in lines] == [f"line {number}" for number in range(1, len(lines) + 1)]
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
