"""Pause the rollout of a Deployment: its pods stay as they are, old and new ones, until it is resumed.

It gives time to look at a bad release before it reaches every pod. The size of the Deployment still follows what is
wanted. Undone by resuming.
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
    if now.is_paused:
        raise Refused(reason="workload_paused_already", workload=wanted.name)
    return pausing.plan(planning, wanted, now, is_paused=True)


def _plan_undo(planning: Planning, parameters: DeploymentParameters, _done: RunbookRun) -> Plan:
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    pausing.require_paused(wanted, now)
    return pausing.plan(planning, wanted, now, is_paused=False)


def _pause(running: Running, parameters: DeploymentParameters) -> None:
    pausing.make(running, rollouts.id_of(parameters.workload), is_paused=True)


def _resume(running: Running, parameters: DeploymentParameters) -> None:
    pausing.make(running, rollouts.id_of(parameters.workload), is_paused=False)


ACTION = Action(
    name="pause_rollout",
    risk=Risk.SAFE,
    parameters=DeploymentParameters,
    choices={"workload": pausing.choices(is_paused=False)},
    targets=rollouts.targets,
    needs=pausing.needs,
    plan=_plan,
    steps=(Step(name="pause", run=_pause),),
    undo=Undo(
        plan=_plan_undo,
        steps=(Step(name="resume", run=_resume),),
        holds=timedelta(days=1),
        alike=pausing.ALIKE,
    ),
    deadline_s=120,
)
