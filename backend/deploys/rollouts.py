"""Following the rollouts of some Deployments: every status that the cluster tells of is looked at, none is missed.

A rollout is done when ``kubectl rollout status`` says so and the last pod of an earlier revision is gone: a pod that
is going still serves, with what it was started with.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing

from backend.clients.kubernetes import Kubernetes
from backend.clients.kubernetes_errors import Expired
from backend.clients.kubernetes_objects import DeploymentObject, PodObject, ReplicaSetObject
from backend.deploys.from_cluster import to_pod, to_replica_set, to_workload
from backend.deploys.rollout_types import RolloutProgress
from backend.deploys.rules import kubectl_status
from backend.deploys.types import Pod

PAUSE_S = 0.2
# A pod whose container waits for one of these does not start by itself.
STUCK = frozenset(
    {
        "ImagePullBackOff",
        "InvalidImageName",
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "RunContainerError",
    }
)


class Rollouts:
    """The rollouts of Deployments, each from a generation on."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, generations: Mapping[str, int]) -> None:
        """Begin to look at the next ``advance``."""
        self._kubernetes, self._namespace = kubernetes, namespace
        self._generations = dict(generations)
        self._newest: dict[str, DeploymentObject] = {}
        self._least: dict[str, int] = {}
        self._replaced: set[str] = set()
        self._failures: dict[str, str] = {}
        self._version = ""

    def advance(self, seconds: float) -> list[RolloutProgress]:
        """Watch for so long, or until all is done; how far each is. Raises as the client does; then ask again."""
        self._kubernetes.run(self._advance(seconds))
        return [self._progress(name) for name in self._generations]

    async def _advance(self, seconds: float) -> None:
        if not self._version:
            await self._list()
        try:
            async with asyncio.timeout(seconds):
                await self._watch()
        except TimeoutError:
            pass
        except Expired:
            self._version = ""
        for name in self._generations:
            if name not in self._replaced:
                await self._look_at_pods(name)

    async def _list(self) -> None:
        found = await self._kubernetes.list_objects(DeploymentObject, self._namespace)
        for one in found.items:
            self._note(one)
        self._version = found.version

    async def _watch(self) -> None:
        changes = self._kubernetes.watch_objects(DeploymentObject, self._namespace, self._version)
        async with aclosing(changes):
            if all(self._is_rolled_out(name) for name in self._generations):
                await asyncio.sleep(PAUSE_S)
                return
            async for _kind, one in changes:
                self._note(one)
                self._version = one.metadata.resourceVersion
                if all(self._is_rolled_out(name) for name in self._generations):
                    return

    def _note(self, found: DeploymentObject) -> None:
        name = found.metadata.name
        if name in self._generations and found.status and found.spec:
            self._newest[name] = found
            available = found.status.available_replicas
            self._least[name] = min(self._least.get(name, available), available)

    def _is_rolled_out(self, name: str) -> bool:
        found = self._newest.get(name)
        if found is None or found.metadata.generation < self._generations[name]:
            return False
        return kubectl_status(to_workload(found)).is_done

    async def _look_at_pods(self, name: str) -> None:
        """Find out whether a pod of an earlier revision is left, or a new one does not start."""
        found = self._newest.get(name)
        if found is None or found.spec is None or found.spec.selector is None:
            return
        labels = found.spec.selector.match_labels
        listed = await self._kubernetes.list_objects(PodObject, self._namespace, labels)
        pods = [to_pod(one) for one in listed.items]
        if self._is_rolled_out(name):
            self._failures.pop(name, None)
            # The controller no longer counts a pod that is going.
            if not any(pod.is_terminating for pod in pods):
                self._replaced.add(name)
            return
        sets = await self._kubernetes.list_objects(ReplicaSetObject, self._namespace, labels)
        newest = max(map(to_replica_set, sets.items), key=lambda one: one.revision or 0, default=None)
        new = [pod for pod in pods if newest is not None and pod.owner_uid == newest.uid]
        self._failures[name] = next(filter(None, map(_stuck, new)), "")

    def _progress(self, name: str) -> RolloutProgress:
        found = self._newest.get(name)
        if found is None or found.spec is None:
            return RolloutProgress(name=name, wanted=0, least_available=0)
        status = kubectl_status(to_workload(found))
        is_newer = found.metadata.generation >= self._generations[name]
        failure = status.words if status.is_failed and is_newer else self._failures.get(name, "")
        return RolloutProgress(
            name=name,
            wanted=1 if found.spec.replicas is None else found.spec.replicas,
            least_available=self._least[name],
            words=status.words,
            is_done=name in self._replaced,
            failure=failure,
        )


def _stuck(pod: Pod) -> str:
    """Reason for which a pod does not start, in the words of its container."""
    for container in pod.containers:
        if container.reason in STUCK:
            return f"{pod.id.name}: {container.reason} {container.message}".strip()
    return ""
