"""Runs in processes of their own: started, adopted, found dead, cancelled for good."""

import os
from collections.abc import Iterator
from uuid import uuid4

import psutil
import pytest

from backend import clock
from backend.actor import Actor
from backend.job_runs import service as job_runs
from backend.job_runs.types import Schedule, ScheduledJob, SchedulerProcess
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage
from runbooks import asking_service, launching
from runbooks.engine import RUNNER
from runbooks.local_processes import LocalProcesses
from tests.integration.runbooks.conftest import wish
from tests.waiting import until


@pytest.fixture
def launcher() -> Iterator[LocalProcesses]:
    """The launcher; what it started ends with the test."""
    before = {child.pid for child in psutil.Process().children()}
    launcher = LocalProcesses()
    yield launcher
    for child in psutil.Process().children():
        if child.pid not in before:
            child.kill()
    until(lambda: launcher.reap() == 0)


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
