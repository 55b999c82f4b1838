"""Use cases of the launcher: which runs want a process, and what became of the others."""

from datetime import datetime

from backend import clock
from backend.actor import Actor, require_process
from backend.db.engine import transaction
from backend.runbooks import repository, rules, transitions
from backend.runbooks.types import ENDED, LAUNCHED, Run, RunId, RunState, Step, StepState, Words

_MOST = 200
_EXPIRED = {
    RunState.PLANNED: Words(key="runbooks.outcome.expired_planned"),
    RunState.WAITING: Words(key="runbooks.outcome.expired_waiting"),
}
_WATCHED = (RunState.PLANNING, RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)


def watched(actor: Actor) -> list[Run]:
    """Every run that wants a process or has one, the oldest first. For processes."""
    require_process(actor)
    return repository.runs_in(_WATCHED, _MOST)


def claim(actor: Actor, run_id: RunId) -> bool:
    """Note that a process is being started for a run; False when that was done meanwhile. For processes."""
    require_process(actor)
    with transaction():
        run = transitions.locked(run_id)
        if run.state not in LAUNCHED or run.launched_at is not None:
            return False
        repository.change(run_id, launched_at=clock.utc_now())
        return True


def note_process(actor: Actor, run_id: RunId, process: str) -> None:
    """Note the process that was started; nothing where it has begun, and named itself, already. For processes."""
    require_process(actor)
    with transaction():
        run = transitions.locked(run_id)
        if run.heartbeat_at is None:
            repository.change(run_id, process=process)


def unclaim(actor: Actor, run_id: RunId) -> None:
    """Let a process be started again: the one that was to be never came to be. For processes."""
    require_process(actor)
    with transaction():
        run = transitions.locked(run_id)
        if run.state in LAUNCHED and run.heartbeat_at is None:
            repository.change(run_id, launched_at=None, process="")


def note_gone(actor: Actor, run_id: RunId, why: Words) -> Run | None:
    """End a run whose process is proven gone; None when it had ended by itself. For processes.

    Who was being cancelled is cancelled. Who passed the deadline has failed. Any other is lost.
    """
    require_process(actor)
    now = clock.utc_now()
    with transaction():
        run = transitions.locked(run_id)
        if run.state in ENDED or run.state not in _WATCHED or run.launched_at is None:
            return None
        state, outcome = _end_of(run, why, now)
        transitions.end(run, state, outcome, now)
        transitions.note(actor, run, state.value, {"outcome": outcome.key})
    return repository.run(run_id)


def refuse(actor: Actor, run_id: RunId, why: Words) -> None:
    """End a run for which no process can be started, in the words of who refuses it. For processes."""
    require_process(actor)
    now = clock.utc_now()
    with transaction():
        run = transitions.locked(run_id)
        if run.state in LAUNCHED or run.state is RunState.CANCELLING:
            state = RunState.CANCELLED if run.state is RunState.CANCELLING else RunState.FAILED
            transitions.end(run, state, why, now)
            transitions.note(actor, run, state.value, {"outcome": why.key})


def expire(actor: Actor) -> int:
    """End the plans that nobody confirmed, and the runs that nobody approved, in time; how many. For processes."""
    require_process(actor)
    now, expired = clock.utc_now(), 0
    for old in repository.runs_in((RunState.PLANNED, RunState.WAITING), _MOST):
        if old.expires_at is None or now < old.expires_at:
            continue
        with transaction():
            run = transitions.locked(old.id)
            if run.state is not old.state:
                continue
            transitions.end(run, RunState.EXPIRED, _EXPIRED[run.state], now)
            transitions.note(actor, run, "expired")
            expired += 1
    return expired


def may_be_killed(actor: Actor, run: Run) -> bool:
    """Whether a process that is to end may be ended by force: not within a step past the point of no return."""
    require_process(actor)
    return all(step.is_cancellable for step in _under_way(run.id))


def forget_old(actor: Actor) -> int:
    """Delete runs and logs of more than 13 months ago; how many runs. For processes. Idempotent."""
    require_process(actor)
    deleted, batch = 0, 500
    while gone := repository.delete_old(clock.utc_now() - rules.KEPT, batch):
        deleted += gone
    return deleted


def _end_of(run: Run, why: Words, now: datetime) -> tuple[RunState, Words]:
    if run.state is RunState.CANCELLING:
        who = run.cancelled_by.partition(":")[2]
        return RunState.CANCELLED, Words(key="runbooks.outcome.cancelled", values={"who": who})
    if rules.is_late(run, now):
        return RunState.FAILED, Words(key="runbooks.outcome.deadline", values={"seconds": run.deadline_s})
    return (RunState.FAILED if run.state is RunState.PLANNING else RunState.LOST), why


def _under_way(run_id: RunId) -> list[Step]:
    return [step for step in repository.steps(run_id) if step.state is StepState.RUNNING]
