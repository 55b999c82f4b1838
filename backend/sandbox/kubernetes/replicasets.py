"""The replica set controller: as many pods as wanted, one by one."""

from backend.sandbox.kubernetes.conditions import with_condition, without_condition
from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.pods import (
    end_pod,
    is_active,
    is_available,
    is_ready,
    ready_since,
    try_make_pod,
)
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store, is_going

_RETRY_S = 3.0
_COMPONENT = "replicaset-controller"


class ReplicaSetController:
    """Makes and ends the pods of a replica set, and reports how many there are."""

    def __init__(self, store: Store, events: Recorder) -> None:
        """Work on a store."""
        self._store, self._events = store, events

    def sync(self, key: ObjectKey) -> float | None:
        """Move a replica set a step towards its size; the seconds until it wants to be looked at again."""
        subject = self._store.find("replicasets", key)
        if subject is None or is_going(subject):
            return None
        pods = [one for one in self._store.owned("pods", subject) if is_active(one)]
        refusal = self._fill(subject, pods)
        pods = [one for one in self._store.owned("pods", subject) if is_active(one)]
        self._report(subject, pods, refusal)
        return _RETRY_S if refusal else self._until_available_s(subject, pods)

    def _fill(self, subject: Object, pods: list[Object]) -> str:
        """Make or end pods; the sentence of the admission when it refuses one."""
        size = subject["spec"].get("replicas", 1)
        for _ in range(size - len(pods)):
            pod, refusal = try_make_pod(self._store, subject)
            if pod is None:
                text = f"Error creating: {refusal}"
                self._events.warn(subject, "FailedCreate", text, component=_COMPONENT)
                return refusal
            text = f"Created pod: {pod['metadata']['name']}"
            self._events.normal(subject, "SuccessfulCreate", text, component=_COMPONENT)
        for pod in sorted(pods, key=_rank)[: max(0, len(pods) - size)]:
            end_pod(self._store, pod)
            text = f"Deleted pod: {pod['metadata']['name']}"
            self._events.normal(subject, "SuccessfulDelete", text, component=_COMPONENT)
        return ""

    def _report(self, subject: Object, pods: list[Object], refusal: str) -> None:
        wait_s = subject["spec"].get("minReadySeconds", 0)
        conditions = subject.get("status", {}).get("conditions", [])
        if refusal:
            failure = {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreate",
                "message": refusal,
            }
            conditions = with_condition(self._store, conditions, failure)
        else:
            conditions = without_condition(conditions, "ReplicaFailure")
        figures = {
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": sum(map(is_ready, pods)),
            "availableReplicas": sum(is_available(self._store, one, wait_s) for one in pods),
            "conditions": conditions,
        }
        status = {"replicas": len(pods), "observedGeneration": subject["metadata"]["generation"]}
        self._store.put_status(
            "replicasets", subject, status | {name: value for name, value in figures.items() if value}
        )

    def _until_available_s(self, subject: Object, pods: list[Object]) -> float | None:
        wait_s = subject["spec"].get("minReadySeconds", 0)
        times = [since for pod in pods if (since := ready_since(pod)) is not None]
        left = [since + wait_s - self._store.now() for since in times]
        return min((one for one in left if one > 0), default=None) if wait_s else None


def _rank(pod: Object) -> tuple[bool, bool, str]:
    """Order of deletion: pods without a node, then those that are not ready, then the youngest."""
    born = pod["metadata"]["creationTimestamp"]
    return bool(pod["spec"].get("nodeName")), is_ready(pod), "".join(chr(0x7F - ord(one)) for one in born)
