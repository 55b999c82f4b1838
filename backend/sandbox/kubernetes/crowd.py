"""A crowd for measurements: hundreds of workloads, thousands of pods, and a steady number of changes a second."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from backend.sandbox.kubernetes.defaults import defaulted
from backend.sandbox.kubernetes.kubelet import Kubelet
from backend.sandbox.kubernetes.store import Object, Store, key_of
from backend.sandbox.kubernetes.workloads import GPU_NODE, WorkloadPlan, workload

PREFIX = "crowd-"
PODS_PER_NODE = 100
_TICK_S = 0.1
_PART = WorkloadPlan(component="crowd", requests=("10m", "16Mi"), memory_limit="64Mi")


@dataclass(slots=True)
class Churn:
    """Restarts containers and flips readiness, one pod after the other, so many times a second."""

    store: Store
    kubelet: Kubelet
    changes_per_s: float = 0.0
    changed: int = 0
    _task: asyncio.Task[None] | None = None

    def set_rate(self, changes_per_s: float) -> None:
        """Change as many pods a second from now on; 0 ends it."""
        self.changes_per_s = changes_per_s
        if self._task is None and changes_per_s:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        pods, owed, last = self._endless(), 0.0, time.monotonic()
        while self.changes_per_s:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            owed, last = owed + (now - last) * self.changes_per_s, now
            while owed >= 1:
                owed -= 1
                self._change(next(pods))
        self._task = None

    def _endless(self) -> Iterator[tuple[str, str]]:
        keys = [
            key_of(one) for one in self.store.listed("pods") if one["metadata"]["name"].startswith(PREFIX)
        ]
        return cycle(keys)

    def _change(self, key: tuple[str, str]) -> None:
        """Flip a pod between ready and not ready; a container that is ready again has been restarted."""
        pod = self.store.find("pods", key)
        if pod is None or not pod["status"].get("containerStatuses"):
            return
        was_ready = pod["status"]["containerStatuses"][0]["ready"]
        self.kubelet.frozen.add(pod["metadata"]["uid"])
        self.store.put_status(
            "pods", pod, _flipped(pod["status"], self.store.stamp(), is_ready=not was_ready)
        )
        self.changed += 1


def _flipped(status: Object, now: str, *, is_ready: bool) -> Object:
    conditions = [
        one | {"status": str(is_ready), "lastTransitionTime": now} if "Ready" in one["type"] else one
        for one in status["conditions"]
    ]
    first, *rest = status["containerStatuses"]
    fresh = first | {"ready": is_ready, "restartCount": first["restartCount"] + int(is_ready)}
    return status | {"conditions": conditions, "containerStatuses": [fresh, *rest]}


def make_crowd(store: Store, namespace: str, *, workloads: int, pods: int) -> None:
    """As many deployments with as many pods together, and nodes to hold them. They come up by themselves."""
    each = -(-pods // max(1, workloads))
    pattern = next(one for one in store.listed("nodes") if one["metadata"]["name"] != GPU_NODE)
    for number in range(-(-pods // PODS_PER_NODE)):
        meta = {"name": f"{PREFIX}node-{number + 1}", "labels": pattern["metadata"]["labels"]}
        store.create("nodes", {"metadata": meta, "spec": {}, "status": pattern["status"]})
    left = pods
    for number in range(workloads):
        wanted = workload(f"{PREFIX}{number + 1}", _PART, namespace)
        labels = {"app.kubernetes.io/name": "crowd", "app.kubernetes.io/component": f"{PREFIX}{number + 1}"}
        wanted["spec"]["replicas"] = min(each, left)
        wanted["spec"]["selector"]["matchLabels"] = labels
        wanted["spec"]["template"]["metadata"]["labels"] |= labels
        wanted["metadata"]["labels"] |= labels
        left -= wanted["spec"]["replicas"]
        store.create("deployments", defaulted("deployments", wanted))
