"""Scale the GPU workers: more or fewer replicas of a Deployment whose pods ask for GPUs. Undone by the number before.

The plan counts the GPUs of nodes whose labels and taints fit the pods, and what pods of the namespace hold of them. It
looks at the quotas, and tells what more GPUs cost an hour where ``GPU_HOUR_COST_TOMAN`` says it. It is refused where
there is no room, because a pod that waits for a node helps nobody. GPUs that other namespaces hold are not seen: where
a pod finds no node after all, the run says so and can be undone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from backend.config import settings
from backend.deploys import service as deploys
from backend.deploys.acting_types import GPURoom
from backend.deploys.types import WorkloadId, WorkloadKind
from backend.errors import Refused
from backend.runbooks.types import Plan, Risk, Words
from runbooks import rollouts, scaling
from runbooks.action import Action, Need, ParameterChoice
from runbooks.context import Planning
from runbooks.rollouts import DeploymentOnly


class GPUScaleParameters(scaling.ScalingParameters):
    """A Deployment of GPU workers, and how many pods it is to have."""

    workload: DeploymentOnly


def _workloads(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    found = deploys.workloads(planning.actor).items
    return [
        ParameterChoice(value=rollouts.value_for(one.id))
        for one in found
        if one.id.kind is WorkloadKind.DEPLOYMENT and _asks_for_gpus(planning, one.id)
    ]


def _asks_for_gpus(planning: Planning, wanted: WorkloadId) -> bool:
    containers = deploys.workload(planning.actor, wanted).containers
    names = {name for one in containers for name, _ in (*one.requests, *one.limits)}
    return settings().gpu_resource in names


def _needs(parameters: GPUScaleParameters) -> tuple[Need, ...]:
    nodes = Need(verb="list", resource="nodes", namespace="")
    return (*scaling.needs(rollouts.id_of(parameters.workload)), nodes)


def _plan(planning: Planning, parameters: GPUScaleParameters) -> Plan:
    wanted = rollouts.id_of(parameters.workload)
    now = deploys.workload_now(planning.actor, planning.kubernetes, wanted)
    more = parameters.replicas - now.detail.summary.replicas
    room = deploys.gpu_room(planning.actor, planning.kubernetes, wanted)
    _require_room(wanted, room, more)
    return scaling.plan(planning, wanted, now, parameters.replicas, _notes(room, more))


def _require_room(wanted: WorkloadId, room: GPURoom, more: int) -> None:
    if room.per_pod == 0:
        raise Refused(reason="no_gpu_asked", workload=wanted.name)
    if more > 0 and not room.fitting:
        raise _no_node(room)
    if more * room.per_pod > room.free:
        raise Refused(reason="gpu_too_few", free=room.free, needed=more * room.per_pod)
    if more > room.pods:
        raise Refused(reason="gpu_scattered", free=room.free, per_pod=room.per_pod, pods=room.pods, more=more)


def _no_node(room: GPURoom) -> Refused:
    if not room.others:
        return Refused(reason="gpu_none")
    why = Counter(reason for _, reason in room.others)
    return Refused(
        reason="gpu_no_node",
        nodes=", ".join(name for name, _ in room.others),
        cordoned=why["cordoned"],
        not_ready=why["not_ready"],
        labels=why["labels"],
        taint=why["taint"],
    )


def _notes(room: GPURoom, more: int) -> tuple[Words, ...]:
    nodes = ", ".join(room.fitting)
    notes = [
        Words(key="runbooks.scale_gpu.room", values={"free": room.free, "total": room.total, "nodes": nodes})
    ]
    cost_toman = settings().gpu_hour_cost_toman * room.per_pod * abs(more)
    if cost_toman:
        key = "runbooks.scale_gpu.costs" if more > 0 else "runbooks.scale_gpu.saves"
        notes.append(Words(key=key, values={"toman": cost_toman}))
    return tuple(notes)


ACTION = Action(
    name="scale_gpu",
    risk=Risk.DISRUPTIVE,
    parameters=GPUScaleParameters,
    choices={"workload": _workloads},
    targets=scaling.targets,
    needs=_needs,
    plan=_plan,
    steps=scaling.STEPS,
    undo=scaling.UNDO,
    deadline_s=1800,
)
