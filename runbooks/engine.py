"""A run's process: it plans, or takes the steps of a confirmed plan, and tells how it ended.

Everything that may go wrong ends in a state and a sentence. What ends without one, because the process was killed, is
found by the launcher.
"""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from threading import Event, Thread, current_thread, main_thread
from typing import Any, NoReturn

import psutil

from backend import clock
from backend.actor import Actor
from backend.clients.kubernetes import Kubernetes, connect
from backend.config import settings
from backend.errors import AppError, Refused, Unavailable
from backend.log import get_logger
from backend.runbooks import rules
from backend.runbooks import service as runs
from backend.runbooks.types import (
    Plan,
    RunbookRun,
    RunId,
    RunStage,
    RunStep,
    StepState,
    Superseded,
    Words,
)
from backend.runbooks.words_rules import outcome_of
from backend.tracing import spans
from backend.tracing.types import CARRIED
from runbooks import registry
from runbooks.action import Action, Undo
from runbooks.action import Step as ActionStep
from runbooks.context import Planning, RunCancelled, RunLate, Running
from runbooks.kubernetes_jobs import is_job
from runbooks.log_writer import LogWriter
from runbooks.patience import AGAIN_S, PATIENCE_S, patiently

log = get_logger(__name__)

RUNNER = Actor.process_named("runbooks")
# In a Job, what is to end and hangs ends itself after this: its pod has the grace of those that put things back. Who
# only waits for PostgreSQL, to store how it ended, does not hang.
FORCED_S = PATIENCE_S + 60
EXIT_FORCED = 137


def work_on(run_id: RunId, process: str = "") -> RunStage | None:
    """Do for a run what it waits for: make its plan, or take its steps. Returns its state, None when another does it.

    A scheduled run does both. Nothing escapes but the end of the process.
    """
    run = _taken_up(run_id, process or own_process())
    if run is None:
        log.info("run.adopted", run=run_id, meaning="Another process has it, or it wants none.")
        return None
    with suppress(Superseded):
        if run.state is RunStage.PLANNING:
            planned = _plan(run)
            if planned is None or planned.state is not RunStage.QUEUED:
                return patiently(lambda: runs.run(RUNNER, run_id)).state
            queued = _taken_up(run_id, process or own_process())
            if queued is None:
                return None
            run = queued
        _execute(run)
    return patiently(lambda: runs.run(RUNNER, run_id)).state


def _taken_up(run_id: RunId, process: str) -> RunbookRun | None:
    tries = count()
    return patiently(lambda: runs.take_up(RUNNER, run_id, process, is_again=next(tries) > 0))


def own_process() -> str:
    """This process as a run names it: host, id, and when it was born, because ids come again."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


@lru_cache(maxsize=1)
def own_kubernetes() -> Kubernetes:
    """The client with this process's account. Raises Refused where Kubernetes is not configured."""
    return connect(settings().kubeconfig, settings().kubernetes_timeout_s)


def _plan(run: RunbookRun) -> RunbookRun | None:
    with _beating(run, rules.PLAN_DEADLINE_S) as running:
        try:
            plan = _made_plan(run, running)
            running.writer.close()
            return _stored(run, plan)
        except RunCancelled:
            patiently(lambda: runs.stop(RUNNER, run))
        except Exception as wrong:  # noqa: BLE001 - the edge of the process
            _end_as_failed(running, wrong)
    return None


def _stored(run: RunbookRun, plan: Plan) -> RunbookRun:
    stored = patiently(lambda: runs.store_plan(RUNNER, run, plan))
    if stored.state is RunStage.CANCELLING:
        raise RunCancelled
    return stored


def _made_plan(run: RunbookRun, running: Running) -> Plan:
    action = registry.action_named(run.action)
    parameters = action.parameters.model_validate(run.parameters)
    planning = Planning(actor=RUNNER, now=clock.utc_now(), connect=running.connect, run=run)
    if run.undo_of is None:
        plan = action.plan(planning, parameters)
    else:
        undo, undone = _undo_of(action, run)
        plan = undo.plan(planning, parameters, undone)
        _require_newest(undone, undo)
    return running.writer.clean_plan(plan)


def _require_newest(undone: RunbookRun, undo: Undo[Any]) -> None:
    """Raise Refused where a run was undone before, or another one changed the same thing after it."""
    later = runs.successors(RUNNER, undone, undo.alike)
    if later:
        is_undone = later[0].undo_of == undone.id
        raise Refused(reason="run_undone" if is_undone else "run_overtaken")


def _undo_of(action: Action[Any], run: RunbookRun) -> tuple[Undo[Any], RunbookRun]:
    first = run.undo_of
    if action.undo is None or first is None:
        raise Refused(reason="run_no_undo")
    return action.undo, patiently(lambda: runs.run(RUNNER, first))


def _execute(run: RunbookRun) -> None:
    with _beating(run, run.deadline_s) as running:
        try:
            _require_same_plan(run, running)
            _take_steps(run, running)
            running.writer.close()
            patiently(lambda: runs.succeed(RUNNER, run, running.clean_result()))
        except RunCancelled:
            running.log("runbooks.log.stops")
            _clean_up(run, running)
            running.writer.close()
            patiently(lambda: runs.stop(RUNNER, run, running.clean_result()))
        except Exception as wrong:  # noqa: BLE001 - the edge of the process
            if not isinstance(wrong, Superseded):
                _clean_up(run, running)
            _end_as_failed(running, wrong)


def _clean_up(run: RunbookRun, running: Running) -> None:
    """Take away what the steps made. A failure of that is told in the log, and changes nothing about the end."""
    action = registry.actions().get(run.action)
    if action is None or action.clean_up is None or run.undo_of is not None:
        return
    try:
        with running.mending():
            action.clean_up(running, action.parameters.model_validate(run.parameters))
    except Superseded:
        raise
    except Exception as wrong:  # noqa: BLE001 - the run has its end already
        log.warning("run.clean_up_failed", run=run.id, detail=str(wrong))
        running.log("runbooks.log.clean_up_failed")
        outcome = _outcome_of(running, wrong)
        running.log(outcome.key, **outcome.values)


def _require_same_plan(run: RunbookRun, running: Running) -> None:
    """Refuse to go on where a plan that is made now differs from the confirmed one. A continued run made it before."""
    steps = patiently(lambda: runs.steps(RUNNER, run.id))
    if any(step.state is not StepState.WAITING for step in steps):
        return
    now = _made_plan(run, running)
    if rules.plan_hash(run.action, run.parameters, now) != run.plan_hash:
        raise Refused(reason="run_plan_differs")


def _take_steps(run: RunbookRun, running: Running) -> None:
    action = registry.action_named(run.action)
    parameters = action.parameters.model_validate(run.parameters)
    steps: tuple[ActionStep[Any], ...] = action.steps
    if run.undo_of is not None:
        undo, running.undone = _undo_of(action, run)
        steps = undo.steps
    by_name = {step.name: step for step in steps}
    for stored in patiently(lambda: runs.steps(RUNNER, run.id)):
        if stored.state is not StepState.DONE:
            _take(by_name[stored.name], stored, running, parameters)


def _take(step: ActionStep[Any], stored: RunStep, running: Running, parameters: Any) -> None:  # noqa: ANN401 - the action's own type
    running.check_between()
    running.writer.step = step.name
    running.may_be_cancelled = step.is_cancellable
    if not patiently(lambda: runs.start_step(RUNNER, running.run, stored.position, step.name)):
        raise RunCancelled
    try:
        with spans.span(f"step {step.name}", attributes={"run.step": step.name}):
            _run_patiently(step, running, parameters)
    finally:
        running.may_be_cancelled = True
    running.writer.flush()
    patiently(lambda: runs.end_step(RUNNER, running.run, stored.position, step.name, running.traces()))


def _run_patiently(step: ActionStep[Any], running: Running, parameters: Any) -> None:  # noqa: ANN401 - the action's own type
    """Take a step, and take it again when it lost PostgreSQL, as a run does that goes on after its process died."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            step.run(running, parameters)
        except Unavailable as lost:
            if not step.is_repeatable or not rules.comes_back(lost.data) or time.monotonic() > until:
                raise
            log.warning("run.step_waits_for_database", run=running.run.id, step=step.name, cause=str(lost))
            running.wait(AGAIN_S)
        else:
            return


def _end_as_failed(running: Running, wrong: Exception) -> None:
    """Store the end of a run in words; a fault of ours is in the log of the process, with its trace."""
    if isinstance(wrong, Superseded):
        log.warning("run.superseded", run=running.run.id)
        raise wrong
    outcome = running.writer.clean_words(_outcome_of(running, wrong))
    running.writer.words(outcome)
    running.writer.close()
    patiently(lambda: runs.fail(RUNNER, running.run, outcome, running.clean_result()))


def _outcome_of(running: Running, wrong: Exception) -> Words:
    if isinstance(wrong, RunLate):
        return Words(key="runbooks.outcome.deadline", values={"seconds": running.run.deadline_s})
    if isinstance(wrong, AppError):
        return outcome_of(wrong)
    log.exception("run.crashed", caught=wrong, run=running.run.id)  # noqa: LOG004 - ours takes what was caught
    return Words(key="runbooks.outcome.crashed")


@contextmanager
def _beating(run: RunbookRun, deadline_s: float) -> Iterator[Running]:
    """Tools of the steps, while a thread tells that the process lives, and hears whether the run is cancelled."""
    writer = patiently(lambda: LogWriter(RUNNER, run))
    running = Running(
        run=run,
        actor=RUNNER,
        connect=own_kubernetes,
        writer=writer,
        until=time.monotonic() + deadline_s,
        memory=dict(run.memory),
        result=list(run.result),
    )
    ended = Event()
    beats = Thread(target=_beat, args=(run, running, ended), name="run-beats", daemon=True)
    beats.start()
    about = {"run.id": str(run.id), "run.action": run.action}
    asked = run.origin.get(CARRIED, "")
    try:
        with _heard_signals(running), spans.span(f"run {run.action}", attributes=about, linked_to=asked):
            yield running
    finally:
        ended.set()
        writer.close()
        beats.join()


def _beat(run: RunbookRun, running: Running, ended: Event) -> None:
    due_at: float | None = None
    while not ended.wait(rules.HEARTBEAT_S):
        due_at = (due_at or time.monotonic()) if running.is_to_end else None
        if due_at is not None and is_job(run.process) and time.monotonic() - due_at > FORCED_S:
            log.error("run.ended_by_force", run=run.id)
            _end_at_once()
        try:
            pulse = runs.beat(RUNNER, run.id, run.launch)
        except Unavailable:
            continue  # a run goes on while PostgreSQL restarts
        except (
            Exception
        ) as wrong:  # a thread that ends in silence would make the run look dead while it works
            log.exception("run.beat_failed", caught=wrong, run=run.id)
            continue
        if pulse.is_cancelled or not pulse.is_ours:
            running.cancelled.set()


def _end_at_once() -> NoReturn:
    """End this process with its children, although its main thread hangs."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    # The first process of a container is not killed from inside of it.
    os._exit(EXIT_FORCED)


@contextmanager
def _heard_signals(running: Running) -> Iterator[None]:
    """Take a SIGTERM as a cancellation: a step mends what it must. Only the main thread may ask for signals."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: running.cancelled.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
