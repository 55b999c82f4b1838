"""Room for more pods: quotas of a namespace, nodes that fit, and their GPUs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_UNITS = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal(10**3), "M": Decimal(10**6),
    "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18), "Ki": Decimal(2**10),
    "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip
_KEEPING_AWAY = frozenset({"NoSchedule", "NoExecute"})
NONE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMark:
    """A taint of a node, or what of it a pod tolerates: then an empty key or effect fits every one."""

    key: str
    value: str = ""
    effect: str = ""
    is_any_value: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRoom:
    """A node with what decides whether it takes a pod."""

    name: str
    labels: Mapping[str, str]
    taints: Sequence[NodeMark]
    is_schedulable: bool
    is_ready: bool
    gpus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PodWish:
    """A pod's wishes for its node, and its needs as quotas name them: ``requests.cpu``, ``limits.memory``, ``pods``."""

    selector: Mapping[str, str]
    tolerations: Sequence[NodeMark]
    needs: Mapping[str, Decimal]


def quantity(written: str | float) -> Decimal:
    """The number of a quantity: ``250m`` is 0.25. Raises ValueError for what is none."""
    text = str(written).strip()
    unit = next((one for one in ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei") if text.endswith(one)), "")
    if not unit and text[-1:] in _UNITS:
        unit = text[-1]
    try:
        return Decimal(text.removesuffix(unit)) * _UNITS.get(unit, Decimal(1))
    except InvalidOperation:
        raise ValueError(f"{text!r} is no quantity") from None


def pod_needs(containers: Iterable[tuple[Mapping[str, str], Mapping[str, str]]]) -> dict[str, Decimal]:
    """The resources of a pod by the requests and limits of its containers, as quotas name them."""
    needs = {"pods": Decimal(1), "count/pods": Decimal(1)}
    for requests, limits in containers:
        for kind, given in (("requests", requests), ("limits", limits)):
            for name, value in given.items():
                needs[f"{kind}.{name}"] = needs.get(f"{kind}.{name}", NONE) + quantity(value)
    for name in ("cpu", "memory"):
        if f"requests.{name}" in needs:
            needs[name] = needs[f"requests.{name}"]
    return needs


def shortage(
    hard: Mapping[str, str], used: Mapping[str, str], needs: Mapping[str, Decimal], pods: int
) -> tuple[str, Decimal, Decimal] | None:
    """The first resource of a quota without room for some more pods: its name, what they need and what is free."""
    for name in sorted(hard):
        needed = needs.get(name, NONE) * pods
        free = quantity(hard[name]) - quantity(used.get(name, "0"))
        if needed > free:
            return name, needed, max(NONE, free)
    return None


def unfit_because(node: NodeRoom, pod: PodWish) -> str:
    """The word for why a node does not take a pod: cordoned, not_ready, labels, taint; empty if it takes it."""
    if not node.is_schedulable:
        return "cordoned"
    if not node.is_ready:
        return "not_ready"
    if not pod.selector.items() <= node.labels.items():
        return "labels"
    keeping = [one for one in node.taints if one.effect in _KEEPING_AWAY]
    return "" if all(any(_tolerates(mark, one) for mark in pod.tolerations) for one in keeping) else "taint"


def _tolerates(mark: NodeMark, taint: NodeMark) -> bool:
    has_key = mark.key in {"", taint.key}
    has_value = mark.is_any_value or mark.value == taint.value
    return has_key and has_value and mark.effect in {"", taint.effect}


def pods_that_fit(free: Iterable[int], per_pod: int) -> int:
    """The number of pods that find all their GPUs on one node, of those that each node has free; 0 without any."""
    return sum(max(0, left) // per_pod for left in free) if per_pod else 0
