"""Scale the GPU workers: more or fewer replicas of a Deployment whose pods ask for GPUs. Undone by the number before.

The plan counts the GPUs of nodes whose labels and taints fit the pods, and what pods of the namespace hold of them. It
looks at the quotas, and tells what more GPUs cost an hour where ``GPU_HOUR_COST_TOMAN`` says it. It is refused where
there is no room, because a pod that waits for a node helps nobody. GPUs that other namespaces hold are not seen: where
a pod finds no node after all, the run says so and can be undone.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from pydantic import Field

from backend.config import settings
from backend.deploys import service as deploys
from backend.deploys.acting_types import GPURoom
from backend.deploys.types import WorkloadId, WorkloadKind
from backend.errors import Refused
from backend.runbooks.types import Plan, Risk, RunbookRun, Words
from runbooks import rollouts, scaling
from runbooks.action import Action, ActionParameters, Need, ParameterChoice, Step, Undo
from runbooks.context import Planning, Running
from runbooks.rollouts import DeploymentOnly


class GPUScaleParameters(ActionParameters):
    """A Deployment of GPU workers, and how many pods it is to have."""

    workload: DeploymentOnly
    replicas: int = Field(ge=0, le=scaling.MOST_REPLICAS)


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


def _targets(parameters: GPUScaleParameters) -> tuple[str, ...]:
    wanted = rollouts.id_of(parameters.workload)
    return (f"deploy:{wanted.namespace}/{wanted.name}",)


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
        words = ", ".join(f"{name}: {why}" for name, why in room.others) or "0"
        raise Refused(reason="gpu_no_node", words=words)
    if more * room.per_pod > room.free:
        raise Refused(reason="gpu_too_few", free=room.free, needed=more * room.per_pod)


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


def _plan_undo(planning: Planning, parameters: GPUScaleParameters, done: RunbookRun) -> Plan:
    return scaling.plan_undo(planning, rollouts.id_of(parameters.workload), parameters.replicas, done)


def _scale(running: Running, parameters: GPUScaleParameters) -> None:
    scaling.make(running, rollouts.id_of(parameters.workload), parameters.replicas)


def _scale_back(running: Running, parameters: GPUScaleParameters) -> None:
    assert running.undone is not None
    scaling.make(running, rollouts.id_of(parameters.workload), scaling.before_in(running.undone))


def _watch(running: Running, parameters: GPUScaleParameters) -> None:
    rollouts.watch(running, rollouts.id_of(parameters.workload))


_WATCH = Step(name="watch", run=_watch)
ACTION = Action(
    name="scale_gpu",
    risk=Risk.DISRUPTIVE,
    parameters=GPUScaleParameters,
    choices={"workload": _workloads},
    targets=_targets,
    needs=_needs,
    plan=_plan,
    steps=(Step(name="scale", run=_scale), _WATCH),
    undo=Undo(
        plan=_plan_undo, steps=(Step(name="scale_back", run=_scale_back), _WATCH), holds=timedelta(days=1)
    ),
    deadline_s=1800,
)
