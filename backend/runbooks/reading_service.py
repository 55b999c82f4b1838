"""Use cases of reading runs, for all staff: one, many, its steps and log, who holds a target, how long it took."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role, require_role_or_process
from backend.errors import NotFound
from backend.runbooks import log_repository, repository, rules
from backend.runbooks.types import (
    LockHolder,
    RunbookRun,
    RunbookRuns,
    RunId,
    RunLine,
    RunSearch,
    RunsStanding,
    RunStage,
    RunStep,
)

COUNTED_AT_MOST = 10_000
ROWS_AT_MOST = 100
LINES_AT_ONCE = 5_000
_LAST_RUNS = 5
FAILED_LATELY = timedelta(days=1)


def run(actor: Actor, run_id: RunId) -> RunbookRun:
    """A run. For staff and processes. Raises NotFound."""
    require_role_or_process(actor, *STAFF_ROLES)
    found = repository.run(run_id)
    if found is None:
        raise NotFound(reason="run")
    return found


def steps(actor: Actor, run_id: RunId) -> tuple[RunStep, ...]:
    """The steps of a run in their order. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.steps(run_id)


def search(actor: Actor, wanted: RunSearch, *, offset: int = 0, limit: int = 20) -> RunbookRuns:
    """A page of runs, the newest first. For staff."""
    require_role(actor, *STAFF_ROLES)
    return repository.search(
        wanted, offset=max(0, offset), limit=max(1, min(limit, ROWS_AT_MOST)), most=COUNTED_AT_MOST
    )


def scheduled_since(actor: Actor, action: str, since: datetime) -> list[RunbookRun]:
    """The runs of an action that schedules asked for since a moment, the oldest first. For processes."""
    require_process(actor)
    return repository.scheduled_since(action, since)


def continuable(actor: Actor, action: str) -> list[RunbookRun]:
    """The newest lost runs of an action that may still go on. For processes."""
    require_process(actor)
    wanted, now = RunSearch(action=action, state=RunStage.LOST), clock.utc_now()
    lost = repository.search(wanted, offset=0, limit=ROWS_AT_MOST, most=ROWS_AT_MOST).rows
    return [run for run in lost if rules.is_continuable(run, repository.steps(run.id), now)]


def ids_of(actor: Actor, actions: Collection[str]) -> list[RunId]:
    """The numbers of every run of some actions that is not forgotten. For processes."""
    require_process(actor)
    return repository.ids_of(actions)


def standing(actor: Actor) -> RunsStanding:
    """The runs at work, those that wait for an approver, and those that failed today. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.standing(clock.utc_now() - FAILED_LATELY)


def undo_runs(actor: Actor, run_id: RunId) -> list[RunbookRun]:
    """The runs that are to undo a run, the newest first. For staff."""
    require_role(actor, *STAFF_ROLES)
    return repository.undo_runs(run_id)


def lines(actor: Actor, run_id: RunId, after: int = 0, limit: int = LINES_AT_ONCE) -> list[RunLine]:
    """The lines of a run's log that follow a number, at most 5,000. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return log_repository.lines_after(run_id, max(0, after), max(1, min(limit, LINES_AT_ONCE)))


def holders(actor: Actor, targets: Collection[str]) -> list[LockHolder]:
    """The runs that hold some of these targets. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.holders(targets)


def last_durations_s(actor: Actor, action: str) -> list[float]:
    """Seconds that the last five successful runs of an action took, the newest first. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return [
        (one.ended_at - one.started_at).total_seconds()
        for one in repository.last_ended(action, _LAST_RUNS)
        if one.ended_at and one.started_at
    ]


def successors(actor: Actor, run: RunbookRun, actions: Collection[str]) -> list[RunbookRun]:
    """The successful runs of some actions after a run, on a target of it, that stand; and what has undone it.

    The newest first. For processes.
    """
    require_process(actor)
    return repository.successors(run, actions)


def last_ended_at(actor: Actor, action: str, targets: Sequence[str]) -> datetime | None:
    """The moment of an action's last success on the same targets. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.last_ended_at(action, sorted(set(targets)))
