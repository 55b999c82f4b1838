"""Every branch of ``kubectl rollout status``, in the words of its source, and the states that are added to it."""

from dataclasses import replace
from typing import Any

import pytest

from backend.deploys.cluster_types import Workload
from backend.deploys.rules import kubectl_status, rollout_of
from backend.deploys.types import Condition, RolloutState, StuckKind, StuckReason, WorkloadKind
from tests.unit.deploys.cluster_examples import workload

DEADLINE = Condition(
    type="Progressing",
    status="False",
    reason="ProgressDeadlineExceeded",
    message="has timed out progressing.",
)
CRASH = StuckReason(kind=StuckKind.CRASH, pod="api-1")
WAITING = 'Waiting for deployment "api" rollout to finish: '
DAEMON_WAITING = 'Waiting for daemon set "api" rollout to finish: '
ONLY_ROLLING = "rollout status is only available for RollingUpdate strategy type"
DONE = {"updated": 3, "total": 3, "ready": 3, "available": 3}
DAEMON_DONE = {"desired_scheduled": 3, "updated": 3, "available": 3}
REVISIONS = {"update_revision": "api-7", "current_revision": "api-7", "current": 3}
ROLLING = {"has_rolling_update": True}


def case(name: str, words: str, state: RolloutState, **given: Any) -> Any:
    return pytest.param(given, words, state, id=name)


DEPLOYMENT = [
    case(
        "not observed",
        "Waiting for deployment spec update to be observed...",
        RolloutState.PROGRESSING,
        generation=3,
        **DONE,
    ),
    case(
        "not observed, although the deadline of before has passed",
        "Waiting for deployment spec update to be observed...",
        RolloutState.PROGRESSING,
        generation=3,
        conditions=(DEADLINE,),
    ),
    case(
        "deadline exceeded",
        'deployment "api" exceeded its progress deadline',
        RolloutState.FAILED,
        conditions=(DEADLINE,),
        **DONE,
    ),
    case(
        "progressing with another reason",
        f"{WAITING}0 out of 3 new replicas have been updated...",
        RolloutState.PROGRESSING,
        conditions=(replace(DEADLINE, reason="ReplicaSetUpdated"),),
    ),
    case(
        "some updated",
        f"{WAITING}2 out of 3 new replicas have been updated...",
        RolloutState.PROGRESSING,
        updated=2,
        total=4,
    ),
    case(
        "old ones terminate",
        f"{WAITING}1 old replicas are pending termination...",
        RolloutState.PROGRESSING,
        updated=3,
        total=4,
        available=4,
    ),
    case(
        "not all available",
        f"{WAITING}1 of 3 updated replicas are available...",
        RolloutState.PROGRESSING,
        updated=3,
        total=3,
        available=1,
    ),
    case("done", 'deployment "api" successfully rolled out', RolloutState.DONE, **DONE),
    case("scaled to zero", 'deployment "api" successfully rolled out', RolloutState.DONE, replicas=0),
    case(
        "no replicas wanted in the specification",
        'deployment "api" successfully rolled out',
        RolloutState.DONE,
        replicas=None,
    ),
    case(
        "paused and done",
        'deployment "api" successfully rolled out',
        RolloutState.PAUSED,
        is_paused=True,
        **DONE,
    ),
    case(
        "paused half way",
        f"{WAITING}1 out of 3 new replicas have been updated...",
        RolloutState.PAUSED,
        is_paused=True,
        updated=1,
        total=4,
        available=4,
    ),
]
STATEFUL_SET = [
    case("on delete", ONLY_ROLLING, RolloutState.MANUAL, strategy="OnDelete", ready=3),
    case(
        "never observed",
        "Waiting for statefulset spec update to be observed...",
        RolloutState.PROGRESSING,
        generation=0,
        observed_generation=0,
        ready=3,
    ),
    case(
        "not observed",
        "Waiting for statefulset spec update to be observed...",
        RolloutState.PROGRESSING,
        generation=3,
        ready=3,
    ),
    case("not ready", "Waiting for 2 pods to be ready...", RolloutState.PROGRESSING, ready=1),
    case(
        "partition, not all updated",
        "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
        RolloutState.PROGRESSING,
        ready=3,
        updated=1,
        partition=1,
        **ROLLING,
    ),
    case(
        "partition, updated",
        "partitioned roll out complete: 2 new pods have been updated...",
        RolloutState.DONE,
        ready=3,
        updated=2,
        partition=1,
        **ROLLING,
    ),
    case(
        "rolling update without a partition",
        "partitioned roll out complete: 0 new pods have been updated...",
        RolloutState.DONE,
        ready=3,
        **ROLLING,
    ),
    case(
        "partition, but no replicas wanted",
        "partitioned roll out complete: 0 new pods have been updated...",
        RolloutState.DONE,
        replicas=None,
        partition=1,
        **ROLLING,
    ),
    case(
        "revisions differ",
        "waiting for statefulset rolling update to complete 1 pods at revision api-8...",
        RolloutState.PROGRESSING,
        ready=3,
        updated=1,
        **REVISIONS | {"update_revision": "api-8"},
    ),
    case(
        "done",
        "statefulset rolling update complete 3 pods at revision api-7...",
        RolloutState.DONE,
        ready=3,
        updated=3,
        **REVISIONS,
    ),
]
DAEMON_SET = [
    case("on delete", ONLY_ROLLING, RolloutState.MANUAL, strategy="OnDelete", **DAEMON_DONE),
    case(
        "not observed",
        "Waiting for daemon set spec update to be observed...",
        RolloutState.PROGRESSING,
        generation=3,
        **DAEMON_DONE,
    ),
    case(
        "not all updated",
        f"{DAEMON_WAITING}1 out of 3 new pods have been updated...",
        RolloutState.PROGRESSING,
        **DAEMON_DONE | {"updated": 1},
    ),
    case(
        "not all available",
        f"{DAEMON_WAITING}2 of 3 updated pods are available...",
        RolloutState.PROGRESSING,
        **DAEMON_DONE | {"available": 2},
    ),
    case("done", 'daemon set "api" successfully rolled out', RolloutState.DONE, **DAEMON_DONE),
    case("no node wants it", 'daemon set "api" successfully rolled out', RolloutState.DONE),
]


@pytest.mark.parametrize(("given", "words", "state"), DEPLOYMENT)
def test_a_deployment_is_told_in_kubectls_words(
    given: dict[str, Any], words: str, state: RolloutState
) -> None:
    agrees(workload(WorkloadKind.DEPLOYMENT, **given), words, state)


@pytest.mark.parametrize(("given", "words", "state"), STATEFUL_SET)
def test_a_stateful_set_is_told_in_kubectls_words(
    given: dict[str, Any], words: str, state: RolloutState
) -> None:
    agrees(workload(WorkloadKind.STATEFUL_SET, **given), words, state)


@pytest.mark.parametrize(("given", "words", "state"), DAEMON_SET)
def test_a_daemon_set_is_told_in_kubectls_words(
    given: dict[str, Any], words: str, state: RolloutState
) -> None:
    agrees(workload(WorkloadKind.DAEMON_SET, **given), words, state)


def agrees(it: Workload, words: str, state: RolloutState) -> None:
    found = rollout_of(it, None)

    assert (found.words, found.state) == (words, state)
    assert kubectl_status(it).is_done == (state is RolloutState.DONE or (it.is_paused and it.available == 3))


def test_a_reason_makes_a_moving_rollout_a_stuck_one_and_leaves_a_done_one_alone() -> None:
    moving, done = workload(updated=1, total=4, available=3), workload(**DONE)

    assert rollout_of(moving, CRASH).state is RolloutState.STUCK
    assert rollout_of(moving, CRASH).reason == CRASH
    assert rollout_of(done, CRASH).state is RolloutState.DONE
    assert rollout_of(done, CRASH).reason is None


def test_a_reason_that_may_pass_by_itself_is_told_while_the_rollout_counts_as_moving() -> None:
    early = replace(CRASH, kind=StuckKind.PROBE, is_early=True)

    found = rollout_of(workload(updated=3, total=3, available=2), early)

    assert (found.state, found.reason) == (RolloutState.PROGRESSING, early)


def test_a_paused_rollout_stays_paused_and_keeps_its_reason() -> None:
    found = rollout_of(workload(is_paused=True, updated=1), CRASH)

    assert (found.state, found.reason) == (RolloutState.PAUSED, CRASH)


def test_a_passed_deadline_is_the_reason_only_where_no_pod_shows_one() -> None:
    late = workload(conditions=(DEADLINE,))

    assert rollout_of(late, CRASH).reason == CRASH
    alone = rollout_of(late, None).reason
    assert alone is not None
    assert (alone.kind, alone.message) == (StuckKind.DEADLINE, "has timed out progressing.")
