"""Scale a Deployment or StatefulSet: another number of replicas, from 0 to 50. Undone by the number before.

More replicas help where pods are busy and nothing behind them is. The plan looks whether the quotas of the namespace
have room; the nodes are the scheduler's business, and the run tells when it finds none. An autoscaler that looks after
the same workload sets the number again.
"""

from datetime import timedelta

from pydantic import Field

from backend.deploys import service as deploys
from backend.deploys.types import WorkloadKind
from backend.runbooks.types import Plan, Risk, RunbookRun
from runbooks import rollouts, scaling
from runbooks.action import Action, ActionParameters, Need, Step, Undo
from runbooks.context import Planning, Running
from runbooks.rollouts import ScalableWorkload


class ScaleParameters(ActionParameters):
    """A workload, and how many pods it is to have."""

    workload: ScalableWorkload
    replicas: int = Field(ge=0, le=scaling.MOST_REPLICAS)


def _targets(parameters: ScaleParameters) -> tuple[str, ...]:
    wanted = rollouts.id_of(parameters.workload)
    return (f"deploy:{wanted.namespace}/{wanted.name}",)


def _needs(parameters: ScaleParameters) -> tuple[Need, ...]:
    return scaling.needs(rollouts.id_of(parameters.workload))


def _plan(planning: Planning, parameters: ScaleParameters) -> Plan:
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    return scaling.plan(planning, wanted, now, parameters.replicas)


def _plan_undo(planning: Planning, parameters: ScaleParameters, done: RunbookRun) -> Plan:
    return scaling.plan_undo(planning, rollouts.id_of(parameters.workload), parameters.replicas, done)


def _scale(running: Running, parameters: ScaleParameters) -> None:
    scaling.make(running, rollouts.id_of(parameters.workload), parameters.replicas)


def _scale_back(running: Running, parameters: ScaleParameters) -> None:
    assert running.undone is not None
    scaling.make(running, rollouts.id_of(parameters.workload), scaling.before_in(running.undone))


def _watch(running: Running, parameters: ScaleParameters) -> None:
    rollouts.watch(running, rollouts.id_of(parameters.workload))


_WATCH = Step(name="watch", run=_watch)
ACTION = Action(
    name="scale_workload",
    risk=Risk.DISRUPTIVE,
    parameters=ScaleParameters,
    choices={"workload": rollouts.choices(lambda one: one.id.kind is not WorkloadKind.DAEMON_SET)},
    targets=_targets,
    needs=_needs,
    plan=_plan,
    steps=(Step(name="scale", run=_scale), _WATCH),
    undo=Undo(
        plan=_plan_undo, steps=(Step(name="scale_back", run=_scale_back), _WATCH), holds=timedelta(days=1)
    ),
    deadline_s=900,
)
