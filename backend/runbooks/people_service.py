"""Use cases of people: ask for a run, confirm its plan, approve or decline it, cancel it, let it go on."""

from datetime import datetime
from uuid import uuid4

from backend import clock
from backend.accounts import service as accounts
from backend.actor import OPERATOR_ROLES, Actor, require_role
from backend.audit.rules import checked_reason
from backend.db.engine import transaction
from backend.errors import Conflict, NotFound
from backend.runbooks import notices, repository, rules, transition_service
from backend.runbooks.types import NewRun, RunbookRun, RunEvent, RunId, RunStage, Words
from backend.tracing import spans


def ask(actor: Actor, new: NewRun) -> RunbookRun:
    """Ask for a run; its plan is made by a process of the runner. For operators, and for processes on schedule.

    Idempotent: the same request key, or the same scheduled time of an action, returns the run that exists.

    Raises:
        NotFound: there is no such run of this action to repeat.
        Conflict: the request key is that of another question.
    """
    rules.require_asker(actor, new)
    # The run's own trace links to that of the question.
    now, origin = clock.utc_now(), {**new.origin, **spans.carried()}
    with transaction():
        if not actor.process:
            accounts.require_enabled(actor)
        if new.repeat_of is not None and transition_service.locked(new.repeat_of).action != new.action:
            raise NotFound(reason="run")
        run_id = RunId(uuid4())
        if not repository.insert_run({**_new(actor, new, run_id, now), "origin": origin}):
            return _known(actor, new)
        repository.insert_steps(run_id, new.steps)
        run = transition_service.locked(run_id)
        detail: dict[str, object] = {"parameters": dict(new.parameters), "origin": dict(new.origin)}
        if new.undo_of:
            detail["undo_of"] = new.undo_of
        transition_service.note(actor, run, RunEvent.ASKED, detail)
    return run


def _new(actor: Actor, asked: NewRun, run_id: RunId, now: datetime) -> dict[str, object]:
    return {
        "id": run_id,
        "action": asked.action,
        "parameters": dict(asked.parameters),
        "risk": asked.risk,
        "targets": sorted(set(asked.targets)),
        "deadline_s": asked.deadline_s,
        "request_key": asked.request_key,
        "undo_of": asked.undo_of,
        "repeat_of": asked.repeat_of,
        "scheduled_at": asked.scheduled_at,
        "requester_id": actor.user_id,
        "requester": actor.label,
        "requested_at": now,
        "state": RunStage.PLANNING,
    }


def _known(actor: Actor, asked: NewRun) -> RunbookRun:
    known = repository.run_asked_as(asked)
    is_same = known is not None and (known.action, known.requester_id) == (asked.action, actor.user_id)
    if known is None or not is_same or dict(known.parameters) != dict(asked.parameters):
        raise Conflict(reason="run_request_key")
    return known


def confirm(actor: Actor, run_id: RunId, plan_hash: str, typed: str = "") -> RunbookRun:
    """Confirm the plan that was shown. A dangerous run then waits for an approver, any other is queued.

    Only who asked for the plan confirms it, within a quarter of an hour.

    Raises:
        Forbidden: the run is another person's.
        Invalid: what was typed is not what the plan asks for.
        Conflict: another plan was shown, it is too old or was confirmed already, or another run holds a target.
    """
    require_role(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    with transaction():
        accounts.require_enabled(actor)
        run = transition_service.locked(run_id)
        state = rules.confirmed_state(run, actor, plan_hash, typed, now)
        if state is RunStage.QUEUED:
            transition_service.queue(run, now, confirmed_at=now)
        else:
            until = now + rules.APPROVAL_HOLDS
            repository.change(run.id, state=state, confirmed_at=now, expires_at=until)
            notices.tell_approvers(actor, run, until, now)
        transition_service.note(actor, run, RunEvent.CONFIRMED, {"plan": plan_hash})
    return _now(run_id)


def approve(actor: Actor, run_id: RunId, plan_hash: str) -> RunbookRun:
    """Approve another person's dangerous run, bound to the plan that was shown; it is queued. For approvers.

    Raises:
        Forbidden: not an approver, one whose account is disabled, or the person who asked.
        Conflict: another plan was shown, the time is over, it does not wait, or another run holds a target.
    """
    now = clock.utc_now()
    with transaction():
        accounts.require_enabled(actor)
        run = transition_service.locked(run_id)
        rules.require_approver(run, actor, plan_hash, now)
        transition_service.queue(run, now, approver_id=actor.user_id, approver=actor.label, approved_at=now)
        transition_service.note(
            actor, run, RunEvent.APPROVED, {"plan": plan_hash, "requester": run.requester}
        )
    return _now(run_id)


def decline(actor: Actor, run_id: RunId, reason: str) -> RunbookRun:
    """Refuse another person's dangerous run, with a written reason. For approvers.

    Raises:
        Forbidden: not an approver, one whose account is disabled, or the person who asked.
        Conflict: it does not wait any more.
        Invalid: the reason is empty or too long.
    """
    checked, now = checked_reason(reason), clock.utc_now()
    with transaction():
        accounts.require_enabled(actor)
        run = transition_service.locked(run_id)
        rules.require_another(run, actor)
        if run.state is not RunStage.WAITING:
            raise Conflict(reason="run_moved_on")
        outcome = Words(key="runbooks.outcome.declined", values={"who": actor.name, "reason": checked})
        transition_service.end(run, RunStage.DECLINED, outcome, now)
        transition_service.note(actor, run, RunEvent.DECLINED, {"reason": checked})
    return _now(run_id)


def cancel(actor: Actor, run_id: RunId) -> RunbookRun:
    """Cancel a run. For operators; anybody's, because at three in the morning the one who asked may be asleep.

    It is cancelled at once where no process works on it; otherwise it is being cancelled until that process is gone.

    Raises:
        Conflict: the run has ended, or is being cancelled already.
    """
    require_role(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    with transaction():
        accounts.require_enabled(actor)
        run = transition_service.locked(run_id)
        state = rules.cancelled_state(run)
        asked: dict[str, object] = {"cancelled_by": actor.label, "cancel_asked_at": repository.now()}
        if state is RunStage.CANCELLED:
            outcome = Words(key="runbooks.outcome.cancelled_before", values={"who": actor.name})
            transition_service.end(run, state, outcome, now, **asked)
        else:
            repository.change(run.id, state=state, **asked)
        told = RunEvent.CANCEL_ASKED if state is RunStage.CANCELLING else RunEvent.CANCELLED
        transition_service.note(actor, run, told)
    return _now(run_id)


def go_on(actor: Actor, run_id: RunId) -> RunbookRun:
    """Let a run whose process died go on from its last finished step. For the operator who asked for it.

    Raises:
        Forbidden: the run is another person's.
        Conflict: it was not lost, a step that was cut off must not be repeated, another run holds a target, or it was
            approved and its process died longer ago than an approval holds.
    """
    require_role(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    with transaction():
        accounts.require_enabled(actor)
        run = transition_service.locked(run_id)
        rules.require_requester(run, actor)
        rules.require_continuable(run, repository.steps(run_id), now)
        # Another number: what the lost process still says is not taken, and its Job is not found again.
        transition_service.queue(run, now, launch=run.launch + 1)
        transition_service.note(actor, run, RunEvent.CONTINUED)
    return _now(run_id)


def _now(run_id: RunId) -> RunbookRun:
    found = repository.run(run_id)
    assert found is not None
    return found
