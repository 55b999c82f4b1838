"""Each fault shows itself in pods, events and conditions as it does in a real cluster, and goes when it ends."""

import re

import httpx
import pytest

from backend.sandbox.kubernetes.server import Address
from tests.integration.kubernetes.conftest import API, JSON_PATCH, MERGE, Json, condition, settle
from tests.waiting import until


def bring(cluster: Address, **fault: object) -> None:
    httpx.post(f"{cluster.url}/sandbox/faults", json=fault).raise_for_status()


def end_faults(cluster: Address) -> None:
    httpx.request("DELETE", f"{cluster.url}/sandbox/faults").raise_for_status()


def containers(api: API, name: str) -> list[Json]:
    return [one for pod in api.pods_of(name) for one in pod["status"].get("containerStatuses", [])]


def waiting(api: API, name: str) -> list[Json]:
    return [one["state"]["waiting"] for one in containers(api, name) if "waiting" in one["state"]]


def warnings(api: API, reason: str) -> list[Json]:
    return [one for one in api.items("events") if (one["type"], one["reason"]) == ("Warning", reason)]


def test_an_image_pull_fails_first_and_is_backed_off_from_then(admin: API) -> None:
    settle(admin)
    seen: set[str] = set()

    admin.set_image("docuchat-api", "missing")

    def both() -> bool:
        seen.update(one["reason"] for one in waiting(admin, "docuchat-api"))
        return seen >= {"ContainerCreating", "ErrImagePull", "ImagePullBackOff"}

    until(both)
    assert [one for one in warnings(admin, "Failed") if "missing: not found" in one["message"]]
    until(lambda: [one for one in admin.items("events") if one["reason"] == "BackOff" and one["count"] > 1])


def test_a_container_without_memory_is_killed_again_and_again(admin: API, cluster: Address) -> None:
    bring(cluster, workload="docuchat-worker", fault="OOMKilled", on_running=True)

    until(lambda: [one for one in containers(admin, "docuchat-worker") if one["restartCount"]])

    hit = next(one for one in containers(admin, "docuchat-worker") if one["restartCount"])
    assert hit["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert hit["lastState"]["terminated"]["exitCode"] == 137
    until(lambda: [one for one in waiting(admin, "docuchat-worker") if one["reason"] == "CrashLoopBackOff"])
    end_faults(cluster)
    settle(admin, "docuchat-worker")


def test_a_failing_readiness_probe_keeps_a_running_pod_unready(admin: API, cluster: Address) -> None:
    settle(admin)
    bring(cluster, workload="docuchat-api", fault="ReadinessFailing")
    admin.set_image("docuchat-api", "2.16.0")

    until(lambda: [one for one in warnings(admin, "Unhealthy") if one["count"] > 1])

    pod = next(one for one in admin.pods_of("docuchat-api") if condition(one, "Ready")["status"] == "False")
    assert "running" in pod["status"]["containerStatuses"][0]["state"]
    assert condition(pod, "Ready")["message"] == "containers with unready status: [api]"
    end_faults(cluster)
    settle(admin)


def test_a_failing_liveness_probe_restarts_the_container(admin: API, cluster: Address) -> None:
    bring(cluster, workload="docuchat-worker", fault="LivenessFailing", on_running=True)

    until(lambda: [one for one in containers(admin, "docuchat-worker") if one["restartCount"]])

    events = {one["reason"] for one in admin.items("events")}
    assert {"Unhealthy", "Killing"} <= events


def test_a_secret_that_nobody_made_is_named_until_somebody_makes_it(admin: API) -> None:
    settle(admin)
    wanted = [
        {"name": "api", "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "late", "key": "k"}}}]}
    ]
    admin.patch("deployments", "docuchat-api", {"spec": {"template": {"spec": {"containers": wanted}}}})

    until(
        lambda: (
            waiting(admin, "docuchat-api") and "late" in waiting(admin, "docuchat-api")[0].get("message", "")
        )
    )

    assert waiting(admin, "docuchat-api")[0]["reason"] == "CreateContainerConfigError"
    assert waiting(admin, "docuchat-api")[0]["message"] == 'secret "late" not found'
    made = admin.http.post(
        admin.path("secrets"), json={"metadata": {"name": "late"}, "stringData": {"k": "v"}}
    )
    assert made.status_code == 201
    settle(admin)


def test_a_pod_that_asks_for_more_than_any_node_has_waits_for_one(admin: API) -> None:
    settle(admin)
    cordon = [{"op": "add", "path": "/spec/unschedulable", "value": True}]
    headers = {"content-type": JSON_PATCH}
    admin.http.patch("/api/v1/nodes/node-gpu-1", json=cordon, headers=headers).raise_for_status()
    admin.http.delete(admin.path("pods", admin.pods_of("docuchat-gpu-worker")[0]["metadata"]["name"]))

    def refused() -> list[Json]:
        found = [condition(one, "PodScheduled") for one in admin.pods_of("docuchat-gpu-worker")]
        return [one for one in found if one.get("status") == "False"]

    until(refused)

    assert refused()[0]["reason"] == "Unschedulable"
    assert refused()[0]["message"].startswith(
        "0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector."
    )
    uncordon = [{"op": "remove", "path": "/spec/unschedulable"}]
    admin.http.patch("/api/v1/nodes/node-gpu-1", json=uncordon, headers=headers).raise_for_status()
    settle(admin, "docuchat-gpu-worker")


def test_an_image_can_carry_a_fault_and_the_image_before_mends_it(admin: API, cluster: Address) -> None:
    settle(admin)
    bring(cluster, image=":2.15.1", fault="CrashLoopBackOff", exit_code=3, message="no module named chat")
    admin.set_image("docuchat-api", "2.15.1")
    until(lambda: [one for one in waiting(admin, "docuchat-api") if one["reason"] == "CrashLoopBackOff"])

    crashed = next(one for one in containers(admin, "docuchat-api") if one["lastState"])
    admin.set_image("docuchat-api", "2.14.3")

    assert crashed["lastState"]["terminated"]["exitCode"] == 3
    settle(admin)


def init_statuses(api: API) -> list[Json]:
    return [
        one for pod in api.pods_of("docuchat-api") for one in pod["status"].get("initContainerStatuses", [])
    ]


def test_an_init_container_runs_first_and_its_crash_keeps_the_others_waiting(
    admin: API, cluster: Address
) -> None:
    settle(admin)
    bring(
        cluster, workload="docuchat-api", container="migrate", fault="CrashLoopBackOff", message="no schema"
    )
    init = [{"name": "migrate", "image": "registry.docuchat.example/docuchat:2.16.0"}]
    admin.patch("deployments", "docuchat-api", {"spec": {"template": {"spec": {"initContainers": init}}}})

    until(lambda: [one for one in init_statuses(admin) if one["restartCount"] and "waiting" in one["state"]])

    pod = next(one for one in admin.pods_of("docuchat-api") if "initContainerStatuses" in one["status"])
    log = admin.http.get(
        admin.path("pods", f"{pod['metadata']['name']}/log"),
        params={"container": "migrate", "previous": "true"},
    )
    assert pod["status"]["phase"] == "Pending"
    assert condition(pod, "Initialized")["reason"] == "ContainersNotInitialized"
    assert "waiting" in pod["status"]["containerStatuses"][0]["state"]
    assert "no schema" in log.text
    end_faults(cluster)
    settle(admin)
    assert {one["state"]["terminated"]["exitCode"] for one in init_statuses(admin)} == {0}


def test_a_crashed_containers_logs_are_those_of_now_and_of_before(admin: API, cluster: Address) -> None:
    settle(admin)
    bring(cluster, workload="docuchat-api", fault="CrashLoopBackOff", message="the first word is the last")
    admin.set_image("docuchat-api", "2.16.0")

    def crashed() -> list[str]:
        pods = admin.pods_of("docuchat-api")
        return [
            pod["metadata"]["name"]
            for pod in pods
            if any(one["restartCount"] for one in pod["status"].get("containerStatuses", []))
        ]

    until(crashed)
    log = admin.path("pods", f"{crashed()[0]}/log")

    previous = admin.http.get(log, params={"previous": "true", "container": "api", "tailLines": "1"})
    healthy = next(one for one in admin.pods_of("docuchat-api") if one["metadata"]["name"] not in crashed())
    none = admin.http.get(
        admin.path("pods", f"{healthy['metadata']['name']}/log"), params={"previous": "true"}
    )

    assert "the first word is the last" in previous.text
    assert len(previous.text.splitlines()) == 1
    assert (none.status_code, none.json()["reason"]) == (400, "BadRequest")


def test_logs_can_be_asked_since_a_time_and_by_container(admin: API, cluster: Address) -> None:
    settle(admin)
    name = admin.pods_of("docuchat-api")[0]["metadata"]["name"]
    log = admin.path("pods", f"{name}/log")
    httpx.post(f"{cluster.url}/sandbox/logs", json={"pod": name, "lines": ["then"]}).raise_for_status()
    httpx.post(f"{cluster.url}/sandbox/clock", json={"advance_s": 60}).raise_for_status()
    httpx.post(f"{cluster.url}/sandbox/logs", json={"pod": name, "lines": ["now"]}).raise_for_status()

    recent = admin.http.get(log, params={"sinceSeconds": "30", "timestamps": "true"}).text.splitlines()
    wrong = admin.http.get(log, params={"container": "nobody"})

    assert [line for line in recent if line.endswith(" now")]
    assert not [line for line in recent if line.endswith(" then")]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ", line) for line in recent)
    assert (wrong.status_code, "nobody is not valid" in wrong.json()["message"]) == (400, True)


@pytest.mark.parametrize("replicas", [0, 4])
def test_a_paused_deployment_still_follows_its_size(admin: API, replicas: int) -> None:
    settle(admin)
    admin.patch("deployments", "docuchat-api", {"spec": {"paused": True, "replicas": replicas}}, MERGE)

    until(lambda: admin.get("deployments", "docuchat-api")["status"].get("replicas", 0) == replicas)

    progressing = condition(admin.get("deployments", "docuchat-api"), "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("Unknown", "DeploymentPaused")
    admin.patch("deployments", "docuchat-api", {"spec": {"paused": None}}, MERGE)
    settle(admin)
