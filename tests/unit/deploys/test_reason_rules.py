"""The reason of a stuck rollout: which one, in which order, of which pods."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from backend.deploys.cluster_types import NotedEvent, Workload
from backend.deploys.reason_rules import RolloutEvidence, pod_reason, reason_of, refusal_kind
from backend.deploys.types import Condition, ContainerPhase, Pod, StuckKind, StuckReason, WorkloadKind
from tests.unit.deploys.cluster_examples import (
    BORN,
    IMAGE,
    NOW,
    container,
    ended,
    event,
    pod,
    ready_pod,
    template,
    waiting,
    workload,
)

QUOTA = (
    'pods "api-6f7" is forbidden: exceeded quota: compute, requested: limits.memory=1Gi,'
    " used: limits.memory=8Gi, limited: limits.memory=8Gi"
)
POLICY = (
    'pods "api-6f7" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
)
WEBHOOK = 'admission webhook "images.example" denied the request: image is not signed'
NO_ACCOUNT = 'pods "api-6f7" is forbidden: error looking up service account docuchat/api: not found'
NO_ROOM = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
UNSCHEDULABLE = Condition(
    type="PodScheduled", status="False", reason="Unschedulable", message=NO_ROOM, since=BORN
)
RUNNING = ContainerPhase.RUNNING
TERMINATED = ContainerPhase.TERMINATED
PULL_FAILED = f'Failed to pull image "{IMAGE}": rpc error: code = NotFound desc = not found'
LIVENESS = "Liveness probe failed: HTTP probe failed with statuscode: 503"
READINESS = "Readiness probe failed: Get http://10.0.0.7:8000/ready: connection refused"
LONG_AGO = NOW - timedelta(minutes=2)
JUST_NOW = NOW - timedelta(seconds=3)


def known(
    it: Workload,
    pods: Sequence[Pod] = (),
    *,
    events: Sequence[NotedEvent] = (),
    pod_events: dict[Any, tuple[NotedEvent, ...]] | None = None,
    moved_at: datetime = NOW,
) -> RolloutEvidence:
    return RolloutEvidence(
        workload=it, pods=tuple(pods), events=tuple(events), pod_events=pod_events or {}, moved_at=moved_at
    )


def found(kind: StuckKind, **given: Any) -> StuckReason:
    usual: dict[str, Any] = {"pod": "api-1", "pods": 1, "container": "api", "image": IMAGE, "since": BORN}
    return StuckReason(kind=kind, **usual | given)


POD_CASES = [
    pytest.param(
        pod("api-1", waiting("ErrImagePull", "rpc error: code = NotFound")),
        (),
        found(StuckKind.IMAGE_PULL, message="rpc error: code = NotFound"),
        id="image that is not there",
    ),
    pytest.param(
        pod("api-1", waiting("ImagePullBackOff", "Back-off pulling image")),
        (event("Failed", PULL_FAILED), event("Failed", "Error: ImagePullBackOff")),
        found(StuckKind.IMAGE_PULL, message=PULL_FAILED),
        id="the event says why the pull failed, the back-off does not",
    ),
    pytest.param(
        pod("api-1", waiting("InvalidImageName")),
        (),
        found(StuckKind.IMAGE_PULL, message="InvalidImageName"),
        id="a name that is none, without a message",
    ),
    pytest.param(
        pod("api-1", waiting("CreateContainerConfigError", 'secret "docuchat-openai" not found')),
        (),
        found(StuckKind.CONFIGURATION, message='secret "docuchat-openai" not found'),
        id="missing secret",
    ),
    pytest.param(
        pod("api-1", waiting("RunContainerError", 'exec: "serve": not found in $PATH')),
        (),
        found(StuckKind.CONTAINER_START, message='exec: "serve": not found in $PATH'),
        id="program that is not there",
    ),
    pytest.param(
        pod("api-1", waiting("ContainerCreating")),
        (event("FailedMount", 'MountVolume.SetUp failed for volume "models"'),),
        found(StuckKind.CONTAINER_START, message='MountVolume.SetUp failed for volume "models"'),
        id="volume that cannot be mounted",
    ),
    pytest.param(
        pod("api-1", waiting("CrashLoopBackOff", "back-off 10s", restarts=4, last_ended=ended(3))),
        (),
        found(StuckKind.CRASH, exit_code=3, restarts=4),
        id="crash loop with the exit code of the container before",
    ),
    pytest.param(
        pod("api-1", container(TERMINATED, ended=ended(1, message="no route to the database"))),
        (),
        found(StuckKind.CRASH, exit_code=1, message="no route to the database"),
        id="first crash, before any back-off",
    ),
    pytest.param(
        pod(
            "api-1", container(RUNNING, restarts=1, last_ended=ended(139, signal=11), running_since=JUST_NOW)
        ),
        (),
        found(StuckKind.CRASH, exit_code=139, signal=11, restarts=1),
        id="runs again and is not ready yet",
    ),
    pytest.param(
        pod("api-1", waiting("CrashLoopBackOff", restarts=2, last_ended=ended(0, "Completed"))),
        (),
        found(StuckKind.CRASH, exit_code=0, restarts=2),
        id="a server that ends without an error",
    ),
    pytest.param(
        pod(
            "api-1",
            waiting(
                "CrashLoopBackOff",
                restarts=2,
                last_ended=ended(137, "OOMKilled"),
                template=template(limits=(("cpu", "1"), ("memory", "512Mi"))),
            ),
        ),
        (),
        found(StuckKind.OUT_OF_MEMORY, exit_code=137, restarts=2, memory_limit="512Mi"),
        id="out of memory with its limit",
    ),
    pytest.param(
        pod("api-1", waiting("CrashLoopBackOff", restarts=3, last_ended=ended(137))),
        (
            event("Unhealthy", LIVENESS),
            event("Killing", "Container api failed liveness probe, will be restarted"),
        ),
        found(StuckKind.PROBE, message=LIVENESS, restarts=3),
        id="killed by its liveness probe is no crash",
    ),
    pytest.param(
        pod("api-1", waiting("CrashLoopBackOff", restarts=3, last_ended=ended(137))),
        (event("Killing", "Stopping container api"),),
        found(StuckKind.CRASH, exit_code=137, restarts=3),
        id="killed by somebody else is a crash",
    ),
    pytest.param(
        pod("api-1", container(RUNNING, running_since=JUST_NOW)),
        (event("Unhealthy", READINESS, count=3),),
        found(StuckKind.PROBE, message=READINESS),
        id="readiness failed three times",
    ),
    pytest.param(
        pod("api-1", container(RUNNING, running_since=JUST_NOW)),
        (event("Unhealthy", READINESS, count=2),),
        found(StuckKind.PROBE, message=READINESS, is_early=True),
        id="a probe that failed twice may only be early",
    ),
    pytest.param(
        pod("api-1", container(RUNNING, running_since=LONG_AGO)),
        (),
        found(StuckKind.PROBE),
        id="runs for two minutes and is not ready, and no event may be read",
    ),
    pytest.param(
        pod(
            "api-1",
            waiting("CrashLoopBackOff", last_ended=ended(1), template=template("migrate", is_init=True)),
            waiting("PodInitializing"),
        ),
        (),
        found(StuckKind.CRASH, container="migrate", is_init=True, exit_code=1),
        id="init container",
    ),
    pytest.param(
        pod("api-1", phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
        (),
        StuckReason(kind=StuckKind.EVICTED, pod="api-1", message="The node was low on resource: memory."),
        id="evicted",
    ),
    pytest.param(
        pod("api-1", waiting("ContainerCreating"), conditions=(UNSCHEDULABLE,), phase="Pending"),
        (event("FailedMount", "of another try"),),
        StuckReason(kind=StuckKind.UNSCHEDULABLE, pod="api-1", message=NO_ROOM, since=BORN),
        id="no node, in the scheduler's words",
    ),
]
FINE_PODS = [
    pytest.param(ready_pod("api-1"), (event("Unhealthy", READINESS, count=9),), id="ready again"),
    pytest.param(pod("api-1", waiting("ContainerCreating")), (), id="is being created"),
    pytest.param(pod("api-1"), (), id="all ready, before the pod says so"),
    pytest.param(
        pod(
            "api-1",
            container(TERMINATED, ended=ended(0, "Completed"), template=template("migrate", is_init=True)),
            waiting("PodInitializing"),
        ),
        (),
        id="init container that is done",
    ),
    pytest.param(
        pod("api-1", container(RUNNING, running_since=LONG_AGO, template=template("migrate", is_init=True))),
        (),
        id="init container that takes its time",
    ),
    pytest.param(pod("api-1", waiting("ImagePullBackOff"), is_terminating=True), (), id="is being deleted"),
]


@pytest.mark.parametrize(("one", "events", "reason"), POD_CASES)
def test_a_pod_shows_why_it_is_not_ready(one: Pod, events: Sequence[NotedEvent], reason: StuckReason) -> None:
    assert pod_reason(one, events, NOW) == reason


@pytest.mark.parametrize(("one", "events"), FINE_PODS)
def test_a_pod_that_starts_or_works_shows_nothing(one: Pod, events: Sequence[NotedEvent]) -> None:
    assert pod_reason(one, events, NOW) is None


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (QUOTA, StuckKind.QUOTA),
        (POLICY, StuckKind.POLICY),
        (WEBHOOK, StuckKind.POLICY),
        (NO_ACCOUNT, StuckKind.POD_REFUSED),
    ],
)
def test_a_refused_pod_has_no_pod_to_show_it(message: str, kind: StuckKind) -> None:
    refused = Condition(
        type="ReplicaFailure", status="True", reason="FailedCreate", message=message, since=BORN
    )

    assert refusal_kind(message) is kind
    assert reason_of(known(workload(conditions=(refused,))), NOW) == StuckReason(
        kind=kind, message=message, since=BORN
    )


def test_a_refusal_stands_before_what_the_pods_show() -> None:
    refused = Condition(type="ReplicaFailure", status="True", message=QUOTA)
    crashed = pod("api-1", waiting("CrashLoopBackOff", last_ended=ended(1)))

    first = reason_of(known(workload(conditions=(refused,)), [crashed]), NOW)
    over = reason_of(
        known(workload(conditions=(Condition(type="ReplicaFailure", status="False"),)), [crashed]), NOW
    )

    assert first is not None
    assert first.kind is StuckKind.QUOTA
    assert over is not None
    assert over.kind is StuckKind.CRASH


def test_a_refused_pod_of_a_stateful_set_shows_only_in_events() -> None:
    it = workload(WorkloadKind.STATEFUL_SET, ready=1)
    refused = event("FailedCreate", QUOTA, kind="StatefulSet", name="api")

    assert reason_of(known(it, [ready_pod("api-0")], events=[refused]), NOW) == StuckReason(
        kind=StuckKind.QUOTA, message=QUOTA, since=refused.first_at
    )
    assert reason_of(known(it, [ready_pod(f"api-{n}") for n in range(3)], events=[refused]), NOW) is None
    younger = ready_pod("api-0", created_at=NOW + timedelta(seconds=1))
    assert reason_of(known(it, [younger], events=[refused]), NOW) is None


def test_the_reason_that_explains_the_others_wins_and_its_pods_are_counted() -> None:
    pods = [
        pod("api-1", waiting("CrashLoopBackOff", last_ended=ended(1))),
        pod("api-3", waiting("ImagePullBackOff"), created_at=BORN),
        pod("api-2", waiting("ErrImagePull"), created_at=BORN + timedelta(seconds=1)),
    ]

    reason = reason_of(known(workload(), pods), NOW)

    assert reason is not None
    assert (reason.kind, reason.pod, reason.pods) == (StuckKind.IMAGE_PULL, "api-3", 2)


def test_before_the_controller_has_seen_a_change_the_pods_are_old_ones() -> None:
    crashed = pod("api-1", waiting("CrashLoopBackOff", last_ended=ended(1)))

    assert reason_of(known(workload(generation=3), [crashed]), NOW) is None
    assert reason_of(known(workload(generation=0, observed_generation=0), [crashed]), NOW) is None


def test_a_rollout_that_is_done_has_no_reason() -> None:
    evicted = pod("api-1", phase="Failed", reason="Evicted")
    done = workload(updated=3, total=3, ready=3, available=3)

    assert reason_of(known(done, [evicted]), NOW) is None


@pytest.mark.parametrize("kind", [WorkloadKind.STATEFUL_SET, WorkloadKind.DAEMON_SET])
def test_what_has_no_deadline_is_stuck_when_no_pod_moves_for_ten_minutes(kind: WorkloadKind) -> None:
    it = workload(kind, ready=1, desired_scheduled=3)
    moved_at = NOW - timedelta(minutes=10)

    assert reason_of(known(it, moved_at=moved_at), NOW) is None
    late = reason_of(known(it, moved_at=moved_at), NOW + timedelta(seconds=1))
    assert late == StuckReason(kind=StuckKind.TOO_LONG, since=moved_at)
    assert reason_of(known(workload(), moved_at=moved_at), NOW + timedelta(hours=1)) is None
