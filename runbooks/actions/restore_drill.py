"""Restore the newest backup into a throw-away database, count it, time it, and drop it: so it is known to work."""

from backend.backups import service as backups
from backend.config import settings
from backend.errors import Refused
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from backend.runbooks.words_rules import outcome_of
from runbooks.action import Action, ActionParameters, Step
from runbooks.context import Planning, Running


class DrillParameters(ActionParameters):
    """Nothing is to be chosen."""


def _plan(planning: Planning, _given: DrillParameters) -> Plan:
    # The newest one may be a newer one when the run begins: the drill is of whatever is the newest then.
    backups.newest(planning.actor)
    what = Words(key="runbooks.restore_drill.tried")
    return Plan(changes=(PlannedChange(what=what, before="", after=""),))


def _drill(running: Running, _given: DrillParameters) -> None:
    done = backups.drill(running.actor, running.run.id.hex[:8], running.check_and_tidy)
    if done.failure is not None:
        why = outcome_of(done.failure)
        running.log(why.key, **why.values)
        raise Refused(reason="drill_failed", backup=done.backup or "–")
    running.changed(
        "runbooks.restore_drill.passed",
        backup=done.backup,
        rows=done.row_count,
        seconds=round(done.duration.total_seconds()),
    )


ACTION = Action(
    name="restore_drill",
    risk=Risk.SAFE,
    parameters=DrillParameters,
    targets=lambda _given: (f"db:{settings().database_name}",),
    plan=_plan,
    steps=(Step(name="drill", run=_drill),),
    deadline_s=4 * 3600,
    uses_backups=True,
)
