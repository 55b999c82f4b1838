"""Use cases of runs that want more pods: the room in the quotas of a namespace, and free GPUs. For processes.

Pods of other namespaces are not seen: an account that could read them would read their environment, too. So GPUs that
others hold count as free here, and the scheduler has the last word.
"""

from collections import Counter
from decimal import Decimal

from backend.actor import Actor, require_process
from backend.clients.kubernetes import Kubernetes
from backend.clients.kubernetes_calls import ObjectPlace
from backend.clients.kubernetes_objects import ContainerObject, PodObject, PodSpecObject
from backend.clients.kubernetes_targets import NodeObject, QuotaObject
from backend.config import settings
from backend.deploys import capacity_rules as rules
from backend.deploys.acting_service import KINDS
from backend.deploys.acting_types import GPURoom, QuotaShortage
from backend.deploys.capacity_rules import NodeMark, NodeRoom, PodWish
from backend.deploys.types import WorkloadId

_ENDED = frozenset({"Succeeded", "Failed"})


def quota_shortage(
    actor: Actor, kubernetes: Kubernetes, wanted: WorkloadId, pods: int
) -> QuotaShortage | None:
    """The quota that has no room for some more pods of a workload; None where all have. Raises AppError."""
    require_process(actor)
    wish = _wish(_pod_spec(kubernetes, wanted))
    for quota in kubernetes.run(kubernetes.list_objects(QuotaObject, wanted.namespace)).items:
        hard = {name: str(value) for name, value in ((quota.status and quota.status.hard) or {}).items()}
        used = {name: str(value) for name, value in ((quota.status and quota.status.used) or {}).items()}
        if found := rules.shortage(hard, used, wish.needs, pods):
            name, needed, free = found
            return QuotaShortage(
                quota=quota.metadata.name,
                resource=name,
                needed=f"{needed.normalize():f}",
                free=f"{free.normalize():f}",
            )
    return None


def gpu_room(actor: Actor, kubernetes: Kubernetes, wanted: WorkloadId) -> GPURoom:
    """The GPUs on nodes whose labels and taints fit a workload's pods. Raises AppError."""
    require_process(actor)
    spec = _pod_spec(kubernetes, wanted)
    wish = _wish(spec)
    nodes = [room for one in kubernetes.run(kubernetes.list_nodes()) if (room := _room(one)).gpus]
    why = {one.name: rules.unfit_because(one, wish) for one in nodes}
    fitting = tuple(sorted(name for name, reason in why.items() if not reason))
    total = {one.name: one.gpus for one in nodes if one.name in fitting}
    free, per_pod = Counter(total), _gpus(spec)
    for pod in kubernetes.run(kubernetes.list_objects(PodObject, wanted.namespace)).items:
        if pod.spec is None or pod.spec.node_name not in total:
            continue
        if pod.status is None or pod.status.phase not in _ENDED:
            free[pod.spec.node_name] -= _gpus(pod.spec)
    return GPURoom(
        total=sum(total.values()),
        free=sum((+free).values()),
        per_pod=per_pod,
        pods=rules.pods_that_fit(free.values(), per_pod),
        fitting=fitting,
        others=tuple(sorted((name, reason) for name, reason in why.items() if reason)),
    )


def _pod_spec(kubernetes: Kubernetes, wanted: WorkloadId) -> PodSpecObject:
    place = ObjectPlace(namespace=wanted.namespace, name=wanted.name)
    found = kubernetes.run(kubernetes.get_object(KINDS[wanted.kind], place))
    template = found.spec.template if found.spec else None
    return (template.spec if template else None) or PodSpecObject()


def _wish(spec: PodSpecObject) -> PodWish:
    return PodWish(
        selector=spec.node_selector or {},
        tolerations=[
            NodeMark(key=one.key, value=one.value, effect=one.effect, is_any_value=one.operator == "Exists")
            for one in spec.tolerations or ()
        ],
        needs=rules.pod_needs(_resources(one) for one in spec.containers or ()),
    )


def _resources(one: ContainerObject) -> tuple[dict[str, str], dict[str, str]]:
    """Requests and limits; the API server takes a limit for the request where none is given."""
    found = one.resources
    limits = {name: str(value) for name, value in ((found and found.limits) or {}).items()}
    requests = {name: str(value) for name, value in ((found and found.requests) or {}).items()}
    return limits | requests, limits


def _gpus(spec: PodSpecObject | None) -> int:
    name = settings().gpu_resource
    wanted = [_resources(one)[0].get(name, "0") for one in (spec.containers if spec else None) or ()]
    return int(sum(map(rules.quantity, wanted), Decimal(0)))


def _room(node: NodeObject) -> NodeRoom:
    spec, status = node.spec, node.status
    return NodeRoom(
        name=node.metadata.name,
        labels=node.metadata.labels or {},
        taints=[
            NodeMark(key=one.key, value=one.value, effect=one.effect)
            for one in (spec.taints if spec else None) or ()
        ],
        is_schedulable=not (spec and spec.unschedulable),
        is_ready=any(
            one.type == "Ready" and one.status == "True"
            for one in (status.conditions if status else None) or ()
        ),
        gpus=int(rules.quantity(((status and status.allocatable) or {}).get(settings().gpu_resource, "0"))),
    )
