"""Workloads as pages read them, put together from the index: in a line, or with everything below. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from backend.deploys.cluster_index import ClusterIndex
from backend.deploys.cluster_types import ControllerRevision, NotedEvent, ReplicaSet, Workload
from backend.deploys.reason_rules import RolloutEvidence, reason_of
from backend.deploys.rules import rollout_of
from backend.deploys.types import (
    ClusterEvent,
    ClusterJob,
    Pod,
    Revision,
    WorkloadDetail,
    WorkloadKind,
    WorkloadSummary,
)

MOST_EVENTS_SHOWN = 200


def summary_of(index: ClusterIndex, it: Workload, seen_at: datetime, now: datetime) -> WorkloadSummary:
    """A workload in a line. ``seen_at`` is when the view first saw its present generation."""
    is_deployment = it.id.kind is WorkloadKind.DEPLOYMENT
    newest = index.newest_set(it) if is_deployment else next(iter(_newest_first(index, it)), None)
    reason = reason_of(evidence_of(index, it, seen_at), now)
    is_daemon = it.id.kind is WorkloadKind.DAEMON_SET
    return WorkloadSummary(
        id=it.id,
        rollout=rollout_of(it, reason),
        replicas=it.desired_scheduled if is_daemon else _or_one(it.replicas),
        updated=it.updated,
        ready=it.ready,
        available=it.available,
        total=it.total,
        images=tuple(one.image for one in it.containers if not one.is_init),
        revision=newest.number if isinstance(newest, ControllerRevision) else it.revision,
        revision_at=newest.created_at if newest else None,
        release=it.release,
        created_at=it.created_at,
    )


def _or_one(replicas: int | None) -> int:
    """The API server fills in 1 where nothing is said."""
    return 1 if replicas is None else replicas


def evidence_of(index: ClusterIndex, it: Workload, seen_at: datetime) -> RolloutEvidence:
    """Everything that is known about a workload's newest revision."""
    pods = tuple(pod for pod in index.newest_pods(it) if not pod.is_terminating)
    where = it.id.namespace
    return RolloutEvidence(
        workload=it,
        pods=pods,
        events=index.events_of(it.id.kind, where, it.id.name),
        pod_events={pod.id: index.events_of("Pod", where, pod.id.name) for pod in pods if not pod.is_ready},
        moved_at=max([seen_at, *map(_moved_at, pods)]),
    )


def _moved_at(pod: Pod) -> datetime:
    ready = next((one.since for one in pod.conditions if one.type == "Ready" and one.status == "True"), None)
    return max(pod.created_at, ready) if ready else pod.created_at


def detail_of(index: ClusterIndex, it: Workload, summary: WorkloadSummary) -> WorkloadDetail:
    """A workload with its pods, revisions and events."""
    newest = {pod.id for pod in index.newest_pods(it)}
    pods = sorted(index.pods_of(it), key=lambda pod: pod.id)
    return WorkloadDetail(
        summary=summary,
        containers=it.containers,
        conditions=it.conditions,
        pods=tuple(pod for pod in pods if pod.id in newest),
        old_pods=tuple(pod for pod in pods if pod.id not in newest),
        revisions=revisions_of(index, it),
        events=tuple(merged_events(_events_below(index, it, pods))[:MOST_EVENTS_SHOWN]),
    )


def _events_below(index: ClusterIndex, it: Workload, pods: Iterable[Pod]) -> list[NotedEvent]:
    where = it.id.namespace
    found = list(index.events_of(it.id.kind, where, it.id.name))
    for one in index.sets_of(it):
        found += index.events_of("ReplicaSet", where, one.name)
    for pod in pods:
        found += index.events_of("Pod", where, pod.id.name)
    return found


def revisions_of(index: ClusterIndex, it: Workload) -> tuple[Revision, ...]:
    """The revisions of a workload, newest first. A ReplicaSet without a number is none yet."""
    if it.id.kind is not WorkloadKind.DEPLOYMENT:
        return _kept_revisions(index, it)
    newest = index.newest_set(it)
    numbered = [one for one in index.sets_of(it) if one.revision is not None]
    numbered.sort(key=lambda one: one.revision or 0, reverse=True)
    return tuple(_revision(one, is_newest=one is newest) for one in numbered)


def _kept_revisions(index: ClusterIndex, it: Workload) -> tuple[Revision, ...]:
    """The revisions of a StatefulSet or DaemonSet. A pod carries the name of its own, or the last part of it."""
    kept = _newest_first(index, it)
    pods = Counter(pod.revision_hash.removeprefix(f"{it.id.name}-") for pod in index.pods_of(it))
    return tuple(
        _kept_revision(one, pods=pods[one.name.removeprefix(f"{it.id.name}-")], is_newest=one is kept[0])
        for one in kept
    )


def _newest_first(index: ClusterIndex, it: Workload) -> list[ControllerRevision]:
    return sorted(index.revisions_of(it), key=lambda one: one.number, reverse=True)


def _kept_revision(one: ControllerRevision, *, pods: int, is_newest: bool) -> Revision:
    return Revision(
        number=one.number,
        name=one.name,
        created_at=one.created_at,
        replicas=pods,
        containers=one.containers,
        cause=one.cause,
        is_newest=is_newest,
    )


def _revision(one: ReplicaSet, *, is_newest: bool) -> Revision:
    return Revision(
        number=one.revision or 0,
        name=one.name,
        created_at=one.created_at,
        replicas=one.replicas,
        desired_replicas=one.desired_replicas,
        ready=one.ready,
        containers=one.containers,
        cause=one.cause,
        is_newest=is_newest,
    )


def merged_events(found: Iterable[NotedEvent]) -> list[ClusterEvent]:
    """Events newest first; those that say the same of the same object are one, counted together."""
    merged: dict[tuple[str, str, str, str, str], ClusterEvent] = {}
    for one in found:
        key = (one.namespace, one.kind, one.name, one.reason, one.message)
        fresh = _event(one)
        known = merged.get(key)
        merged[key] = _together(known, fresh) if known else fresh
    return sorted(merged.values(), key=lambda one: one.last_at, reverse=True)


def _together(one: ClusterEvent, other: ClusterEvent) -> ClusterEvent:
    newest = max(one, other, key=lambda each: each.last_at)
    return replace(newest, count=one.count + other.count, first_at=min(one.first_at, other.first_at))


def _event(one: NotedEvent) -> ClusterEvent:
    return ClusterEvent(
        namespace=one.namespace,
        kind=one.kind,
        name=one.name,
        reason=one.reason,
        message=one.message,
        is_warning=one.is_warning,
        count=one.count,
        first_at=one.first_at,
        last_at=one.last_at,
        source=one.source,
    )


def jobs_of(index: ClusterIndex) -> tuple[ClusterJob, ...]:
    """The Jobs, newest first, each with what the cluster says when it creates no pod for it."""
    found = [replace(one, refusal=_refusal(index, one)) for one in index.jobs.values()]
    return tuple(sorted(found, key=lambda one: one.created_at, reverse=True))


def _refusal(index: ClusterIndex, one: ClusterJob) -> str:
    if one.outcome or one.active or one.succeeded:
        return ""
    events = index.events_of("Job", one.namespace, one.name)
    refused = [event for event in events if event.reason == "FailedCreate"]
    return max(refused, key=lambda event: event.last_at).message if refused else ""
