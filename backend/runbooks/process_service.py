"""Use cases of a run's process: begin, tell that it lives, store the plan, take steps, log, and end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend import clock
from backend.actor import Actor, require_process
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.errors import AppError, Conflict, NotFound
from backend.runbooks import log_repository, repository, rules, transitions
from backend.runbooks.stored import plan_to_plain
from backend.runbooks.types import (
    LogLine,
    Plain,
    Plan,
    Run,
    RunId,
    RunState,
    StepState,
    Words,
)
from backend.runbooks.words_rules import to_plain


class Superseded(Exception):
    """Another process has the run now, or it has ended: this one must change nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What a process hears when it tells that it lives."""

    is_ours: bool
    is_cancelled: bool = False


def begin(actor: Actor, run_id: RunId, process: str) -> Run | None:
    """Take a run that waits for a process. For processes.

    Returns None when another process took it, or there is nothing to do any more: a second start adopts the run.

    Raises:
        NotFound: no such run.
    """
    require_process(actor)
    now = clock.utc_now()
    with transaction():
        run = transitions.locked(run_id)
        if run.state is RunState.CANCELLING and run.heartbeat_at is None:
            repository.change(run_id, stopped_at=now, heartbeat_at=now, process=process)
            return None
        if run.state not in {RunState.PLANNING, RunState.QUEUED} or run.heartbeat_at is not None:
            return None
        values: dict[str, object] = {"process": process, "heartbeat_at": now, "launch": run.launch + 1}
        values["launched_at"] = run.launched_at or now
        if run.state is RunState.QUEUED:
            values |= {"state": RunState.RUNNING, "started_at": run.started_at or now}
            repository.fail_running_steps(run_id, now)
        repository.change(run_id, **values)
        if run.state is RunState.QUEUED:
            transitions.note(actor, run, "started", {"process": process})
        return repository.run(run_id)


def beat(actor: Actor, run_id: RunId, launch: int) -> Pulse:
    """Tell that a run's process lives. For processes."""
    require_process(actor)
    with transaction():
        if not repository.change_of_launch(run_id, launch, heartbeat_at=clock.utc_now()):
            return Pulse(is_ours=False)
        run = repository.run(run_id)
        return Pulse(is_ours=True, is_cancelled=run is not None and run.state is RunState.CANCELLING)


def store_plan(actor: Actor, run: Run, plan: Plan) -> Run:
    """Store the plan of a run; a person's waits to be confirmed, a scheduled one is queued. For its process.

    Raises:
        Superseded: the run is no longer this process's.
        Conflict: a scheduled run's target is held.
    """
    require_process(actor)
    now = clock.utc_now()
    plan_hash = rules.plan_hash(run.action, run.parameters, plan)
    values = {"plan": plan_to_plain(plan), "plan_hash": plan_hash, "planned_at": now}
    with transaction():
        _require_ours(run)
        repository.change(run.id, **values)
        if run.scheduled_at is not None:
            transitions.queue(run, now, confirmed_at=now)
        else:
            repository.change(
                run.id,
                state=RunState.PLANNED,
                expires_at=now + rules.PLAN_HOLDS,
                launched_at=None,
                heartbeat_at=None,
                process="",
            )
        transitions.note(actor, run, "planned", {"plan": plan_hash})
    return _now(run.id)


def start_step(actor: Actor, run: Run, position: int, name: str) -> None:
    """Note that a step begins. Raises Superseded."""
    require_process(actor)
    with transaction():
        _require_ours(run)
        repository.change_step(
            run.id, position, state=StepState.RUNNING, started_at=clock.utc_now(), ended_at=None
        )
        transitions.note(actor, run, "step_started", {"step": name})


def end_step(actor: Actor, run: Run, position: int, name: str, memory: Mapping[str, Plain]) -> None:
    """Note that a step is done, with what it leaves for the next ones. Raises Superseded."""
    require_process(actor)
    with transaction():
        _require_ours(run)
        repository.change_step(run.id, position, state=StepState.DONE, ended_at=clock.utc_now())
        repository.change(run.id, memory=dict(memory))
        transitions.note(actor, run, "step_done", {"step": name})


def remember(actor: Actor, run: Run, memory: Mapping[str, Plain]) -> None:
    """Store what a step must not forget, even when it is cut off. Raises Superseded."""
    require_process(actor)
    with transaction():
        _require_ours(run)
        repository.change(run.id, memory=dict(memory))


def append_log(actor: Actor, run_id: RunId, lines: Sequence[LogLine]) -> None:
    """Store lines of a run's log. Idempotent by their numbers. For its process."""
    require_process(actor)
    if lines:
        with transaction():
            log_repository.append(run_id, lines)
            tell(Topic.RUNBOOK_LOG)


def last_line(actor: Actor, run_id: RunId) -> int:
    """The number of the last stored line. For processes."""
    require_process(actor)
    return log_repository.last_number(run_id)


def succeed(actor: Actor, run: Run, result: Sequence[Words]) -> None:
    """End a run whose every step is done. Raises Superseded."""
    require_process(actor)
    with transaction():
        mine = _require_ours(run)
        plain = [to_plain(words) for words in result]
        transitions.end(mine, RunState.SUCCEEDED, None, clock.utc_now(), result=plain)
        transitions.note(actor, mine, "succeeded")


def fail(actor: Actor, run: Run, outcome: Words, result: Sequence[Words] = ()) -> None:
    """End a run that could not be planned, or whose step failed, in words. Raises Superseded."""
    require_process(actor)
    with transaction():
        mine = _require_ours(run)
        plain = [to_plain(words) for words in result]
        transitions.end(mine, RunState.FAILED, outcome, clock.utc_now(), result=plain)
        transitions.note(actor, mine, "failed", {"outcome": outcome.key})


def stop(actor: Actor, run: Run, result: Sequence[Words] = ()) -> None:
    """Note that the process heard that it is cancelled, and ends now. The run is cancelled when that is proven."""
    require_process(actor)
    with transaction():
        mine = _require_ours(run)
        plain = [to_plain(words) for words in result]
        repository.change(mine.id, stopped_at=clock.utc_now(), result=plain)
        transitions.note(actor, mine, "stopping")


def outcome_of(error: AppError) -> Words:
    """The end of a run by an expected error: its sentence in the reader's language."""
    return Words(key=error.key, values=dict(error.data))


def _require_ours(run: Run) -> Run:
    """The run, locked. Raises Superseded."""
    try:
        found = transitions.locked(run.id)
    except NotFound:
        raise Superseded from None
    if found.launch != run.launch or found.is_ended:
        raise Superseded
    return found


def _now(run_id: RunId) -> Run:
    found = repository.run(run_id)
    if found is None:
        raise Conflict(reason="run_moved_on")
    return found
