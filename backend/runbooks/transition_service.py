"""From one state of a run to the next: with its locks, its audit entry and the news of it, in one transaction."""

from collections.abc import Mapping
from datetime import datetime

from backend.actor import Actor
from backend.audit import service as audit
from backend.db.news import Topic, tell
from backend.errors import Conflict, NotFound
from backend.runbooks import repository
from backend.runbooks.types import RunbookRun, RunEvent, RunId, RunStage, Words
from backend.runbooks.words_rules import to_plain


def locked(run_id: RunId) -> RunbookRun:
    """A run that nobody else changes until the open transaction ends. Raises NotFound."""
    found = repository.run(run_id, locks=True)
    if found is None:
        raise NotFound(reason="run")
    return found


def queue(run: RunbookRun, now: datetime, **values: object) -> None:
    """Take the run's locks and let a process be started for it. Raises Conflict with the holder's name."""
    if not repository.take_locks(run.id, run.targets, now):
        raise locked_by_another(run)
    repository.change(
        run.id,
        **{
            "state": RunStage.QUEUED,
            "launched_at": None,
            "process": "",
            "heartbeat_at": None,
            "expires_at": None,
            "stopped_at": None,
            "ended_at": None,
            "outcome": None,
            **values,
        },
    )


def locked_by_another(run: RunbookRun) -> Conflict:
    """The refusal that names who holds one of the run's targets."""
    for holder in repository.holders(run.targets):
        return Conflict(reason="run_locked", holder=holder.requester, target=holder.target)
    return Conflict(reason="run_moved_on")


def end(run: RunbookRun, state: RunStage, outcome: Words | None, now: datetime, **values: object) -> None:
    """End a run: its locks are free, the step under way has failed."""
    if state is not RunStage.SUCCEEDED:
        repository.fail_running_steps(run.id, now)
    repository.change(
        run.id, state=state, outcome=None if outcome is None else to_plain(outcome), ended_at=now, **values
    )
    repository.release_locks(run.id)


def note(actor: Actor, run: RunbookRun, what: RunEvent, detail: Mapping[str, object] | None = None) -> None:
    """Record what happened to a run, and tell the pages. Last in a transaction: the chain makes others wait."""
    tell(Topic.RUNBOOKS)
    audit.record(actor, f"run.{what.value}", f"run:{run.id}", {"action": run.action, **(detail or {})})
