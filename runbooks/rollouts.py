"""The common part of actions that change a workload: its name as a parameter, its plan, its change, its rollout.

The parameter ``workload`` reads ``Deployment/docuchat/docuchat-api``, as ``value_for`` writes it.
A plan binds the workload's identity, a change is made only to that one, and a change that a killed process had made
is recognised and not made again. A cluster that does not answer is waited for until the run's deadline.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from backend.deploys import service as deploys
from backend.deploys.acting_types import WorkloadNow
from backend.deploys.types import (
    RolloutState,
    StuckKind,
    StuckReason,
    WorkloadId,
    WorkloadKind,
    WorkloadSummary,
)
from backend.errors import Refused, Unavailable
from backend.runbooks.types import Words
from runbooks.action import ActionParameters, Need, ParameterChoice
from runbooks.context import Planning, RunCancelled, Running

POLL_S = 1.0
AGAIN_S = 2.0
STUCK_FOR = timedelta(seconds=8)
"""A reason that lasts so long is told as the end."""
UNSCHEDULABLE_FOR = timedelta(minutes=2)
"""A pod that finds no node is waited for longer: an old one may go, or an autoscaler bring a node."""
LOOKS = 3
"""A change whose answer was lost is looked for so often: its controllers need a moment to show it."""
_NAME = r"[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9.-]{0,252}$"
AnyWorkload = Annotated[
    str, StringConstraints(pattern=rf"^(Deployment|StatefulSet|DaemonSet)/{_NAME}", max_length=340)
]
ScalableWorkload = Annotated[
    str, StringConstraints(pattern=rf"^(Deployment|StatefulSet)/{_NAME}", max_length=340)
]
DeploymentOnly = Annotated[str, StringConstraints(pattern=rf"^Deployment/{_NAME}", max_length=340)]
PLURALS = {
    WorkloadKind.DEPLOYMENT: "deployments",
    WorkloadKind.STATEFUL_SET: "statefulsets",
    WorkloadKind.DAEMON_SET: "daemonsets",
}


class WorkloadParameters(ActionParameters):
    """A Deployment, StatefulSet or DaemonSet."""

    workload: AnyWorkload


class DeploymentParameters(ActionParameters):
    """A Deployment."""

    workload: DeploymentOnly


def id_of(workload: str) -> WorkloadId:
    """The workload that a parameter names."""
    kind, namespace, name = workload.split("/")
    return WorkloadId(namespace=namespace, kind=WorkloadKind(kind), name=name)


def value_for(workload: WorkloadId) -> str:
    """A workload as a parameter."""
    return f"{workload.kind}/{workload.namespace}/{workload.name}"


def kubectl_name(workload: WorkloadId) -> str:
    """A workload as kubectl's arguments name it."""
    return f"-n {workload.namespace} {workload.kind.lower()}/{workload.name}"


def choices(
    fits: Callable[[WorkloadSummary], bool],
) -> Callable[[Planning, Mapping[str, str]], Sequence[ParameterChoice]]:
    """The workloads of the view as choices; those that fit are offered."""

    def offered(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
        found = deploys.workloads(planning.actor).items
        return [ParameterChoice(value=value_for(one.id), is_offered=fits(one)) for one in found]

    return offered


def targets(parameters: WorkloadParameters | DeploymentParameters) -> tuple[str, ...]:
    """The lock of a workload, whatever is done to it."""
    wanted = id_of(parameters.workload)
    return (f"deploy:{wanted.namespace}/{wanted.name}",)


def reading_needs(workload: WorkloadId) -> tuple[Need, ...]:
    """The permissions to read a workload and its rollout."""
    revisions = "replicasets" if workload.kind is WorkloadKind.DEPLOYMENT else "controllerrevisions"
    where = workload.namespace
    return (
        Need(verb="get", group="apps", resource=PLURALS[workload.kind], namespace=where),
        Need(verb="list", group="apps", resource=revisions, namespace=where),
        Need(verb="list", resource="pods", namespace=where),
        Need(verb="list", resource="events", namespace=where),
    )


def patching_need(workload: WorkloadId, subresource: str = "") -> Need:
    """The permission to patch a workload, or a part of it."""
    return Need(
        verb="patch",
        group="apps",
        resource=PLURALS[workload.kind],
        subresource=subresource,
        namespace=workload.namespace,
        name=workload.name,
    )


def versions_of(workload: WorkloadId, now: WorkloadNow) -> dict[str, str]:
    """The versions that a plan binds."""
    return {_version_key(workload): now.identity}


def _version_key(workload: WorkloadId) -> str:
    return f"{PLURALS[workload.kind]}/{workload.namespace}/{workload.name}"


def require_not_paused(workload: WorkloadId, now: WorkloadNow) -> None:
    """Raise Refused for a paused Deployment: no pod would be replaced before it is resumed."""
    if now.is_paused:
        raise Refused(reason="workload_paused", workload=workload.name)


def standing_notes(now: WorkloadNow) -> tuple[Words, ...]:
    """The state of a workload before the change, as a note of a plan."""
    summary = now.detail.summary
    values = {"ready": summary.ready, "replicas": summary.replicas}
    notes = [Words(key="runbooks.rollout.ready_before", values=values)]
    if reason := summary.rollout.reason:
        notes.append(trouble_of(reason))
    return tuple(notes)


def trouble_of(reason: StuckReason) -> Words:
    """The hindrance of a rollout before the change, in the cluster's own words, else in ours."""
    if words := words_of(reason):
        return Words(key="runbooks.rollout.trouble_before", values={"words": words})
    return Words(key=f"deploy.stuck.{reason.kind}")


def words_of(reason: StuckReason) -> str:
    """The hindrance of a rollout in the cluster's own words; empty where it says nothing."""
    where = f"{reason.pod}: " if reason.pod else ""
    return f"{where}{reason.message}"[:300] if reason.message else ""


def planned_identity(running: Running, workload: WorkloadId) -> str:
    """The identity that the run's plan binds."""
    assert running.run.plan is not None
    return running.run.plan.versions[_version_key(workload)]


def make(
    running: Running,
    workload: WorkloadId,
    change: Callable[[str], None],
    is_made: Callable[[WorkloadNow], bool],
    before: Callable[[WorkloadNow], Mapping[str, str | int]] = lambda _now: {},
) -> None:
    """Make a change once, to the planned workload. What ``before`` finds right before is remembered for the undo.

    A change that was begun and whose answer is missing, because the cluster or this process died, counts as made where
    the workload is as it was to be.

    Raises:
        Conflict: the workload is another one than planned; nothing was changed.
        RunLate: the cluster did not answer before the deadline.
    """
    identity, looks = planned_identity(running, workload), 0
    while True:
        running.check()
        try:
            now = deploys.workload_now(running.actor, running.kubernetes, workload)
            if running.memory.get("begun") and now.identity != identity and is_made(now):
                running.log("runbooks.rollout.made_before", workload=workload.name)
                return
            if running.memory.get("begun") and now.identity != identity and looks < LOOKS:
                looks += 1
                running.wait(AGAIN_S)
                continue
            if not running.memory.get("begun"):
                running.remember(begun=True, **before(now))
            change(identity)
        except Unavailable:
            running.log("runbooks.rollout.no_answer")
            running.wait(AGAIN_S)
        else:
            return


def watch(running: Running, workload: WorkloadId) -> None:
    """Follow a rollout by the rule of ``kubectl rollout status`` to its end. Cancelled, it leaves the rollout alone.

    Raises:
        Refused: with ``reason`` workload_stuck, workload_stuck_seen or workload_stuck_unsaid: it does not go on by
            itself.
        RunLate: it took longer than the run may.
    """
    try:
        _watch(running, workload)
    except RunCancelled:
        running.changed("runbooks.rollout.left", workload=workload.name)
        raise


def _watch(running: Running, workload: WorkloadId) -> None:
    since, words, stuck_since = running.now(), "", None
    while True:
        now = _now(running, workload, since)
        rollout = now.detail.summary.rollout
        if rollout.words and rollout.words != words:
            words = rollout.words
            running.output(words)
        if rollout.state is RolloutState.DONE or _is_settled(now):
            seconds = int((running.now() - since).total_seconds())
            running.changed("runbooks.rollout.done", workload=workload.name, seconds=seconds)
            return
        stuck_since = (stuck_since or running.now()) if rollout.state is RolloutState.STUCK else None
        if rollout.state is RolloutState.FAILED or _has_lasted(rollout.reason, stuck_since, running.now()):
            raise _stuck(running, workload, rollout.reason)
        running.wait(POLL_S)


def _now(running: Running, workload: WorkloadId, since: datetime) -> WorkloadNow:
    """The workload, as soon as the cluster answers."""
    is_told = False
    while True:
        try:
            return deploys.workload_now(running.actor, running.kubernetes, workload, since)
        except Unavailable:
            if not is_told:
                running.log("runbooks.rollout.no_answer")
            is_told = True
            running.wait(AGAIN_S)


def _is_settled(now: WorkloadNow) -> bool:
    """Whether a paused Deployment, or one whose pods are replaced by hand, has the pods that it wants."""
    summary = now.detail.summary
    states = {RolloutState.PAUSED, RolloutState.MANUAL}
    return summary.rollout.state in states and summary.total == summary.available == summary.replicas


def _has_lasted(reason: StuckReason | None, since: datetime | None, now: datetime) -> bool:
    waits = reason is not None and reason.kind is StuckKind.UNSCHEDULABLE
    return since is not None and now - since >= (UNSCHEDULABLE_FOR if waits else STUCK_FOR)


def _stuck(running: Running, workload: WorkloadId, reason: StuckReason | None) -> Refused:
    if reason is None:
        return Refused(reason="workload_stuck_unsaid", workload=workload.name)
    running.log(f"deploy.stuck.{reason.kind}")
    if not (words := words_of(reason)):
        return Refused(reason="workload_stuck_seen", workload=workload.name, stuck=str(reason.kind))
    running.output(words)
    return Refused(reason="workload_stuck", workload=workload.name, words=words)
