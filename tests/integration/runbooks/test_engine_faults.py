"""Faults between a run's process, its launcher and people: lost answers, reused process numbers, lost starts."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest
from sqlalchemy import text

from backend import clock
from backend.actor import Actor
from backend.db.engine import transaction
from backend.errors import Conflict, Unavailable
from backend.runbooks import rules
from backend.runbooks import service as runs
from backend.runbooks.types import Plan, Risk, RunbookRun, RunId, RunStage, StepState, Words
from backend.sandbox.processes import keep
from runbooks import asking_service, engine, launching, patience
from runbooks.action import Step
from runbooks.context import Planning
from runbooks.engine import RUNNER
from runbooks.kubernetes_jobs import job_name
from runbooks.launching_types import Fate, FoundProcess
from runbooks.local_processes import LocalProcesses
from tests.integration.runbooks.conftest import Given, MakeAction, World, confirmed, processes_that_end, wish
from tests.waiting import until

GONE = Words(key="runbooks.outcome.process_gone")
CALLS = (
    *("take_up", "last_line", "store_plan", "run", "steps"),
    *("start_step", "remember", "append_log", "end_step", "succeed"),
)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("is_done", [False, True], ids=["unasked", "answer-lost"])
@pytest.mark.parametrize("call", CALLS)
def test_a_run_succeeds_although_the_database_is_lost_at_any_question(
    call: str, is_done: bool, make_action: MakeAction, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_action()
    monkeypatch.setattr(patience, "AGAIN_S", 0.0)
    run = asking_service.ask_scheduled(RUNNER, "change_thing", {}, clock.utc_now())
    real, lost = getattr(runs, call), []

    def losing(*given: object, **more: object) -> object:
        if lost:
            return real(*given, **more)
        lost.append(call)
        if is_done:
            real(*given, **more)
        raise Unavailable(service="database")

    monkeypatch.setattr(runs, call, losing)

    assert engine.work_on(run.id) is RunStage.SUCCEEDED

    assert lost == [call]
    assert world.value == "new"
    assert [step.state for step in runs.steps(RUNNER, run.id)] == [StepState.DONE]
    lines = runs.lines(RUNNER, run.id)
    assert [line.number for line in lines] == [1, 2]
    assert lines[0].text == "written"


class NoProcesses:
    """A launcher that starts nothing and finds what it is told."""

    def __init__(self, fate: Fate = Fate.ALIVE) -> None:
        self.fate = fate
        self.ended: list[RunId] = []

    def start(self, _run: RunbookRun) -> str:
        return "here:1:1"

    def find(self, _run: RunbookRun) -> FoundProcess:
        return FoundProcess(fate=self.fate)

    def end(self, run: RunbookRun, *, by_force: bool) -> None:
        assert by_force
        self.ended.append(run.id)


def test_a_run_that_is_cancelled_between_claim_and_start_is_cancelled_and_holds_nothing(
    operator: Actor, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_action()
    run = confirmed(operator)
    runs.claim(RUNNER, run.id)
    assert runs.cancel(operator, run.id).state is RunStage.CANCELLING
    monkeypatch.setattr(rules, "SILENT_AFTER", timedelta(0))

    launching.supervise(RUNNER, NoProcesses())

    assert runs.run(operator, run.id).state is RunStage.CANCELLED
    assert runs.holders(operator, run.targets) == []


@pytest.mark.parametrize("risk", Risk)
@pytest.mark.parametrize(
    ("why", "state"), [("process_gone", RunStage.CANCELLED), ("process_unseen", RunStage.FAILED)]
)
def test_a_plan_that_is_cancelled_is_not_stored_and_ends_as_its_process_does(
    why: str, state: RunStage, risk: Risk, operator: Actor, make_action: MakeAction
) -> None:
    make_action(risk)
    taken = runs.take_up(RUNNER, asking_service.ask(operator, wish()).id, "here:1:1")
    assert taken is not None
    assert runs.cancel(operator, taken.id).state is RunStage.CANCELLING

    assert runs.store_plan(RUNNER, taken, Plan()).state is RunStage.CANCELLING
    runs.note_gone(RUNNER, taken, Words(key=f"runbooks.outcome.{why}"))

    ended = runs.run(operator, taken.id)
    assert (ended.state, ended.plan) == (state, None)


def test_a_process_whose_plan_was_cancelled_says_that_it_stops(
    operator: Actor, make_action: MakeAction, world: World
) -> None:
    def cancelled_meanwhile(planning: Planning, given: Given) -> Plan:
        assert planning.run is not None
        runs.cancel(operator, planning.run.id)
        return world.plan(planning, given)

    make_action(plan=cancelled_meanwhile)
    run = asking_service.ask(operator, wish())

    assert engine.work_on(run.id) is RunStage.CANCELLING
    assert runs.run(operator, run.id).stopped_at is not None


def test_a_launcher_that_cannot_start_a_run_for_a_fault_of_ours_ends_it_in_words(
    operator: Actor, make_action: MakeAction
) -> None:
    class Faulty(NoProcesses):
        def start(self, _run: RunbookRun) -> str:
            raise ValueError("a template that is no mapping")

    make_action()
    run = confirmed(operator)

    assert launching.supervise(RUNNER, Faulty()) == 0

    ended = runs.run(operator, run.id)
    assert (ended.state, ended.outcome and ended.outcome.key) == (RunStage.FAILED, "runbooks.outcome.crashed")
    assert runs.holders(operator, run.targets) == []


def test_a_run_that_goes_on_the_next_morning_has_its_time_anew(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action()
    run = confirmed(operator)
    taken = runs.take_up(RUNNER, run.id, "here:1:1")
    assert taken is not None
    with transaction() as connection:
        connection.execute(
            text("UPDATE runbook_run SET started_at = started_at - interval '1 day' WHERE id = :id"),
            {"id": run.id},
        )
    runs.note_gone(RUNNER, taken, GONE)
    runs.go_on(operator, run.id)
    runs.claim(RUNNER, run.id)
    assert runs.take_up(RUNNER, run.id, "here:2:2") is not None

    launching.supervise(RUNNER, at := NoProcesses())

    assert at.ended == []


def test_machines_whose_clocks_differ_end_no_run_too_early(
    operator: Actor, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_action()
    run = confirmed(operator)
    with monkeypatch.context() as elsewhere:
        early = clock.utc_now() - timedelta(hours=1)
        elsewhere.setattr(clock, "utc_now", lambda: early)
        taken = runs.take_up(RUNNER, run.id, "elsewhere:1:1")
        assert taken is not None
        runs.beat(RUNNER, run.id, taken.launch)
        runs.cancel(operator, run.id)

    launching.supervise(RUNNER, at := NoProcesses())
    launching.supervise(RUNNER, NoProcesses(Fate.UNKNOWN))

    assert at.ended == []
    assert runs.run(operator, run.id).state is RunStage.CANCELLING


def _lost(actor: Actor, run: RunbookRun, ago: str) -> RunbookRun:
    """A run whose process died so long ago."""
    taken = runs.take_up(RUNNER, run.id, "here:1:1")
    assert taken is not None
    runs.note_gone(RUNNER, taken, GONE)
    with transaction() as connection:
        connection.execute(
            text("UPDATE runbook_run SET ended_at = ended_at - CAST(:ago AS interval) WHERE id = :id"),
            {"id": run.id, "ago": ago},
        )
    return runs.run(actor, run.id)


def test_a_lost_dangerous_run_goes_on_only_as_long_as_an_approval_holds(
    operator: Actor, approver: Actor, make_action: MakeAction
) -> None:
    make_action(Risk.DANGEROUS)
    run = confirmed(operator)
    runs.approve(approver, run.id, run.plan_hash)
    assert not rules.has_lapsed(_lost(operator, run, "59 minutes"), clock.utc_now())
    runs.go_on(operator, run.id)
    _lost(operator, run, "61 minutes")

    with pytest.raises(Conflict) as refused:
        runs.go_on(operator, run.id)

    assert refused.value.data["reason"] == "run_approval_lapsed"
    assert runs.run(operator, run.id).state is RunStage.LOST


def test_a_lost_run_that_nobody_had_to_approve_goes_on_weeks_later(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action()
    lost = _lost(operator, confirmed(operator), "3 weeks")

    assert runs.go_on(operator, lost.id).state is RunStage.QUEUED


def test_a_plan_that_hangs_is_ended_in_time(
    operator: Actor, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_action()
    run = asking_service.ask(operator, wish())
    runs.take_up(RUNNER, run.id, "here:1:1")
    monkeypatch.setattr(rules, "PLAN_DEADLINE_S", -60)

    launching.supervise(RUNNER, at := NoProcesses())
    assert at.ended == [run.id]
    launching.supervise(RUNNER, NoProcesses(Fate.GONE))

    late = runs.run(operator, run.id)
    assert late.state is RunStage.FAILED
    assert late.outcome is not None
    assert late.outcome.key == "runbooks.outcome.deadline"


def test_a_run_whose_job_died_before_it_began_goes_on_in_another_job(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action()
    run = confirmed(operator)
    dead = job_name(run)
    runs.claim(RUNNER, run.id)
    runs.note_process(RUNNER, run.id, f"job:runs/{dead}")
    runs.note_gone(RUNNER, runs.run(operator, run.id), GONE)

    assert job_name(runs.go_on(operator, run.id)) != dead


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else that leads a group of its own."""
    process = keep(subprocess.Popen(["sleep", "600"], start_new_session=True), leads_group=True)
    yield process
    process.kill()
    process.wait()


def test_a_process_number_that_came_again_is_neither_the_run_nor_ended_with_it(
    operator: Actor, make_action: MakeAction, stranger: subprocess.Popen[bytes]
) -> None:
    make_action()
    run = replace(confirmed(operator), process=f"{socket.gethostname()}:{stranger.pid}:1.00")
    launcher = LocalProcesses()

    assert launcher.find(run).fate is Fate.GONE
    launcher.end(run, by_force=True)

    with pytest.raises(subprocess.TimeoutExpired):
        stranger.wait(0.5)


def test_a_clock_that_was_set_makes_no_living_process_another_one(
    operator: Actor, make_action: MakeAction
) -> None:
    make_action()
    run = confirmed(operator)
    argv = ["sh", "-c", "sleep 600 & wait", "run", str(run.id)]
    process = keep(subprocess.Popen(argv, start_new_session=True), leads_group=True)
    try:
        alive = replace(run, process=f"{socket.gethostname()}:{process.pid}:1.00")
        assert LocalProcesses().find(alive).fate is Fate.ALIVE
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_process_that_has_just_begun_and_shows_no_command_yet_is_not_gone(
    operator: Actor,
    make_action: MakeAction,
    stranger: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_action()
    run = confirmed(operator)
    shown = iter([[], [], ["python", "-m", "runbooks", "run", str(run.id)]])
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _: next(shown))

    begun = replace(run, process=f"{socket.gethostname()}:{stranger.pid}:1.00")
    assert LocalProcesses().find(begun).fate is Fate.ALIVE


def test_a_process_that_is_told_gone_is_left_to_nobody(operator: Actor, make_action: MakeAction) -> None:
    make_action()
    run = confirmed(operator)
    with processes_that_end() as launcher:
        launcher.command = ["sh", "-c", ":"]
        for _ in range(50):
            begun = replace(run, process=launcher.start(run))
            while (
                launcher.find(begun).fate is Fate.ALIVE
            ):  # without a pause: it may end at any moment of a look
                pass
            assert not psutil.pid_exists(int(begun.process.split(":")[1]))


@pytest.mark.parametrize("process", ["job:docuchat-runbooks/run-1", "elsewhere:1:1"])
def test_a_process_of_another_kind_is_not_known_to_be_gone(
    process: str, operator: Actor, make_action: MakeAction
) -> None:
    make_action()
    assert LocalProcesses().find(replace(confirmed(operator), process=process)).fate is Fate.UNKNOWN


def test_a_beat_that_fails_is_not_the_last(
    operator: Actor, make_action: MakeAction, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "HEARTBEAT_S", 0.01)
    beats: list[int] = []
    real = runs.beat

    def failing(*given: object) -> object:
        beats.append(1)
        if len(beats) == 1:
            raise LookupError("a fault of ours")
        return real(*given)

    monkeypatch.setattr(runs, "beat", failing)

    make_action(steps=(Step(name="write", run=lambda _running, _given: until(lambda: len(beats) > 2, 10)),))
    run = confirmed(operator)
    beats.clear()

    assert engine.work_on(run.id) is RunStage.SUCCEEDED
