"""Everything that is known of the cluster, found by owner. It knows no threads, no clock and no network."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from backend.deploys.cluster_types import ControllerRevision, NotedEvent, ReplicaSet, Workload
from backend.deploys.types import ClusterJob, Pod, PodId, WorkloadId, WorkloadKind

ClusterNoun = Workload | ReplicaSet | ControllerRevision | Pod | NotedEvent | ClusterJob
NameInCluster = tuple[str, str]
"""Namespace and name."""
Involved = tuple[str, str, str]
"""Namespace, kind and name of the object that an event is about."""

S = TypeVar("S")
N = TypeVar("N")
V = TypeVar("V")

MOST_EVENTS = 5_000
"""Of the whole cluster. An API server keeps them for an hour, which in trouble is more than anybody reads."""


class ClusterIndex:
    """The objects of the cluster. Each change answers with the workloads that it touches."""

    def __init__(self) -> None:
        self.workloads: dict[WorkloadId, Workload] = {}
        self.jobs: dict[NameInCluster, ClusterJob] = {}
        self.events: dict[NameInCluster, NotedEvent] = {}
        self._pods: dict[PodId, Pod] = {}
        self._sets: dict[NameInCluster, ReplicaSet] = {}
        self._set_by_uid: dict[str, ReplicaSet] = {}
        self._workload_by_uid: dict[str, WorkloadId] = {}
        self._sets_of: dict[str, dict[NameInCluster, ReplicaSet]] = defaultdict(dict)
        self._revisions: dict[NameInCluster, ControllerRevision] = {}
        self._revisions_of: dict[str, dict[NameInCluster, ControllerRevision]] = defaultdict(dict)
        self._pods_of: dict[str, dict[PodId, Pod]] = defaultdict(dict)
        self._events_of: dict[Involved, dict[NameInCluster, NotedEvent]] = defaultdict(dict)

    def put(self, one: ClusterNoun) -> set[WorkloadId]:
        """Keep an object in place of the one with its name."""
        match one:
            case Workload():
                self.workloads[one.id] = one
                self._workload_by_uid[one.uid] = one.id
                return {one.id}
            case Pod():
                return self._put_pod(one)
            case ReplicaSet():
                return self._put_set(one)
            case ControllerRevision():
                return self._put_revision(one)
            case NotedEvent():
                return self._put_event(one)
            case ClusterJob():
                self.jobs[one.namespace, one.name] = one
                return set()

    def remove(self, one: ClusterNoun) -> set[WorkloadId]:
        """Forget the object with this one's name."""
        match one:
            case Workload():
                gone = self.workloads.pop(one.id, None)
                if gone:
                    self._workload_by_uid.pop(gone.uid, None)
                return {one.id}
            case Pod():
                return self._remove_pod(one.id)
            case ReplicaSet():
                return self._remove_set((one.namespace, one.name))
            case ControllerRevision():
                return self._remove_revision((one.namespace, one.name))
            case NotedEvent():
                return self._remove_event((one.namespace, one.key))
            case ClusterJob():
                self.jobs.pop((one.namespace, one.name), None)
                return set()

    def replace(
        self, kind: type[ClusterNoun] | WorkloadKind, namespace: str, fresh: Iterable[ClusterNoun]
    ) -> set[WorkloadId]:
        """Keep these objects of a kind and namespace and no others."""
        known = {self._key(one): one for one in self._all(kind, namespace)}
        touched: set[WorkloadId] = set()
        for one in fresh:
            old = known.pop(self._key(one), None)
            if old != one:
                touched |= self.put(one)
        for gone in known.values():
            touched |= self.remove(gone)
        return touched

    def newest_set(self, workload: Workload) -> ReplicaSet | None:
        """The ReplicaSet of a Deployment's newest revision; None while it is not there yet."""
        sets = self.sets_of(workload)
        if workload.revision is None:
            return max(sets, key=lambda one: one.revision or 0, default=None)
        return next((one for one in sets if one.revision == workload.revision), None)

    def sets_of(self, workload: Workload) -> list[ReplicaSet]:
        """The ReplicaSets of a Deployment."""
        return list(self._sets_of.get(workload.uid, {}).values())

    def revisions_of(self, workload: Workload) -> list[ControllerRevision]:
        """The revisions of a StatefulSet or DaemonSet."""
        return list(self._revisions_of.get(workload.uid, {}).values())

    def pods_of(self, workload: Workload) -> list[Pod]:
        """The pods of all revisions of a workload."""
        if workload.id.kind is not WorkloadKind.DEPLOYMENT:
            return list(self._pods_of.get(workload.uid, {}).values())
        return [pod for one in self.sets_of(workload) for pod in self._pods_of.get(one.uid, {}).values()]

    def newest_pods(self, workload: Workload) -> list[Pod]:
        """The pods of the newest revision of a workload."""
        if workload.id.kind is WorkloadKind.DEPLOYMENT:
            newest = self.newest_set(workload)
            return list(self._pods_of.get(newest.uid, {}).values()) if newest else []
        pods = self.pods_of(workload)
        if workload.id.kind is WorkloadKind.STATEFUL_SET:
            return [pod for pod in pods if pod.revision_hash == workload.update_revision]
        if workload.template_generation and any(pod.template_generation for pod in pods):
            return [pod for pod in pods if pod.template_generation == workload.template_generation]
        return _newest_by_count(pods, workload.updated)

    def events_of(self, kind: str, namespace: str, name: str) -> tuple[NotedEvent, ...]:
        """The events about an object."""
        return tuple(self._events_of.get((namespace, kind, name), {}).values())

    def pod(self, wanted: PodId) -> Pod | None:
        """The pod with this name."""
        return self._pods.get(wanted)

    def owner_of(self, pod: Pod) -> WorkloadId | None:
        """The workload that a pod belongs to."""
        return self._owner(pod.owner_uid)

    def _put_pod(self, pod: Pod) -> set[WorkloadId]:
        touched = self._remove_pod(pod.id)
        self._pods[pod.id] = pod
        self._pods_of[pod.owner_uid][pod.id] = pod
        return touched | self._touched_by(pod.owner_uid)

    def _remove_pod(self, wanted: PodId) -> set[WorkloadId]:
        gone = self._pods.pop(wanted, None)
        if gone is None:
            return set()
        _drop(self._pods_of, gone.owner_uid, wanted)
        return self._touched_by(gone.owner_uid)

    def _put_set(self, one: ReplicaSet) -> set[WorkloadId]:
        key = (one.namespace, one.name)
        touched = self._remove_set(key)
        self._sets[key] = one
        self._set_by_uid[one.uid] = one
        self._sets_of[one.owner_uid][key] = one
        return touched | self._touched_by(one.owner_uid)

    def _remove_set(self, key: NameInCluster) -> set[WorkloadId]:
        gone = self._sets.pop(key, None)
        if gone is None:
            return set()
        self._set_by_uid.pop(gone.uid, None)
        _drop(self._sets_of, gone.owner_uid, key)
        return self._touched_by(gone.owner_uid)

    def _put_revision(self, one: ControllerRevision) -> set[WorkloadId]:
        key = (one.namespace, one.name)
        touched = self._remove_revision(key)
        self._revisions[key] = one
        self._revisions_of[one.owner_uid][key] = one
        return touched | self._touched_by(one.owner_uid)

    def _remove_revision(self, key: NameInCluster) -> set[WorkloadId]:
        gone = self._revisions.pop(key, None)
        if gone is None:
            return set()
        _drop(self._revisions_of, gone.owner_uid, key)
        return self._touched_by(gone.owner_uid)

    def _put_event(self, one: NotedEvent) -> set[WorkloadId]:
        key = (one.namespace, one.key)
        touched = self._remove_event(key)
        self.events[key] = one
        self._events_of[_involved(one)][key] = one
        while len(self.events) > MOST_EVENTS:
            self._remove_event(next(iter(self.events)))
        return touched | self._touched_by_event(one)

    def _remove_event(self, key: NameInCluster) -> set[WorkloadId]:
        gone = self.events.pop(key, None)
        if gone is None:
            return set()
        _drop(self._events_of, _involved(gone), key)
        return self._touched_by_event(gone)

    def _touched_by(self, owner_uid: str) -> set[WorkloadId]:
        owner = self._owner(owner_uid)
        return {owner} if owner else set()

    def _owner(self, uid: str) -> WorkloadId | None:
        above = self._set_by_uid.get(uid)
        return self._workload_by_uid.get(above.owner_uid if above else uid)

    def _touched_by_event(self, one: NotedEvent) -> set[WorkloadId]:
        if one.kind == "Pod":
            pod = self._pods.get(PodId(namespace=one.namespace, name=one.name))
            return self._touched_by(pod.owner_uid) if pod else set()
        if one.kind == "ReplicaSet":
            found = self._sets.get((one.namespace, one.name))
            return self._touched_by(found.owner_uid) if found else set()
        if one.kind in set(WorkloadKind):
            about = WorkloadId(namespace=one.namespace, kind=WorkloadKind(one.kind), name=one.name)
            return {about} if about in self.workloads else set()
        return set()

    def _all(self, kind: type[ClusterNoun] | WorkloadKind, namespace: str) -> Iterator[ClusterNoun]:
        if isinstance(kind, WorkloadKind):
            yield from (
                one
                for one in self.workloads.values()
                if one.id.kind is kind and one.id.namespace == namespace
            )
        elif kind is Pod:
            yield from (one for one in self._pods.values() if one.id.namespace == namespace)
        elif kind is ReplicaSet:
            yield from (one for one in self._sets.values() if one.namespace == namespace)
        elif kind is ControllerRevision:
            yield from (one for one in self._revisions.values() if one.namespace == namespace)
        elif kind is NotedEvent:
            yield from (one for one in self.events.values() if one.namespace == namespace)
        else:
            yield from (one for one in self.jobs.values() if one.namespace == namespace)

    @staticmethod
    def _key(one: ClusterNoun) -> object:
        match one:
            case Workload() | Pod():
                return one.id
            case NotedEvent():
                return (one.namespace, one.key)
            case _:
                return (one.namespace, one.name)


def _newest_by_count(pods: list[Pod], updated: int) -> list[Pod]:
    """The pods of the revision that has as many of them as the controller counts; of several, the youngest one.

    Age alone does not tell: pods are dated to the second, and an old one may be replaced on its node.
    """
    by_revision: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        by_revision[pod.revision_hash].append(pod)
    counted = [some for some in by_revision.values() if len(some) == updated] or list(by_revision.values())
    return max(counted, key=lambda some: max(pod.created_at for pod in some), default=[])


def _involved(one: NotedEvent) -> Involved:
    return one.namespace, one.kind, one.name


def _drop(shelves: dict[S, dict[N, V]], shelf: S, item: N) -> None:
    """Take an object off a shelf, and the shelf away when it was the last."""
    kept = shelves.get(shelf)
    if kept is not None:
        kept.pop(item, None)
        if not kept:
            del shelves[shelf]
