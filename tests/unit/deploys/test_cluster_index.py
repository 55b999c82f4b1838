"""The index finds everything by its owner, in whatever order the watches bring it."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from backend.deploys import cluster_index, summaries
from backend.deploys.cluster_index import ClusterIndex, ClusterNoun
from backend.deploys.cluster_types import ControllerRevision, ReplicaSet
from backend.deploys.types import ClusterJob, Pod, StuckKind, WorkloadKind
from tests.unit.deploys.cluster_examples import BORN, NOW, ended, event, pod, ready_pod, waiting, workload


def replica_set(number: int, **given: Any) -> ReplicaSet:
    usual: dict[str, Any] = {
        "namespace": "docuchat",
        "name": f"api-{number}",
        "uid": f"uid-set-{number}",
        "owner_uid": "uid-api",
        "created_at": BORN,
        "revision": number,
    }
    return ReplicaSet(**usual | given)


def filled(*nouns: ClusterNoun) -> ClusterIndex:
    index = ClusterIndex()
    for one in nouns:
        index.put(one)
    return index


def names(pods: list[Pod]) -> set[str]:
    return {one.id.name for one in pods}


API = workload(revision=2)
OLD, NEW = replica_set(1), replica_set(2)
OLD_POD = ready_pod("old", owner_uid=OLD.uid)
NEW_POD = pod("new", waiting("ImagePullBackOff"), owner_uid=NEW.uid)


@pytest.mark.parametrize("order", list(permutations([API, NEW, NEW_POD, event("Failed", "why", name="new")])))
def test_the_last_of_a_chain_to_arrive_completes_it(order: tuple[ClusterNoun, ...]) -> None:
    index = filled(*order[:-1])

    touched = index.put(order[-1])

    assert index.newest_pods(API) == [NEW_POD]
    assert touched == {API.id}
    assert len(summaries.detail_of(index, API, summaries.summary_of(index, API, BORN, NOW)).events) == 1


def test_the_newest_revision_alone_is_judged_and_old_pods_stand_apart() -> None:
    index = filled(API, OLD, NEW, OLD_POD, NEW_POD)

    line = summaries.summary_of(index, API, BORN, NOW)
    detail = summaries.detail_of(index, API, line)

    assert names(list(detail.pods)) == {"new"}
    assert names(list(detail.old_pods)) == {"old"}
    assert [(one.number, one.is_newest) for one in detail.revisions] == [(2, True), (1, False)]
    assert line.rollout.reason is not None
    assert line.rollout.reason.kind is StuckKind.IMAGE_PULL


def test_while_the_new_revision_is_not_there_yet_nobody_is_blamed() -> None:
    crashed = pod("old", waiting("CrashLoopBackOff", last_ended=ended(1)), owner_uid=OLD.uid)

    assert summaries.summary_of(filled(API, OLD, crashed), API, BORN, NOW).rollout.reason is None


def test_the_pods_of_a_stateful_set_are_new_by_its_revision() -> None:
    it = workload(WorkloadKind.STATEFUL_SET, update_revision="b")
    index = filled(
        it,
        ready_pod("api-0", owner_uid=it.uid, revision_hash="a"),
        ready_pod("api-1", owner_uid=it.uid, revision_hash="b"),
    )

    assert names(index.newest_pods(it)) == {"api-1"}


def kept(number: int, **given: Any) -> ControllerRevision:
    usual = {"namespace": "docuchat", "name": f"api-hash{number}", "owner_uid": "uid-api", "created_at": BORN}
    return ControllerRevision(**usual | {"number": number} | given)


@pytest.mark.parametrize(
    ("kind", "carried"), [(WorkloadKind.STATEFUL_SET, "api-hash{}"), (WorkloadKind.DAEMON_SET, "hash{}")]
)
def test_the_revisions_of_a_set_are_told_newest_first_with_their_pods(
    kind: WorkloadKind, carried: str
) -> None:
    it = workload(kind)
    pods = [
        ready_pod(f"api-{place}", owner_uid=it.uid, revision_hash=carried.format(number))
        for place, number in enumerate((1, 2, 2))
    ]
    foreign = kept(9, name="other-hash9", owner_uid="uid-other")
    index = filled(it, *pods, kept(1), foreign)

    touched = index.put(kept(2))

    told = [(one.number, one.replicas, one.is_newest) for one in summaries.revisions_of(index, it)]
    assert touched == {it.id}
    assert told == [(2, 2, True), (1, 1, False)]
    assert summaries.summary_of(index, it, BORN, NOW).revision == 2
    assert index.replace(ControllerRevision, "docuchat", [kept(2), foreign]) == {it.id}
    assert [one.number for one in index.revisions_of(it)] == [2]


def test_the_pods_of_a_daemon_set_are_new_by_its_template_or_else_by_their_number_and_age() -> None:
    it = workload(WorkloadKind.DAEMON_SET, template_generation="7")
    old = ready_pod("a", owner_uid=it.uid, revision_hash="x", template_generation="6")
    new = ready_pod("b", owner_uid=it.uid, revision_hash="y", template_generation="7", created_at=NOW)

    assert names(filled(it, old, new).newest_pods(it)) == {"b"}
    without = [replace(one, template_generation="") for one in (old, new)]
    assert names(filled(it, *without).newest_pods(it)) == {"b"}
    assert filled(it).newest_pods(it) == []
    third = replace(without[0], id=replace(old.id, name="c"), created_at=NOW + timedelta(seconds=1))
    counted = replace(it, updated=1)
    assert names(filled(counted, *without, third).newest_pods(counted)) == {"b"}


def test_what_a_list_does_not_hold_any_more_is_gone() -> None:
    index = filled(API, NEW, NEW_POD, ready_pod("gone", owner_uid=NEW.uid))
    elsewhere = replace(ready_pod("gone"), id=replace(NEW_POD.id, namespace="tools"))
    index.put(elsewhere)

    touched = index.replace(Pod, "docuchat", [NEW_POD])

    assert touched == {API.id}
    assert names(index.pods_of(API)) == {"new"}
    assert index.pod(elsewhere.id) == elsewhere
    assert index.replace(Pod, "docuchat", [NEW_POD]) == set()


def test_everything_can_be_taken_out_again() -> None:
    job = ClusterJob(namespace="docuchat", name="restore-7", created_at=BORN)
    nouns = [API, OLD, NEW, OLD_POD, NEW_POD, event("Failed", "why", name="new"), job]
    index = filled(*nouns)

    for one in nouns:
        index.remove(one)

    assert (index.workloads, index.events, index.jobs) == ({}, {}, {})
    assert index.pods_of(API) == []
    assert index.sets_of(API) == []
    assert index.remove(NEW_POD) == set()


def test_of_too_many_events_the_first_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_index, "MOST_EVENTS", 3)
    index = filled(*(event("Failed", "why", name="new", key=str(number)) for number in range(5)))

    assert [one.key for one in index.events.values()] == ["2", "3", "4"]
    assert len(index.events_of("Pod", "docuchat", "new")) == 3


def test_events_that_say_the_same_are_one_and_the_newest_stands_first() -> None:
    first = event("BackOff", "back-off", key="1", count=2, last_at=NOW - timedelta(minutes=2))
    again = replace(first, key="2", count=3, first_at=NOW, last_at=NOW)
    other = event("Failed", "why", key="3", last_at=NOW - timedelta(minutes=1))

    merged = summaries.merged_events([first, other, again])

    assert [(one.reason, one.count) for one in merged] == [("BackOff", 5), ("Failed", 1)]
    assert (merged[0].first_at, merged[0].last_at) == (first.first_at, NOW)


def test_a_job_for_which_no_pod_is_created_says_why() -> None:
    job = ClusterJob(namespace="docuchat", name="restore-7", created_at=BORN)
    refused = event("FailedCreate", "exceeded quota", kind="Job", name="restore-7")
    index = filled(job, refused)

    assert summaries.jobs_of(index)[0].refusal == "exceeded quota"
    index.put(replace(job, active=1))
    assert summaries.jobs_of(index)[0].refusal == ""
