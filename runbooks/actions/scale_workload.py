"""Scale a Deployment or StatefulSet: another number of replicas, from 0 to 50. Undone by the number before.

More replicas help where pods are busy and nothing behind them is. The plan looks whether the quotas of the namespace
have room; the nodes are the scheduler's business, and the run tells when it finds none. An autoscaler that looks after
the same workload sets the number again.
"""

from backend.deploys import service as deploys
from backend.deploys.types import WorkloadKind
from backend.runbooks.types import Plan, Risk
from runbooks import rollouts, scaling
from runbooks.action import Action, Need
from runbooks.context import Planning
from runbooks.rollouts import ScalableWorkload


class ScaleParameters(scaling.ScalingParameters):
    """A workload, and how many pods it is to have."""

    workload: ScalableWorkload


def _needs(parameters: ScaleParameters) -> tuple[Need, ...]:
    return scaling.needs(rollouts.id_of(parameters.workload))


def _plan(planning: Planning, parameters: ScaleParameters) -> Plan:
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    return scaling.plan(planning, wanted, now, parameters.replicas)


ACTION = Action(
    name="scale_workload",
    risk=Risk.DISRUPTIVE,
    parameters=ScaleParameters,
    choices={"workload": rollouts.choices(lambda one: one.id.kind is not WorkloadKind.DAEMON_SET)},
    targets=scaling.targets,
    needs=_needs,
    plan=_plan,
    steps=scaling.STEPS,
    undo=scaling.UNDO,
    deadline_s=900,
)
