"""Rules of runs: the hash of a plan, who may confirm and approve, when a run is over. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import orjson

from backend.actor import OPERATOR_ROLES, Actor, Role
from backend.audit.types import Plain
from backend.errors import Conflict, Forbidden, Invalid
from backend.runbooks.types import (
    ENDED,
    LAUNCHED,
    NewRun,
    Plan,
    Risk,
    RunbookRun,
    RunStage,
    RunStep,
    StepState,
)
from backend.runbooks.words_rules import side_to_plain, to_plain

PLAN_HOLDS = timedelta(minutes=15)
APPROVAL_HOLDS = timedelta(hours=1)
# A process tells that it lives every 2 s; a restart of PostgreSQL may take a while.
HEARTBEAT_S = 2.0
PLAN_DEADLINE_S = 300
SILENT_AFTER = timedelta(seconds=20)
UNSEEN_AFTER = timedelta(minutes=3)
START_HOLDS = timedelta(minutes=5)
# How long a process may take to notice its deadline itself.
DEADLINE_GRACE = timedelta(seconds=15)
CANCEL_GRACE = timedelta(seconds=5)
# Between the request to end and the end by force.
END_GRACE = timedelta(seconds=10)
# How long a process may put back what it had changed: a Secret is written, and every pod is replaced again.
MENDING_HOLDS = timedelta(minutes=15)
# The name in a run's memory under which its process notes that it does so.
MENDING = "mending"
KEPT = timedelta(days=396)
SHORTEST_REASON = 3


def plan_hash(action: str, parameters: Mapping[str, Plain], plan: Plan) -> str:
    """The SHA-256 over everything of a plan that binds, in hexadecimal."""
    binding = {
        "action": action,
        "parameters": dict(parameters),
        "changes": [
            [to_plain(each.what), *map(side_to_plain, (each.before, each.after))] for each in plan.changes
        ],
        "versions": dict(plan.versions),
        "confirmation": plan.confirmation,
    }
    return hashlib.sha256(orjson.dumps(binding, option=orjson.OPT_SORT_KEYS)).hexdigest()


def require_asker(actor: Actor, asked: NewRun) -> None:
    """Let through an operator, or a process for a safe action on schedule. Raises Forbidden."""
    if actor.process:
        if asked.scheduled_at is None or asked.risk is not Risk.SAFE:
            raise Forbidden
    elif actor.role not in OPERATOR_ROLES:
        raise Forbidden


def confirmed_state(run: RunbookRun, actor: Actor, shown_hash: str, typed: str, now: datetime) -> RunStage:
    """The state after a confirmation of what was shown.

    Raises:
        Forbidden: only who asked for a plan confirms it.
        Conflict: the plan is not the one that was shown, was confirmed already, or is too old.
        Invalid: what was typed is not what the plan asks for.
    """
    require_requester(run, actor)
    if run.state is not RunStage.PLANNED or run.plan is None:
        raise Conflict(reason="run_moved_on")
    require_valid(run, now)
    require_hash(run, shown_hash)
    if run.plan.confirmation and typed.strip() != run.plan.confirmation:
        raise Invalid(field="typed", reason="run_typed")
    return RunStage.WAITING if run.risk is Risk.DANGEROUS else RunStage.QUEUED


def require_requester(run: RunbookRun, actor: Actor) -> None:
    """Let through an operator who asked for this run. Raises Forbidden."""
    if actor.process or actor.role not in OPERATOR_ROLES:
        raise Forbidden
    if run.requester_id is None or actor.user_id != run.requester_id:
        raise Forbidden(reason="run_of_another")


def require_approver(run: RunbookRun, actor: Actor, shown_hash: str, now: datetime) -> None:
    """Let through another approver who saw this plan while it waits for one.

    Raises:
        Forbidden: not an approver, or the one who asked.
        Conflict: it does not wait any more, or another plan was shown.
    """
    require_another(run, actor)
    if run.state is not RunStage.WAITING:
        raise Conflict(reason="run_moved_on")
    require_valid(run, now)
    require_hash(run, shown_hash)


def require_another(run: RunbookRun, actor: Actor) -> None:
    """Let through an approver who is not the one who asked. Raises Forbidden."""
    if actor.process or actor.role is not Role.APPROVER or actor.user_id is None:
        raise Forbidden
    if actor.user_id == run.requester_id:
        raise Forbidden(reason="run_own_approval")


def require_valid(run: RunbookRun, now: datetime) -> None:
    """Let through a plan whose time is not over. Raises Conflict."""
    if run.expires_at is not None and now >= run.expires_at:
        raise Conflict(reason="run_expired")


def require_hash(run: RunbookRun, shown_hash: str) -> None:
    """Let through who saw the plan that the run has. Raises Conflict."""
    if shown_hash != run.plan_hash:
        raise Conflict(reason="run_plan_changed")


def cancelled_state(run: RunbookRun) -> RunStage:
    """The state after somebody cancels: at once where no process exists, else when it is proven gone.

    Raises:
        Conflict: the run has ended, or is being cancelled.
    """
    if run.state in ENDED or run.state is RunStage.CANCELLING:
        raise Conflict(reason="run_ended" if run.state in ENDED else "run_cancelling")
    has_process = run.launched_at is not None and run.state in {*LAUNCHED, RunStage.RUNNING}
    return RunStage.CANCELLING if has_process else RunStage.CANCELLED


def is_silent(run: RunbookRun, now: datetime, after: timedelta) -> bool:
    """Whether a run's process has not told for a while that it lives."""
    heard = run.heartbeat_at or run.launched_at
    return heard is not None and now - heard > after


def is_late(run: RunbookRun, now: datetime) -> bool:
    """Whether a run's process is past its deadline and the grace after it; one that goes on has its time anew."""
    if run.heartbeat_at is None or run.launched_at is None:
        return False
    return now > run.launched_at + timedelta(seconds=allowed_s(run)) + DEADLINE_GRACE


def mending(launch: int, now: datetime, *, goes_on: bool = False) -> dict[str, Plain]:
    """The note of a process that begins to put back what it had changed, or to take away what it had made.

    ``goes_on``: should the process die from here on, the run may go on, because its step does everything anew.
    """
    return {"launch": launch, "until": (now + MENDING_HOLDS).isoformat(), "goes_on": goes_on}


def mended(launch: int, now: datetime) -> dict[str, Plain]:
    """The note of a process that has put everything back, and is about to say how it ends."""
    return {"launch": launch, "until": (now + END_GRACE).isoformat(), "goes_on": True, "is_over": True}


def has_begun_to_mend(run: RunbookRun) -> bool:
    """Whether a run's present process has begun to put back what it had changed, from where nothing may go on."""
    noted = _noted(run)
    return bool(noted) and not noted.get("goes_on")


def is_at_mending(run: RunbookRun) -> bool:
    """Whether a run's present process has begun to put something back, and has not said that it is through."""
    noted = _noted(run)
    return bool(noted) and not noted.get("is_over") and run.stopped_at is None


def may_mend(run: RunbookRun, now: datetime) -> bool:
    """Whether a run's present process puts back what it had changed, and has not had too long for it."""
    noted = _noted(run)
    if not noted or run.is_ended or run.stopped_at is not None:
        return False
    return now < datetime.fromisoformat(str(noted["until"]))


def _noted(run: RunbookRun) -> dict[str, Plain]:
    """The note of a run's present process; empty where there is none."""
    noted = run.memory.get(MENDING)
    return dict(noted) if isinstance(noted, dict) and noted.get("launch") == run.launch else {}


def allowed_s(run: RunbookRun) -> int:
    """Seconds that a run's process may take: for its plan, or for its steps."""
    return PLAN_DEADLINE_S if run.planned_at is None else run.deadline_s


def process_s(run: RunbookRun) -> int:
    """Seconds of work that a process which is started now may do: that of a scheduled run plans and takes the steps."""
    plans_and_acts = run.state is RunStage.PLANNING and run.scheduled_at is not None
    return PLAN_DEADLINE_S + run.deadline_s if plans_and_acts else allowed_s(run)


def require_continuable(run: RunbookRun, steps: Sequence[RunStep], now: datetime) -> None:
    """Let through a lost run whose unfinished steps may be taken again, while its approval holds. Raises Conflict."""
    if run.state is not RunStage.LOST:
        raise Conflict(reason="run_not_lost")
    if has_lapsed(run, now):
        raise Conflict(reason="run_approval_lapsed")
    if not is_continuable(run, steps, now):
        raise Conflict(reason="run_not_repeatable")


def is_continuable(run: RunbookRun, steps: Sequence[RunStep], now: datetime) -> bool:
    """Whether a run was lost and may go on: its approval holds, and whatever it had begun may be done again."""
    if run.state is not RunStage.LOST or has_lapsed(run, now):
        return False
    begun = [step for step in steps if step.state in {StepState.RUNNING, StepState.FAILED}]
    return all(step.is_repeatable for step in begun)


def has_lapsed(run: RunbookRun, now: datetime) -> bool:
    """Whether a lost run was approved for a moment that is long over: what its approver saw may no longer be so."""
    is_lost_dangerous = run.state is RunStage.LOST and run.risk is Risk.DANGEROUS
    return is_lost_dangerous and run.ended_at is not None and now - run.ended_at > APPROVAL_HOLDS


def comes_back(lost: Mapping[str, object]) -> bool:
    """Whether what was lost is PostgreSQL, which comes back by itself; a full disk does not."""
    return lost.get("service") == "database" and lost.get("cause") != "disk_full"
