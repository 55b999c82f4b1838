"""Use cases of the launcher: which runs want a process, and what became of the others."""

from datetime import datetime

from backend import clock
from backend.actor import Actor, require_process
from backend.db.engine import transaction
from backend.runbooks import repository, rules, transition_service
from backend.runbooks.types import (
    ENDED,
    LAUNCHED,
    RunbookRun,
    RunEvent,
    RunId,
    RunStage,
    RunStep,
    StepState,
    Words,
)

_MOST = 200
_EXPIRED = {
    RunStage.PLANNED: Words(key="runbooks.outcome.expired_planned"),
    RunStage.WAITING: Words(key="runbooks.outcome.expired_waiting"),
}
# What nobody can look at may still be at work, so it is not cancelled.
_UNSEEN = "runbooks.outcome.process_unseen"
_WATCHED = (RunStage.PLANNING, RunStage.QUEUED, RunStage.RUNNING, RunStage.CANCELLING)


def watched(actor: Actor) -> list[RunbookRun]:
    """Every run that wants a process or has one, the oldest first. For processes."""
    require_process(actor)
    return repository.runs_in(_WATCHED, _MOST)


def now(actor: Actor) -> datetime:
    """The instant to which the times of runs' processes compare, whatever this machine's clock says. For processes."""
    require_process(actor)
    return repository.now()


def claim(actor: Actor, run_id: RunId) -> bool:
    """Note that a process is being started for a run; False when that was done meanwhile. For processes."""
    require_process(actor)
    with transaction():
        run = transition_service.locked(run_id)
        if run.state not in LAUNCHED or run.launched_at is not None:
            return False
        repository.change(run_id, launched_at=repository.now())
        return True


def note_process(actor: Actor, run_id: RunId, process: str) -> None:
    """Note the process that was started; nothing where it has begun, and named itself, already. For processes."""
    require_process(actor)
    with transaction():
        run = transition_service.locked(run_id)
        if run.heartbeat_at is None:
            repository.change(run_id, process=process)


def unclaim(actor: Actor, run_id: RunId) -> None:
    """Let a process be started again: the one that was to be never came to be. For processes.

    A run that was cancelled meanwhile is cancelled: nothing of it is at work.
    """
    require_process(actor)
    now = clock.utc_now()
    with transaction():
        run = transition_service.locked(run_id)
        if run.heartbeat_at is not None:
            return
        if run.state in LAUNCHED:
            repository.change(run_id, launched_at=None, process="")
        elif run.state is RunStage.CANCELLING:
            _end(actor, run, RunStage.CANCELLED, _cancelled(run), now)


def note_gone(actor: Actor, seen: RunbookRun, why: Words) -> RunbookRun | None:
    """End a run whose process is proven gone; None when it had ended by itself, or has another by now. For processes.

    Who was being cancelled is cancelled, unless the process could only not be seen. Who passed the deadline has failed.
    So has who mended what its steps had done, whether it came to the end of that: from there nothing may go on.
    Any other is lost.
    """
    require_process(actor)
    now = repository.now()
    with transaction():
        run = transition_service.locked(seen.id)
        if run.state in ENDED or run.state not in _WATCHED or run.process != seen.process:
            return None
        state, outcome = _end_of(run, why, now)
        _end(actor, run, state, outcome, now)
    return repository.run(seen.id)


def refuse(actor: Actor, run_id: RunId, why: Words) -> None:
    """End a run for which no process can be started, in the words of who refuses it. For processes."""
    require_process(actor)
    now = clock.utc_now()
    with transaction():
        run = transition_service.locked(run_id)
        if run.state in LAUNCHED or run.state is RunStage.CANCELLING:
            state = RunStage.CANCELLED if run.state is RunStage.CANCELLING else RunStage.FAILED
            _end(actor, run, state, why, now)


def expire(actor: Actor) -> int:
    """End the plans that nobody confirmed, and the runs that nobody approved, in time; how many. For processes."""
    require_process(actor)
    now, expired = clock.utc_now(), 0
    for old in repository.runs_in((RunStage.PLANNED, RunStage.WAITING), _MOST):
        if old.expires_at is None or now < old.expires_at:
            continue
        with transaction():
            run = transition_service.locked(old.id)
            if run.state is not old.state:
                continue
            transition_service.end(run, RunStage.EXPIRED, _EXPIRED[run.state], now)
            transition_service.note(actor, run, RunEvent.EXPIRED)
            expired += 1
    return expired


def may_be_killed(actor: Actor, run: RunbookRun) -> bool:
    """Whether a process that is to end may be ended by force: not within a step past the point of no return.

    Nor while it puts back what it had changed.
    """
    require_process(actor)
    return all(step.is_cancellable for step in _under_way(run.id)) and not is_mending(actor, run.id)


def is_mending(actor: Actor, run_id: RunId) -> bool:
    """Whether a run's process puts back what it had changed, as it stands stored this moment, and has time for it."""
    require_process(actor)
    run = repository.run(run_id)
    return run is not None and rules.may_mend(run, repository.now())


def forget_old(actor: Actor) -> int:
    """Delete runs and logs of more than 13 months ago; how many runs. For processes. Idempotent."""
    require_process(actor)
    deleted, batch = 0, 500
    while gone := repository.delete_old(clock.utc_now() - rules.KEPT, batch):
        deleted += gone
    return deleted


def _end(actor: Actor, run: RunbookRun, state: RunStage, outcome: Words, now: datetime) -> None:
    transition_service.end(run, state, outcome, now)
    transition_service.note(actor, run, RunEvent(state.value), {"outcome": outcome.key})


def _cancelled(run: RunbookRun) -> Words:
    return Words(key="runbooks.outcome.cancelled", values={"who": run.cancelled_by.partition(":")[2]})


def _end_of(run: RunbookRun, why: Words, now: datetime) -> tuple[RunStage, Words]:
    has_stopped, is_seen = run.stopped_at is not None, why.key != _UNSEEN
    has_mended = rules.has_begun_to_mend(run)
    broke_off = Words(key="runbooks.outcome.died_mending") if rules.is_at_mending(run) else None
    if run.state is RunStage.CANCELLING and (has_stopped or is_seen):
        return RunStage.CANCELLED, broke_off or _cancelled(run)
    if broke_off and has_mended:
        return RunStage.FAILED, broke_off if is_seen else why
    if has_mended:
        return RunStage.FAILED, Words(key="runbooks.outcome.told_to_end")
    if rules.is_late(run, now):
        allowed_s = rules.allowed_s(run)
        return RunStage.FAILED, Words(key="runbooks.outcome.deadline", values={"seconds": allowed_s})
    return (RunStage.FAILED if run.planned_at is None else RunStage.LOST), why


def _under_way(run_id: RunId) -> list[RunStep]:
    return [step for step in repository.steps(run_id) if step.state is StepState.RUNNING]
