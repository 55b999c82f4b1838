"""The scheduler: a node for each pod, or the reason why there is none."""

from collections import Counter
from decimal import Decimal

from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.faults import PodFaults
from backend.sandbox.kubernetes.quantities import amount, requests_of
from backend.sandbox.kubernetes.store import Change, Object, Store
from backend.sandbox.kubernetes.volumes import Volumes

_RETRY_S = 5.0
_ENDED = frozenset({"Succeeded", "Failed"})
_NONE = Decimal(0)


class Scheduler:
    """Binds pods to nodes by what they request, their selectors and their tolerations."""

    def __init__(self, store: Store, events: Recorder, faults: PodFaults, volumes: Volumes) -> None:
        """Keep count of what the pods of a store use on each node."""
        self._store, self._events, self._faults, self._volumes = store, events, faults, volumes
        self._held: dict[str, tuple[str, dict[str, Decimal]]] = {}
        self._used: dict[str, dict[str, Decimal]] = {}
        store.listeners.append(self._hear)

    def forget(self) -> None:
        """Begin anew, as with an empty cluster."""
        self._held.clear()
        self._used.clear()

    def bind(self, pod: Object) -> float | None:
        """Give a pod its node, or tell why not and when to try again."""
        nodes = self._store.listed("nodes")
        if rule := self._faults.unschedulable(pod):
            return self._refuse(
                pod, rule.message or _sentence(len(nodes), ["Insufficient memory"] * len(nodes))
            )
        needs = _needs(pod)
        reasons = {one["metadata"]["name"]: self._unfit(one, pod, needs) for one in nodes}
        fit = [name for name, why in reasons.items() if not why]
        if not fit:
            return self._refuse(
                pod, _sentence(len(nodes), [why for found in reasons.values() for why in found])
            )
        node = min(fit, key=lambda name: self._used.get(name, {}).get("pods", _NONE))
        unbound = self._volumes.unbound(pod, node)
        if unbound:
            return self._refuse(pod, f"0/{len(nodes)} nodes are available: {unbound}.")
        if unbound is not None:
            return _RETRY_S
        self._assign(pod, node)
        return None

    def _assign(self, pod: Object, node: str) -> None:
        bound = pod | {"spec": pod["spec"] | {"nodeName": node}}
        condition = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": self._store.stamp(),
        }
        bound = self._store.put("pods", bound | {"status": pod["status"] | {"conditions": [condition]}})
        text = f"Successfully assigned {pod['metadata']['namespace']}/{pod['metadata']['name']} to {node}"
        self._events.normal(bound, "Scheduled", text, component="default-scheduler")

    def _refuse(self, pod: Object, sentence: str) -> float:
        """As measured on a real server: the reason stands in the pod's condition, and in no event."""
        old: Object = next(
            (one for one in pod["status"].get("conditions", ()) if one["type"] == "PodScheduled"), {}
        )
        is_same = old.get("status") == "False"
        since = old["lastTransitionTime"] if is_same else self._store.stamp()
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": sentence,
            "lastProbeTime": None,
            "lastTransitionTime": since,
        }
        self._store.put_status("pods", pod, pod["status"] | {"phase": "Pending", "conditions": [condition]})
        return _RETRY_S

    def _unfit(self, node: Object, pod: Object, needs: dict[str, Decimal]) -> list[str]:
        spec = pod["spec"]
        if node["spec"].get("unschedulable"):
            return ["node(s) were unschedulable"]
        labels, wanted = node["metadata"].get("labels", {}), spec.get("nodeSelector", {})
        if not wanted.items() <= labels.items():
            return ["node(s) didn't match Pod's node affinity/selector"]
        for taint in node["spec"].get("taints", ()):
            if not any(_tolerates(one, taint) for one in spec.get("tolerations", ())):
                return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
        room, used = node["status"]["allocatable"], self._used.get(node["metadata"]["name"], {})
        over = [
            name for name, need in needs.items() if used.get(name, _NONE) + need > amount(room.get(name, "0"))
        ]
        return ["Too many pods" if name == "pods" else f"Insufficient {name}" for name in over]

    def _hear(self, change: Change) -> None:
        if change.plural != "pods":
            return
        pod, uid = change.object, change.object["metadata"]["uid"]
        is_there = change.type != "DELETED" and pod["status"].get("phase") not in _ENDED
        node = pod["spec"].get("nodeName") if is_there else None
        if node and uid not in self._held:
            self._hold(uid, node, _needs(pod), 1)
        elif not node and uid in self._held:
            self._hold(uid, *self._held[uid], -1)

    def _hold(self, uid: str, node: str, needs: dict[str, Decimal], sign: int) -> None:
        used = self._used.setdefault(node, {})
        for name, value in needs.items():
            used[name] = used.get(name, _NONE) + sign * value
        if sign > 0:
            self._held[uid] = (node, needs)
        else:
            del self._held[uid]


def tolerates_taints(pod: Object, node: Object) -> bool:
    """Whether a pod may run on a node in spite of its taints."""
    given = pod["spec"].get("tolerations", ())
    return all(any(_tolerates(one, taint) for one in given) for taint in node["spec"].get("taints", ()))


def _needs(pod: Object) -> dict[str, Decimal]:
    return {"pods": Decimal(1), **requests_of(pod["spec"])}


def _tolerates(toleration: Object, taint: Object) -> bool:
    key = toleration.get("key")
    if toleration.get("operator", "Equal") == "Exists":
        return key in {None, taint["key"]}
    return bool(key == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def _sentence(count: int, reasons: list[str]) -> str:
    counted = sorted(f"{number} {why}" for why, number in Counter(reasons).items())
    text = (
        f"0/{count} nodes are available: {', '.join(counted)}."
        if counted
        else "no nodes available to schedule pods"
    )
    if not counted:
        return text
    help_ = f"preemption: 0/{count} nodes are available: {count} Preemption is not helpful for scheduling."
    return f"{text} {help_}"
