"""The rule of ``kubectl rollout status``, branch by branch, and the states that we add to it.

Ported from ``pkg/polymorphichelpers/rollout_status.go`` of kubectl; a number that the cluster leaves out is 0.
"""

from dataclasses import dataclass

from backend.deploys.cluster_types import Workload
from backend.deploys.types import Condition, Rollout, RolloutState, StuckKind, StuckReason, WorkloadKind

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
ROLLING_UPDATE = "RollingUpdate"
NO_STATUS = f"rollout status is only available for {ROLLING_UPDATE} strategy type"
NOT_OBSERVED = "Waiting for deployment spec update to be observed..."


@dataclass(frozen=True, slots=True, kw_only=True)
class KubectlStatus:
    """Words of ``kubectl rollout status --watch=false``, and its outcome."""

    words: str
    is_done: bool = False
    is_failed: bool = False


def kubectl_status(workload: Workload) -> KubectlStatus:
    """The words of ``kubectl rollout status`` for a workload, without the line's end."""
    match workload.id.kind:
        case WorkloadKind.DEPLOYMENT:
            return _deployment(workload)
        case WorkloadKind.STATEFUL_SET:
            return _stateful_set(workload)
        case WorkloadKind.DAEMON_SET:
            return _daemon_set(workload)


def _deployment(it: Workload) -> KubectlStatus:
    waiting = f'Waiting for deployment "{it.id.name}" rollout to finish: '
    if it.generation > it.observed_generation:
        return KubectlStatus(words=NOT_OBSERVED)
    progressing = condition(it, "Progressing")
    if progressing and progressing.reason == DEADLINE_EXCEEDED:
        return KubectlStatus(
            words=f'deployment "{it.id.name}" exceeded its progress deadline', is_failed=True
        )
    if it.replicas is not None and it.updated < it.replicas:
        return KubectlStatus(
            words=f"{waiting}{it.updated} out of {it.replicas} new replicas have been updated..."
        )
    if it.total > it.updated:
        return KubectlStatus(
            words=f"{waiting}{it.total - it.updated} old replicas are pending termination..."
        )
    if it.available < it.updated:
        return KubectlStatus(
            words=f"{waiting}{it.available} of {it.updated} updated replicas are available..."
        )
    return KubectlStatus(words=f'deployment "{it.id.name}" successfully rolled out', is_done=True)


def _stateful_set(it: Workload) -> KubectlStatus:
    if it.strategy != ROLLING_UPDATE:
        return KubectlStatus(words=NO_STATUS)
    if it.observed_generation == 0 or it.generation > it.observed_generation:
        return KubectlStatus(words="Waiting for statefulset spec update to be observed...")
    if it.replicas is not None and it.ready < it.replicas:
        return KubectlStatus(words=f"Waiting for {it.replicas - it.ready} pods to be ready...")
    if it.has_rolling_update:
        return _partitioned(it)
    if it.update_revision != it.current_revision:
        return KubectlStatus(
            words=f"waiting for statefulset rolling update to complete {it.updated} pods"
            f" at revision {it.update_revision}..."
        )
    return KubectlStatus(
        words=f"statefulset rolling update complete {it.current} pods at revision {it.current_revision}...",
        is_done=True,
    )


def _partitioned(it: Workload) -> KubectlStatus:
    if it.replicas is not None and it.partition is not None and it.updated < it.replicas - it.partition:
        return KubectlStatus(
            words=f"Waiting for partitioned roll out to finish: {it.updated} out of"
            f" {it.replicas - it.partition} new pods have been updated..."
        )
    return KubectlStatus(
        words=f"partitioned roll out complete: {it.updated} new pods have been updated...", is_done=True
    )


def _daemon_set(it: Workload) -> KubectlStatus:
    waiting = f'Waiting for daemon set "{it.id.name}" rollout to finish: '
    if it.strategy != ROLLING_UPDATE:
        return KubectlStatus(words=NO_STATUS)
    if it.generation > it.observed_generation:
        return KubectlStatus(words="Waiting for daemon set spec update to be observed...")
    if it.updated < it.desired_scheduled:
        return KubectlStatus(
            words=f"{waiting}{it.updated} out of {it.desired_scheduled} new pods have been updated..."
        )
    if it.available < it.desired_scheduled:
        return KubectlStatus(
            words=f"{waiting}{it.available} of {it.desired_scheduled} updated pods are available..."
        )
    return KubectlStatus(words=f'daemon set "{it.id.name}" successfully rolled out', is_done=True)


def condition(workload: Workload, kind: str) -> Condition | None:
    """The condition of a workload with this type."""
    return next((one for one in workload.conditions if one.type == kind), None)


def is_observed(workload: Workload) -> bool:
    """Whether the controller has seen the newest specification; before, the pods that are there are old ones."""
    return 0 < workload.observed_generation >= workload.generation


def rollout_of(workload: Workload, reason: StuckReason | None) -> Rollout:
    """State of a rollout: kubectl's, except that a pause, OnDelete and a reason that holds it up are named.

    ``reason`` is what hinders the newest revision, as ``reason_rules`` found it.
    """
    told = kubectl_status(workload)
    if told.is_failed:
        return Rollout(state=RolloutState.FAILED, words=told.words, reason=reason or _deadline(workload))
    if workload.is_paused:
        return Rollout(state=RolloutState.PAUSED, words=told.words, reason=reason)
    if told.words == NO_STATUS:
        return Rollout(state=RolloutState.MANUAL, words=told.words, reason=reason)
    if told.is_done:
        return Rollout(state=RolloutState.DONE, words=told.words)
    is_stuck = reason is not None and not reason.is_early
    state = RolloutState.STUCK if is_stuck else RolloutState.PROGRESSING
    return Rollout(state=state, words=told.words, reason=reason)


def _deadline(workload: Workload) -> StuckReason:
    progressing = condition(workload, "Progressing")
    return StuckReason(
        kind=StuckKind.DEADLINE,
        message=progressing.message if progressing else "",
        since=progressing.since if progressing else None,
    )
