"""Rollouts move, get stuck and recover as they do in a real cluster; jobs run and end."""

import time

import httpx
import pytest

from backend.sandbox.kubernetes.server import Address
from tests.integration.kubernetes.conftest import API, JSON_PATCH, MERGE, Json, condition, settle
from tests.waiting import until

JOB: Json = {
    "metadata": {"name": "restore-7"},
    "spec": {
        "backoffLimit": 0,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "r"}]}},
    },
}


def stick(cluster: Address, workload: str, fault: str) -> None:
    wanted = {"workload": workload, "fault": fault}
    httpx.post(f"{cluster.url}/sandbox/faults", json=wanted).raise_for_status()


def advance(cluster: Address, seconds: float) -> None:
    httpx.post(f"{cluster.url}/sandbox/clock", json={"advance_s": seconds}).raise_for_status()


def waiting_reasons(api: API, name: str) -> set[str]:
    statuses = [one for pod in api.pods_of(name) for one in pod["status"].get("containerStatuses", [])]
    return {one["state"]["waiting"]["reason"] for one in statuses if "waiting" in one["state"]}


def finished(api: API) -> Json:
    until(lambda: api.get("jobs", "restore-7").get("status", {}).get("conditions"))
    return dict(api.get("jobs", "restore-7")["status"])


def test_a_new_image_replaces_every_pod_and_never_too_many_at_once(admin: API) -> None:
    settle(admin)
    available = []

    def is_done() -> bool:
        deployment = admin.get("deployments", "docuchat-api")
        available.append(deployment["status"].get("availableReplicas", 0))
        pods = admin.pods_of("docuchat-api")
        images = {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods}
        return images == {"2.15.0"} and len(pods) == 3

    admin.set_image("docuchat-api", "2.15.0")
    until(is_done)

    assert min(available) >= 3
    settle(admin)
    assert (
        condition(admin.get("deployments", "docuchat-api"), "Progressing")["reason"]
        == "NewReplicaSetAvailable"
    )


def test_each_template_is_a_revision_and_going_back_makes_it_the_newest(admin: API) -> None:
    first = settle(admin)["spec"]["template"]
    admin.set_image("docuchat-api", "2.15.0")
    settle(admin)

    back = [{"op": "replace", "path": "/spec/template", "value": first}]
    admin.patch("deployments", "docuchat-api", back, JSON_PATCH)
    settle(admin)
    until(lambda: revisions(admin) == ["2", "3"])

    assert admin.get("deployments", "docuchat-api")["metadata"]["annotations"][REVISION] == "3"


REVISION = "deployment.kubernetes.io/revision"


def revisions(api: API) -> list[str]:
    sets = [one for one in api.items("replicasets") if one["metadata"]["name"].startswith("docuchat-api-")]
    return sorted(one["metadata"]["annotations"][REVISION] for one in sets)


def test_scaling_by_the_subresource_makes_and_ends_pods(admin: API) -> None:
    settle(admin)

    answer = admin.patch("deployments", "docuchat-api/scale", {"spec": {"replicas": 5}}, MERGE)
    until(lambda: len(admin.pods_of("docuchat-api")) == 5)
    admin.patch("deployments", "docuchat-api/scale", {"spec": {"replicas": 0}}, MERGE)
    until(lambda: not admin.pods_of("docuchat-api"))

    assert (answer.json()["kind"], answer.json()["spec"]) == ("Scale", {"replicas": 5})


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError"])
def test_a_stuck_rollout_keeps_the_old_pods_and_says_why(admin: API, cluster: Address, reason: str) -> None:
    settle(admin)
    stick(cluster, "docuchat-api", reason)

    admin.set_image("docuchat-api", "2.16.0")
    until(lambda: waiting_reasons(admin, "docuchat-api") == {reason})

    deployment = admin.get("deployments", "docuchat-api")
    assert deployment["status"]["availableReplicas"] == 3
    assert deployment["status"]["updatedReplicas"] < 3
    warnings = [one for one in admin.items("events") if one["type"] == "Warning"]
    assert warnings[0]["involvedObject"]["name"].startswith("docuchat-api-")


def test_an_image_that_does_not_exist_cannot_be_pulled(admin: API) -> None:
    settle(admin)

    admin.set_image("docuchat-api", "missing")

    until(lambda: waiting_reasons(admin, "docuchat-api") == {"ImagePullBackOff"})


def test_pods_without_a_node_stay_pending(admin: API, cluster: Address) -> None:
    settle(admin)
    stick(cluster, "docuchat-api", "Unschedulable")

    admin.set_image("docuchat-api", "2.16.0")

    until(lambda: [one for pod in admin.pods_of("docuchat-api") if (one := unscheduled(pod))])
    pending = [one for pod in admin.pods_of("docuchat-api") if (one := unscheduled(pod))]
    assert pending[0]["reason"] == "Unschedulable"
    assert pending[0]["message"].startswith("0/4 nodes are available: 4 Insufficient memory.")
    assert not any("Scheduling" in one["reason"] for one in admin.items("events"))


def unscheduled(pod: Json) -> Json | None:
    found = pod["status"].get("conditions", [])
    return next((one for one in found if one["type"] == "PodScheduled" and one["status"] == "False"), None)


def test_a_crashing_container_shows_its_last_end_and_its_log(admin: API, cluster: Address) -> None:
    settle(admin)
    stick(cluster, "docuchat-api", "CrashLoopBackOff")
    admin.set_image("docuchat-api", "2.16.0")
    until(lambda: waiting_reasons(admin, "docuchat-api") == {"CrashLoopBackOff"})

    crashed = next(pod for pod in admin.pods_of("docuchat-api") if status_of(pod)["lastState"])
    log = admin.path("pods", f"{crashed['metadata']['name']}/log")

    assert status_of(crashed)["lastState"]["terminated"]["exitCode"] == 1
    assert status_of(crashed)["restartCount"] >= 1
    assert "could not start" in admin.http.get(log, params={"previous": "true"}).text


def status_of(pod: Json) -> Json:
    return next(iter(pod["status"].get("containerStatuses", [])), {"lastState": {}, "state": {}})


def test_a_rollout_that_stays_stuck_exceeds_its_deadline_and_recovers_when_freed(
    admin: API, cluster: Address
) -> None:
    settle(admin)
    stick(cluster, "docuchat-api", "ImagePullBackOff")
    admin.set_image("docuchat-api", "2.16.0")
    until(lambda: waiting_reasons(admin, "docuchat-api"))

    def is_late() -> bool:
        # The controller may still have been counting pods: whatever moves begins the ten minutes anew.
        advance(cluster, 601)
        return progress(admin) == ("False", "ProgressDeadlineExceeded")

    until(is_late)
    httpx.request("DELETE", f"{cluster.url}/sandbox/faults").raise_for_status()

    settle(admin)
    until(lambda: progress(admin) == ("True", "NewReplicaSetAvailable"))


def progress(api: API) -> tuple[str, str]:
    found = condition(api.get("deployments", "docuchat-api"), "Progressing")
    return found.get("status", ""), found.get("reason", "")


def test_a_paused_deployment_rolls_nothing_out(admin: API) -> None:
    settle(admin)
    admin.patch("deployments", "docuchat-api", {"spec": {"paused": True}})

    admin.set_image("docuchat-api", "2.16.0")
    until(lambda: admin.get("deployments", "docuchat-api")["status"]["observedGeneration"] >= 3)

    images = {pod["spec"]["containers"][0]["image"] for pod in admin.pods_of("docuchat-api")}
    assert not any("2.16.0" in image for image in images)


def test_a_deleted_pod_is_replaced(admin: API) -> None:
    settle(admin)
    name = admin.pods_of("docuchat-ingest")[0]["metadata"]["name"]

    admin.http.delete(admin.path("pods", name))

    until(lambda: [pod["metadata"]["name"] for pod in admin.pods_of("docuchat-ingest")] not in ([], [name]))
    settle(admin, "docuchat-ingest")


def test_a_job_runs_writes_and_completes(admin: API) -> None:
    created = admin.http.post(admin.path("jobs"), json=JOB)
    until(lambda: admin.items("pods", labelSelector="job-name=restore-7"))
    pod = admin.items("pods", labelSelector="job-name=restore-7")[0]["metadata"]["name"]
    until(lambda: admin.http.get(admin.path("pods", f"{pod}/log")).status_code == 200)

    log = admin.http.get(admin.path("pods", f"{pod}/log"), params={"follow": "true"}).text

    assert created.status_code == 201
    assert [line.partition("step ")[2][:2].strip() for line in log.splitlines()] == [
        str(n) for n in range(1, 11)
    ]
    assert finished(admin)["succeeded"] == 1


def test_a_job_can_be_made_to_fail(admin: API, cluster: Address) -> None:
    httpx.post(f"{cluster.url}/sandbox/failing-jobs", json={"job": "restore-7"}).raise_for_status()

    admin.http.post(admin.path("jobs"), json=JOB)

    assert finished(admin)["conditions"][0]["type"] == "Failed"


def test_the_same_job_twice_is_the_same_job(admin: API) -> None:
    answers = [admin.http.post(admin.path("jobs"), json=JOB) for _ in range(2)]

    assert [one.status_code for one in answers] == [201, 409]
    assert answers[1].json()["reason"] == "AlreadyExists"


def test_a_job_past_its_deadline_fails(admin: API, cluster: Address) -> None:
    admin.http.post(admin.path("jobs"), json=JOB | {"spec": JOB["spec"] | {"activeDeadlineSeconds": 1}})
    until(lambda: admin.items("pods", labelSelector="job-name=restore-7"))

    # The pod's own three seconds must not be over before the deadline is seen.
    until(lambda: finished(admin)["conditions"][0]["reason"] == "DeadlineExceeded")
    until(lambda: not admin.items("pods", labelSelector="job-name=restore-7"))


def test_a_job_that_is_deleted_without_a_policy_leaves_its_pod(admin: API) -> None:
    admin.http.post(admin.path("jobs"), json=JOB)
    until(lambda: admin.items("pods", labelSelector="job-name=restore-7"))

    admin.http.delete(admin.path("jobs", "restore-7"))

    pod = admin.items("pods", labelSelector="job-name=restore-7")[0]
    assert "deletionTimestamp" not in pod["metadata"]
    assert pod["metadata"]["ownerReferences"] == []


def test_a_deleted_jobs_pod_goes_a_while_after_it(admin: API) -> None:
    admin.http.post(admin.path("jobs"), json=JOB)
    until(lambda: [one for one in admin.items("pods", labelSelector="job-name=restore-7") if is_running(one)])
    began = time.monotonic()

    admin.http.request("DELETE", admin.path("jobs", "restore-7"), json={"propagationPolicy": "Background"})

    assert admin.http.get(admin.path("jobs", "restore-7")).status_code == 404
    until(lambda: not admin.items("pods", labelSelector="job-name=restore-7"))
    assert time.monotonic() - began >= 0.3


def is_running(pod: Json) -> bool:
    return bool(pod["status"]["phase"] == "Running")
