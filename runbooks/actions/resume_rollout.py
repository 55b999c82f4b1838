"""Resume the rollout of a paused Deployment: the pods of the newest revision replace the others from here on.

The run follows the rollout to its end. Undone by pausing again, which keeps the pods as they are then.
"""

from datetime import timedelta

from backend.deploys import service as deploys
from backend.errors import Refused
from backend.runbooks.types import Plan, Risk, RunbookRun
from runbooks import pausing, rollouts
from runbooks.action import Action, Step, Undo
from runbooks.context import Planning, Running
from runbooks.rollouts import DeploymentParameters


def _plan(planning: Planning, parameters: DeploymentParameters) -> Plan:
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    pausing.require_paused(wanted, now)
    return pausing.plan(planning, wanted, now, is_paused=False)


def _plan_undo(planning: Planning, parameters: DeploymentParameters, _done: RunbookRun) -> Plan:
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    if now.is_paused:
        raise Refused(reason="workload_paused_already", workload=wanted.name)
    return pausing.plan(planning, wanted, now, is_paused=True)


def _resume(running: Running, parameters: DeploymentParameters) -> None:
    pausing.make(running, rollouts.id_of(parameters.workload), is_paused=False)


def _watch(running: Running, parameters: DeploymentParameters) -> None:
    rollouts.watch(running, rollouts.id_of(parameters.workload))


def _pause(running: Running, parameters: DeploymentParameters) -> None:
    pausing.make(running, rollouts.id_of(parameters.workload), is_paused=True)


ACTION = Action(
    name="resume_rollout",
    risk=Risk.DISRUPTIVE,
    parameters=DeploymentParameters,
    choices={"workload": pausing.choices(is_paused=True)},
    targets=rollouts.targets,
    needs=pausing.needs,
    plan=_plan,
    steps=(Step(name="resume", run=_resume), Step(name="watch", run=_watch)),
    undo=Undo(
        plan=_plan_undo, steps=(Step(name="pause", run=_pause),), holds=timedelta(days=1), alike=pausing.ALIKE
    ),
    deadline_s=900,
)
