"""The shared view follows the cluster: states, reasons, gaps, and what it costs the API server."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backend import clock
from backend.deploys import service, shared_view, watching
from backend.deploys.types import (
    ClusterChange,
    HelmRelease,
    Image,
    RolloutState,
    StuckKind,
    StuckReason,
    WorkloadKind,
)
from backend.errors import NotFound, Refused, Unavailable
from tests.integration.deploys.conftest import (
    OPERATOR,
    PROCESS,
    ClusterFile,
    Site,
    health,
    lines,
    named,
    reason,
    state,
    wanted_workloads,
)
from tests.waiting import until

API = "docuchat-api"
# Each fault strikes a workload of its own, so that one wait is enough for all of them.
FAULTS = {
    "ImagePullBackOff": StuckKind.IMAGE_PULL,
    "CreateContainerConfigError": StuckKind.CONFIGURATION,
    "CrashLoopBackOff": StuckKind.CRASH,
    "OOMKilled": StuckKind.OUT_OF_MEMORY,
    "LivenessFailing": StuckKind.PROBE,
    "ReadinessFailing": StuckKind.PROBE,
    "Unschedulable": StuckKind.UNSCHEDULABLE,
}


def test_a_workload_is_known_with_its_image_revision_release_and_pods(view: Site) -> None:
    known = lines()[API]
    detail = service.workload(OPERATOR, known.id)

    assert (known.rollout.state, known.replicas, known.ready) == (RolloutState.DONE, 3, 3)
    assert known.rollout.words == f'deployment "{API}" successfully rolled out'
    assert known.images == (Image(repository="registry.docuchat.example/docuchat", tag="2.14.3"),)
    assert (known.revision, known.release) == (
        1,
        HelmRelease(name="docuchat", namespace="docuchat", chart="docuchat-2.14.3", app_version="2.14.3"),
    )
    assert len(detail.pods) == 3
    assert not detail.old_pods
    first = detail.pods[0]
    assert first.node
    assert first.is_ready
    assert first.containers[0].digest.startswith("sha256:")
    assert "OPENAI_API_KEY" in first.containers[0].template.environment
    assert dict(first.containers[0].template.limits)["memory"]
    assert detail.events[0].last_at >= detail.events[-1].last_at
    assert service.workload(OPERATOR, known.id) is detail


def test_each_kind_of_trouble_is_told_within_five_seconds_of_the_pod_showing_it(view: Site) -> None:
    names = {f"crowd-{number}": fault for number, fault in enumerate(FAULTS, start=1)}
    for name, fault in names.items():
        view.console("faults", workload=name, fault=fault)
    view.console("crowd", workloads=len(FAULTS), pods=len(FAULTS))

    until(lambda: all(shows_trouble(view, name) for name in names))
    until(lambda: all((found := reason(name)) and found.kind is FAULTS[names[name]] for name in names), 5)

    found = {names[name]: one for name in names if (one := reason(name))}
    assert found["ImagePullBackOff"].image in found["ImagePullBackOff"].message
    assert "not found" in found["CreateContainerConfigError"].message
    assert found["OOMKilled"].memory_limit == "64Mi"
    assert "nodes are available" in found["Unschedulable"].message
    assert all("probe failed" in found[name].message for name in ("LivenessFailing", "ReadinessFailing"))
    until(lambda: "no route to the database" in " ".join(last_lines(names, "CrashLoopBackOff")))


def shows_trouble(site: Site, workload: str) -> bool:
    """Whether a pod of the workload shows something else than that it is starting."""
    pods = [one for one in site.items("pods") if one["metadata"]["name"].startswith(f"{workload}-")]
    statuses = [one for pod in pods for one in pod["status"].get("containerStatuses", ())]
    states = [one["state"].get("waiting", {}).get("reason", "") for one in statuses]
    conditions = [one["status"] for pod in pods for one in pod["status"].get("conditions", ())]
    return "False" in conditions and "ContainerCreating" not in states


def last_lines(names: dict[str, str], fault: str) -> tuple[str, ...]:
    name = next(name for name, given in names.items() if given == fault)
    found = reason(name)
    return found.last_lines if found else ()


def test_only_the_pods_of_the_new_revision_are_blamed_and_the_old_ones_serve_on(view: Site) -> None:
    view.change_container(API, image="registry.docuchat.example/docuchat:missing")

    until(lambda: state(API) == RolloutState.STUCK)
    detail = service.workload(OPERATOR, named(API))

    assert detail.summary.rollout.words.startswith(f'Waiting for deployment "{API}" rollout to finish')
    assert detail.summary.revision == 2
    assert {pod.is_ready for pod in detail.pods} == {False}
    assert {pod.is_ready for pod in detail.old_pods} == {True}
    assert (found := detail.summary.rollout.reason) is not None
    assert found.pod in {pod.id.name for pod in detail.pods}
    view.change_container(API, image="registry.docuchat.example/docuchat:2.14.3")
    until(lambda: state(API) == RolloutState.DONE)


def test_a_stateful_set_and_a_daemon_set_are_stuck_by_their_new_pods_alone(view: Site) -> None:
    kinds = {
        "docuchat-redis": ("statefulsets", WorkloadKind.STATEFUL_SET),
        "docuchat-log-agent": ("daemonsets", WorkloadKind.DAEMON_SET),
    }
    for name, (plural, _) in kinds.items():
        view.change_container(name, plural=plural, image="registry.docuchat.example/other:missing")

    until(lambda: all(state(name) == RolloutState.STUCK for name in kinds))

    for name, (_, kind) in kinds.items():
        detail = service.workload(OPERATOR, named(name, kind))
        assert (found := detail.summary.rollout.reason) is not None
        assert (found.kind, found.image) == (StuckKind.IMAGE_PULL, "registry.docuchat.example/other:missing")
        assert found.pod in {pod.id.name for pod in detail.pods}


def test_the_last_lines_of_a_crashed_container_come_without_secrets(view: Site) -> None:
    secret = "sk-" + "a1B2" * 8
    # The password stands where the line is cut.
    message = f"refused {secret} {'.' * 400} postgresql://app:{'hunter2' * 20}@db/x"
    view.console("faults", workload=API, fault="CrashLoopBackOff", exit_code=3, message=message)
    view.change_container(API, image="registry.docuchat.example/docuchat:2.15.0")

    until(lambda: (found := reason(API)) and found.last_lines)
    found = reason(API)

    assert found is not None
    assert (found.kind, found.exit_code, found.container) == (StuckKind.CRASH, 3, "api")
    assert any("refused ***" in line for line in found.last_lines)
    assert secret not in repr(service.workload(OPERATOR, named(API)))
    assert "hunter2" not in repr(service.workload(OPERATOR, named(API)))


def test_revisions_are_compared_by_names_and_never_by_values(view: Site) -> None:
    env = [{"name": "FEATURE_KEY", "value": "geheim-geheim"}]
    view.change_container(
        API,
        image="registry.docuchat.example/docuchat:2.15.0",
        env=env,
        resources={"limits": {"memory": "2Gi"}},
    )
    until(lambda: lines()[API].revision == 2 and state(API) == RolloutState.DONE)

    change = service.compare_revisions(OPERATOR, named(API), 1, 2)

    assert [one.after for one in change.images] == ["registry.docuchat.example/docuchat:2.15.0"]
    assert change.environment_added == (("api", "FEATURE_KEY"),)
    assert [(one.subject, one.after) for one in change.resources] == [("limits.memory", "2Gi")]
    assert "geheim" not in repr(service.workload(OPERATOR, named(API)))
    with pytest.raises(NotFound):
        service.compare_revisions(OPERATOR, named(API), 1, 9)
    with pytest.raises(NotFound):
        service.workload(OPERATOR, named("nobody"))


@pytest.mark.parametrize(
    ("plural", "kind", "name"),
    [
        ("statefulsets", WorkloadKind.STATEFUL_SET, "docuchat-redis"),
        ("daemonsets", WorkloadKind.DAEMON_SET, "docuchat-log-agent"),
    ],
)
def test_sets_have_a_history_as_deployments_have(
    view: Site, plural: str, kind: WorkloadKind, name: str
) -> None:
    env = [{"name": "FEATURE_KEY", "value": "geheim-geheim"}]
    limits = {"limits": {"memory": "2Gi"}}
    view.change_container(name, plural, image="registry.example/other:9", env=env, resources=limits)
    wanted = named(name, kind)

    def pods_by_revision() -> list[tuple[int, int]]:
        return [(one.number, one.replicas) for one in service.workload(OPERATOR, wanted).revisions]

    until(lambda: pods_by_revision() == [(2, lines()[name].replicas), (1, 0)])

    found = service.workload(OPERATOR, wanted)
    change = service.compare_revisions(OPERATOR, wanted, 1, 2)

    assert [one.is_newest for one in found.revisions] == [True, False]
    assert [one.after for one in change.images] == ["registry.example/other:9"]
    assert [variable for _, variable in change.environment_added] == ["FEATURE_KEY"]
    assert ("limits.memory", "2Gi") in [(one.subject, one.after) for one in change.resources]
    assert "geheim" not in repr(found)


def test_a_paused_deployment_is_told_as_paused(view: Site) -> None:
    view.change(API, spec={"paused": True})

    until(lambda: state(API) == RolloutState.PAUSED)


def test_what_was_deleted_in_a_gap_is_gone_after_it(view: Site) -> None:
    view.console("cut")
    view.delete("deployments", API)
    view.console("compact")

    until(lambda: API not in lines() and not health().unknown_since)

    assert lines().keys() == wanted_workloads(view)
    with pytest.raises(NotFound):
        service.workload(OPERATOR, named(API))


def test_a_compacted_history_is_listed_again_without_a_word(view: Site) -> None:
    view.console("calls", "DELETE")
    view.console("compact")

    # Nothing happens to daemon sets, so their watch is the one whose version is too old.
    until(lambda: view.console("calls", "GET")["calls"].get("list daemonsets"))
    view.change(API, spec={"replicas": 4})

    until(lambda: lines()[API].replicas == 4 and state(API) == RolloutState.DONE)
    assert (health().problems, health().unknown_since) == ((), None)


def test_a_dead_cluster_leaves_what_was_known_and_since_when_it_is_unknown(view: Site) -> None:
    before = lines()
    died_at = clock.utc_now()
    view.console("trouble", is_dead=True)

    until(lambda: health().unknown_since)
    known = health()

    assert lines().keys() == before.keys()
    assert known.unknown_since is not None
    assert abs(known.unknown_since - died_at) < timedelta(seconds=30)
    assert {type(one.error) for one in known.problems} == {Unavailable}
    view.console("trouble", "DELETE")
    until(lambda: not health().unknown_since and not health().problems)


def test_a_cluster_that_answers_too_slowly_is_unknown_since_its_last_answer(
    view: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_view, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(shared_view, "HEARTBEAT_TIMEOUT_S", 0.3)
    service.close_cluster(PROCESS)
    until(lambda: health().is_complete)
    view.console("trouble", delay_s=10)

    until(lambda: health().unknown_since)

    assert lines()
    view.console("trouble", "DELETE")
    until(lambda: not health().unknown_since)


def test_a_connection_that_ends_between_two_signs_of_life_is_no_silence(
    view: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_view, "HEARTBEAT_S", 0.2)
    service.close_cluster(PROCESS)
    until(lambda: health().is_complete)
    until(lambda: sum(view.console("calls", "GET")["open_watches"].values()) == len(watching.WATCHED))
    view.console("calls", "DELETE")
    view.console("trouble", drops=1)

    until(lambda: not view.console("trouble", "GET")["drops"])
    asked = "create selfsubjectaccessreviews"
    until(lambda: view.console("calls", "GET")["calls"].get(asked, 0) >= 3)

    # After a silence everything is listed again, since what happened in it is not known.
    assert [call for call in view.console("calls", "GET")["calls"] if call.startswith("list")] == []


def test_a_right_that_is_missing_is_named_and_the_rest_is_shown(site: Site) -> None:
    site.console("denied", account="portal-viewer", verb="list", resource="events")

    until(lambda: health().problems and health().is_complete and state(API) == RolloutState.DONE)
    known = health()

    assert known.unknown_since is None
    assert [(one.resource, one.namespace) for one in known.problems] == [("events", "docuchat")]
    refusal = known.problems[0].error
    assert isinstance(refusal, Refused)
    assert refusal.data == {
        "reason": "kubernetes_forbidden",
        "verb": "list",
        "resource": "events",
        "namespace": "docuchat",
    }


def test_two_namespaces_are_one_view(
    site: Site, cluster_file: ClusterFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads(cluster_file.kubeconfig.read_text()) | {"current-context": "cluster-admin"}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("KUBERNETES_NAMESPACES", "docuchat, tools")
    site.http.post("/api/v1/namespaces", json={"metadata": {"name": "tools"}})
    spec = site.http.get(site.path("deployments", API)).json()["spec"]
    spec["template"]["spec"]["containers"][0].pop("env", None)
    wanted = {"metadata": {"name": "portal-tools"}, "spec": spec}
    site.http.post(site.path("deployments", namespace="tools"), json=wanted).raise_for_status()

    until(lambda: {"portal-tools", API} <= lines().keys() and state("portal-tools") == RolloutState.DONE)

    assert lines()["portal-tools"].id == replace(named("portal-tools"), namespace="tools")
    assert health().namespaces == ("docuchat", "tools")


def test_fifty_readers_cost_the_cluster_what_one_costs(view: Site) -> None:
    view.console("calls", "DELETE")
    watches = view.console("calls", "GET")["open_watches"]

    def read() -> None:
        for _ in range(20):
            service.workloads(OPERATOR)
            service.workload(OPERATOR, named(API))
            service.cluster_events(OPERATOR)

    readers = [threading.Thread(target=read) for _ in range(50)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    told = view.console("calls", "GET")
    assert {call for call in told["calls"] if "accessreviews" not in call} == set()
    assert told["open_watches"] == watches
    assert set(watches.values()) == {1}


def test_a_change_is_told_with_the_workloads_that_it_touches(view: Site) -> None:
    heard: list[ClusterChange] = []
    end = service.follow_cluster(PROCESS, heard.append)

    view.change(API, spec={"replicas": 2})

    until(lambda: state(API) == RolloutState.DONE and lines()[API].replicas == 2)
    end()
    assert {one for change in heard for one in change.workloads} == {named(API)}
    assert [change.version for change in heard] == sorted({change.version for change in heard})


def test_an_unchanged_line_is_the_same_object_as_before(view: Site) -> None:
    before = lines()
    view.change(API, spec={"replicas": 2})
    until(lambda: lines()[API].replicas == 2)

    assert lines()["docuchat-worker"] is before["docuchat-worker"]
    assert lines()[API] is not before[API]


def test_a_refused_pod_is_told_in_the_clusters_words(view: Site) -> None:
    quota = {"metadata": {"name": "compute"}, "spec": {"hard": {"pods": "1"}}}
    path = f"/api/v1/namespaces/{view.address.namespace}/resourcequotas"
    view.http.post(path, json=quota).raise_for_status()
    view.change_container(API, image="registry.docuchat.example/docuchat:2.15.0")

    until(lambda: (found := reason(API)) and found.kind is StuckKind.QUOTA)

    assert isinstance(found := reason(API), StuckReason)
    assert "exceeded quota" in found.message
    assert found.pod == ""
