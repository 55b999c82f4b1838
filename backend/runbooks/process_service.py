"""Use cases of a run's process: begin, tell that it lives, store the plan, take steps, log, and end."""

from collections.abc import Sequence

from backend import clock
from backend.actor import Actor, require_process
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.errors import Conflict, NotFound
from backend.runbooks import log_repository, repository, rules, transition_service
from backend.runbooks.stored_repository import plan_to_plain
from backend.runbooks.types import (
    Plan,
    Pulse,
    RunbookRun,
    RunEvent,
    RunId,
    RunLine,
    RunStage,
    StepState,
    StepTraces,
    Superseded,
    Words,
)
from backend.runbooks.words_rules import to_plain


def take_up(actor: Actor, run_id: RunId, process: str, *, is_again: bool = False) -> RunbookRun | None:
    """Take a run that waits for a process. For processes.

    Returns None when another process took it, or there is nothing to do any more: a second start adopts the run.
    With ``is_again`` this process asked before and heard no answer, so it may have the run already.

    Raises:
        NotFound: no such run.
    """
    require_process(actor)
    with transaction():
        run, now = transition_service.locked(run_id), repository.now()
        if is_again and run.process == process and run.heartbeat_at is not None and not run.is_ended:
            return run
        if run.state is RunStage.CANCELLING and run.heartbeat_at is None:
            repository.change(run_id, stopped_at=now, heartbeat_at=now, process=process)
            return None
        if run.state not in {RunStage.PLANNING, RunStage.QUEUED} or run.heartbeat_at is not None:
            return None
        values: dict[str, object] = {"process": process, "heartbeat_at": now, "launch": run.launch + 1}
        # From here its time runs, not from the moment that its image began to be pulled.
        values["launched_at"] = now
        if run.state is RunStage.QUEUED:
            values |= {"state": RunStage.RUNNING, "started_at": run.started_at or now}
            repository.fail_running_steps(run_id, now)
        repository.change(run_id, **values)
        if run.state is RunStage.QUEUED:
            transition_service.note(actor, run, RunEvent.STARTED, {"process": process})
        return repository.run(run_id)


def beat(actor: Actor, run_id: RunId, launch: int) -> Pulse:
    """Tell that a run's process lives. For processes."""
    require_process(actor)
    with transaction():
        if not repository.change_of_launch(run_id, launch, heartbeat_at=repository.now()):
            return Pulse(is_ours=False)
        run = repository.run(run_id)
        return Pulse(is_ours=True, is_cancelled=run is not None and run.state is RunStage.CANCELLING)


def store_plan(actor: Actor, run: RunbookRun, plan: Plan) -> RunbookRun:
    """Store the plan of a run; a person's waits to be confirmed, a scheduled one is queued. For its process.

    Idempotent: a run that has its plan already, or is being cancelled, is returned as it stands.

    Raises:
        Superseded: the run is no longer this process's.
        Conflict: a scheduled run's target is held.
    """
    require_process(actor)
    now = clock.utc_now()
    plan_hash = rules.plan_hash(run.action, run.parameters, plan)
    values = {"plan": plan_to_plain(plan), "plan_hash": plan_hash, "planned_at": now}
    with transaction():
        if (stored := _require_ours(run)).state is not RunStage.PLANNING:
            return stored
        repository.change(run.id, **values)
        if run.scheduled_at is not None:
            transition_service.queue(run, now, confirmed_at=now)
        else:
            repository.change(
                run.id,
                state=RunStage.PLANNED,
                expires_at=now + rules.PLAN_HOLDS,
                launched_at=None,
                heartbeat_at=None,
                process="",
            )
        transition_service.note(actor, run, RunEvent.PLANNED, {"plan": plan_hash})
    return _now(run.id)


def start_step(actor: Actor, run: RunbookRun, position: int, name: str) -> bool:
    """Note that a step begins; False when the run is being cancelled, and it must not. Raises Superseded."""
    require_process(actor)
    with transaction():
        if _require_ours(run).state is RunStage.CANCELLING:
            return False
        repository.change_step(
            run.id, position, state=StepState.RUNNING, started_at=clock.utc_now(), ended_at=None
        )
        transition_service.note(actor, run, RunEvent.STEP_STARTED, {"step": name})
        return True


def end_step(actor: Actor, run: RunbookRun, position: int, name: str, left: StepTraces) -> None:
    """Note that a step is done, with what it leaves for the next ones and for the result. Raises Superseded."""
    require_process(actor)
    with transaction():
        _require_ours(run)
        repository.change_step(run.id, position, state=StepState.DONE, ended_at=clock.utc_now())
        _store(run, left)
        transition_service.note(actor, run, RunEvent.STEP_DONE, {"step": name})


def remember(actor: Actor, run: RunbookRun, left: StepTraces) -> None:
    """Store what a step must not forget, even when it is cut off. Raises Superseded."""
    require_process(actor)
    with transaction():
        before = _require_ours(run).memory.get(rules.MENDING)
        _store(run, left)
        if left.memory.get(rules.MENDING) != before:
            tell(Topic.RUNBOOKS)  # who looks at the run reads that it puts something back


def _store(run: RunbookRun, left: StepTraces) -> None:
    repository.change(run.id, memory=dict(left.memory), result=[to_plain(words) for words in left.result])


def append_log(actor: Actor, run: RunbookRun, lines: Sequence[RunLine]) -> None:
    """Store lines of a run's log. Idempotent by their numbers. For its process.

    Raises:
        Superseded: the run has another process by now, whose lines have these numbers, or is gone.
    """
    require_process(actor)
    if lines:
        with transaction():
            if not log_repository.is_written_by(run.id, run.launch):
                raise Superseded
            log_repository.append(run.id, lines)
            tell(Topic.RUNBOOK_LOG)


def last_line(actor: Actor, run_id: RunId) -> int:
    """The number of the last stored line. For processes."""
    require_process(actor)
    return log_repository.last_number(run_id)


def succeed(actor: Actor, run: RunbookRun, result: Sequence[Words]) -> None:
    """End a run whose every step is done. Raises Superseded."""
    require_process(actor)
    with transaction():
        mine = _require_ours(run)
        plain = [to_plain(words) for words in result]
        transition_service.end(mine, RunStage.SUCCEEDED, None, clock.utc_now(), result=plain)
        transition_service.note(actor, mine, RunEvent.SUCCEEDED)


def fail(actor: Actor, run: RunbookRun, outcome: Words, result: Sequence[Words] = ()) -> None:
    """End a run that could not be planned, or whose step failed, in words. Raises Superseded."""
    require_process(actor)
    with transaction():
        mine = _require_ours(run)
        plain = [to_plain(words) for words in result]
        transition_service.end(mine, RunStage.FAILED, outcome, clock.utc_now(), result=plain)
        transition_service.note(actor, mine, RunEvent.FAILED, {"outcome": outcome.key})


def stop(actor: Actor, run: RunbookRun, result: Sequence[Words] = ()) -> None:
    """Note that the process heard that it is cancelled, and ends now. The run is cancelled when that is proven."""
    require_process(actor)
    with transaction():
        mine = _require_ours(run)
        plain = [to_plain(words) for words in result]
        repository.change(mine.id, stopped_at=clock.utc_now(), result=plain)
        transition_service.note(actor, mine, RunEvent.STOPPING)


def _require_ours(run: RunbookRun) -> RunbookRun:
    """The run, locked. Raises Superseded."""
    try:
        found = transition_service.locked(run.id)
    except NotFound:
        raise Superseded from None
    if found.launch != run.launch or found.is_ended:
        raise Superseded
    return found


def _now(run_id: RunId) -> RunbookRun:
    found = repository.run(run_id)
    if found is None:
        raise Conflict(reason="run_moved_on")
    return found
