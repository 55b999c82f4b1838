"""The reason for which a rollout is stuck, from the objects of its newest revision.

Looked for in this order, because an earlier one explains the later ones: pods that are refused, pods that find no node,
containers that wait, containers that ended, probes. Measured on Kubernetes 1.36: a refused pod shows only in the
Deployment's condition ReplicaFailure, an unschedulable one only in its condition PodScheduled.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backend.deploys.cluster_types import NotedEvent, Workload
from backend.deploys.rules import condition, is_observed, kubectl_status
from backend.deploys.types import (
    Condition,
    ContainerPhase,
    Pod,
    PodContainer,
    PodId,
    StuckKind,
    StuckReason,
    WorkloadKind,
)

LIMIT_WITHOUT_DEADLINE = timedelta(minutes=10)
"""A StatefulSet or DaemonSet that moves no pod for so long is stuck; a Deployment's own deadline is as long."""
READY_WITHIN = timedelta(seconds=60)
"""A container that runs so long without being ready fails its probe, also where no event may be read."""
FAILURES_OF_PROBE = 3
"""A probe has failed when it failed so often in a row, by the default of Kubernetes."""
MEMORY = "memory"
OUT_OF_MEMORY = "OOMKilled"
BACK_OFF = "CrashLoopBackOff"
KILLED = frozenset({137, 143})
"""Exit codes of containers that the kubelet ended, which it does when a liveness probe fails."""

_WAITING = {
    **dict.fromkeys(
        (
            "ImagePullBackOff",
            "ErrImagePull",
            "ErrImageNeverPull",
            "InvalidImageName",
            "ImageInspectError",
            "RegistryUnavailable",
            "SignatureValidationFailed",
        ),
        StuckKind.IMAGE_PULL,
    ),
    "CreateContainerConfigError": StuckKind.CONFIGURATION,
    **dict.fromkeys(
        (
            "CreateContainerError",
            "RunContainerError",
            "ContainerCannotRun",
            "PreCreateHookError",
            "PreStartHookError",
            "PostStartHookError",
        ),
        StuckKind.CONTAINER_START,
    ),
}
_HINDERED_START = frozenset(
    {
        "FailedMount",
        "FailedAttachVolume",
        "FailedMapVolume",
        "FailedCreatePodSandBox",
        "FailedCreatePodContainer",
    }
)
_RANK = {kind: rank for rank, kind in enumerate(StuckKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutEvidence:
    """Everything that is known about a workload's newest revision."""

    workload: Workload
    pods: tuple[Pod, ...]
    """Of the newest revision, without those that are being deleted."""
    events: tuple[NotedEvent, ...] = ()
    """About the workload itself."""
    pod_events: Mapping[PodId, tuple[NotedEvent, ...]]
    moved_at: datetime
    """When a pod of the newest revision was last made or got ready, or the revision was first seen."""


def reason_of(known: RolloutEvidence, now: datetime) -> StuckReason | None:
    """The reason that holds the newest revision up; None while the controller has not seen that revision."""
    if not is_observed(known.workload) or kubectl_status(known.workload).is_done:
        return None
    return _refusal(known) or _worst_of_pods(known, now) or _too_long(known, now)


def _refusal(known: RolloutEvidence) -> StuckReason | None:
    """Pods that the cluster refuses to create."""
    failed = condition(known.workload, "ReplicaFailure")
    if failed and failed.status == "True":
        return _refused(failed.message, failed.since)
    if known.workload.id.kind is WorkloadKind.DEPLOYMENT:
        return None
    newest_pod = max((pod.created_at for pod in known.pods), default=known.workload.created_at)
    refused = [
        one
        for one in known.events
        if one.reason == "FailedCreate" and one.is_warning and one.last_at >= newest_pod
    ]
    if not refused or _wanted(known.workload) <= len(known.pods):
        return None
    last = max(refused, key=lambda one: one.last_at)
    return _refused(last.message, last.first_at)


def _wanted(workload: Workload) -> int:
    if workload.id.kind is WorkloadKind.DAEMON_SET:
        return workload.desired_scheduled
    return workload.replicas or 0


def _refused(message: str, since: datetime | None) -> StuckReason:
    return StuckReason(kind=refusal_kind(message), message=message, since=since)


def refusal_kind(message: str) -> StuckKind:
    """The kind of refusal to create a pod, by the API server's words."""
    if "exceeded quota" in message or "failed quota" in message:
        return StuckKind.QUOTA
    if any(word in message for word in ("violates PodSecurity", "denied the request", "denied request")):
        return StuckKind.POLICY
    return StuckKind.POD_REFUSED


def _worst_of_pods(known: RolloutEvidence, now: datetime) -> StuckReason | None:
    found = [
        reason
        for pod in sorted(known.pods, key=lambda pod: (pod.created_at, pod.id))
        if (reason := pod_reason(pod, known.pod_events.get(pod.id, ()), now))
    ]
    if not found:
        return None
    worst = min(found, key=lambda reason: (_RANK[reason.kind], reason.is_early))
    return replace(worst, pods=sum(reason.kind is worst.kind for reason in found))


def _too_long(known: RolloutEvidence, now: datetime) -> StuckReason | None:
    has_deadline = known.workload.id.kind is WorkloadKind.DEPLOYMENT
    if has_deadline or known.workload.is_paused or now - known.moved_at <= LIMIT_WITHOUT_DEADLINE:
        return None
    return StuckReason(kind=StuckKind.TOO_LONG, since=known.moved_at)


def pod_reason(pod: Pod, events: Sequence[NotedEvent], now: datetime) -> StuckReason | None:
    """The reason for which one pod is not ready."""
    if pod.is_ready or pod.is_terminating:
        return None
    scheduled = _condition(pod.conditions, "PodScheduled")
    if scheduled and scheduled.status == "False":
        return StuckReason(
            kind=StuckKind.UNSCHEDULABLE, pod=pod.id.name, message=scheduled.message, since=scheduled.since
        )
    if pod.phase == "Failed":
        return StuckReason(kind=StuckKind.EVICTED, pod=pod.id.name, message=pod.message or pod.reason)
    looks = (_waiting, _ended, _not_ready)
    return next(
        (
            reason
            for look in looks
            for container in pod.containers
            if (reason := look(pod, container, events, now))
        ),
        None,
    )


def _waiting(
    pod: Pod, container: PodContainer, events: Sequence[NotedEvent], _now: datetime
) -> StuckReason | None:
    if container.phase is not ContainerPhase.WAITING:
        return None
    if kind := _WAITING.get(container.reason):
        words = container.message
        if kind is StuckKind.IMAGE_PULL:
            # The back-off does not say why the pull failed; the event before it does.
            words = max((words, _newest(events, {"Failed"}, "pull")), key=len)
        return _about(pod, container, kind, words or container.reason)
    is_starting = container.reason in {"", "ContainerCreating", "PodInitializing"}
    hindered = _newest(events, _HINDERED_START) if is_starting else ""
    return _about(pod, container, StuckKind.CONTAINER_START, hindered) if hindered else None


def _ended(
    pod: Pod, container: PodContainer, events: Sequence[NotedEvent], _now: datetime
) -> StuckReason | None:
    """A container that ended, or that ended before and is not ready again."""
    ended = container.last_termination
    if ended is None or container.is_ready:
        return None
    if container.template.is_init and ended.exit_code == 0:
        return None
    if ended.reason == OUT_OF_MEMORY:
        limit = dict(container.template.limits).get(MEMORY, "")
        found = _about(pod, container, StuckKind.OUT_OF_MEMORY, ended.message)
        return replace(found, memory_limit=limit, exit_code=ended.exit_code, signal=ended.signal)
    killed = _newest(events, {"Killing"}, "probe") if ended.exit_code in KILLED else ""
    if killed:
        return _about(pod, container, StuckKind.PROBE, _newest(events, {"Unhealthy"}) or killed)
    found = _about(pod, container, StuckKind.CRASH, ended.message)
    return replace(found, exit_code=ended.exit_code, signal=ended.signal)


def _not_ready(
    pod: Pod, container: PodContainer, events: Sequence[NotedEvent], now: datetime
) -> StuckReason | None:
    """A container that runs and does not get ready."""
    if container.phase is not ContainerPhase.RUNNING or container.is_ready or container.template.is_init:
        return None
    failures = sum(one.count for one in events if one.reason == "Unhealthy")
    runs_long = container.running_since is not None and now - container.running_since >= READY_WITHIN
    if not failures and not runs_long:
        return None
    found = _about(pod, container, StuckKind.PROBE, _newest(events, {"Unhealthy"}))
    return replace(found, is_early=failures < FAILURES_OF_PROBE and not runs_long)


def _about(pod: Pod, container: PodContainer, kind: StuckKind, message: str) -> StuckReason:
    image = container.template.image
    ready = _condition(pod.conditions, "Ready")
    return StuckReason(
        kind=kind,
        pod=pod.id.name,
        pods=1,
        container=container.template.name,
        is_init=container.template.is_init,
        image=image.text,
        message=message,
        restarts=container.restarts,
        since=(ready.since if ready else None) or pod.created_at,
    )


def _condition(conditions: Iterable[Condition], kind: str) -> Condition | None:
    return next((one for one in conditions if one.type == kind), None)


def _newest(events: Sequence[NotedEvent], reasons: Iterable[str], word: str = "") -> str:
    """The words of the newest event with one of the reasons."""
    wanted = [one for one in events if one.reason in reasons and word in one.message]
    return max(wanted, key=lambda one: one.last_at).message if wanted else ""
