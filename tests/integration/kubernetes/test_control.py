"""The control door: an API that is slow, refuses, or is dead; permissions that are taken away; crowds."""

import json
import threading
import time
from itertools import islice

import httpx
import pytest

from backend.sandbox.kubernetes.server import Address
from tests.integration.kubernetes.conftest import API, Json, condition
from tests.waiting import until


def control(cluster: Address, path: str, method: str = "POST", **wanted: object) -> Json:
    answer = httpx.request(method, f"{cluster.url}/sandbox/{path}", json=wanted)
    answer.raise_for_status()
    return dict(answer.json())


def test_a_dead_api_answers_nothing_and_its_watches_break(cluster: Address, viewer: API) -> None:
    broken: list[Exception] = []

    def watch() -> None:
        try:
            with viewer.http.stream("GET", viewer.path("pods"), params={"watch": "true"}) as answer:
                for _ in answer.iter_lines():
                    watching.set()
        except httpx.HTTPError as error:
            broken.append(error)

    watching = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    assert watching.wait(20)

    control(cluster, "trouble", is_dead=True)
    thread.join(20)

    assert len(broken) == 1
    with pytest.raises(httpx.HTTPError):
        viewer.http.get("/version")
    control(cluster, "trouble", "DELETE")
    assert viewer.http.get("/version").status_code == 200


def test_a_slow_api_answers_late_and_a_refusing_one_with_its_status(cluster: Address, viewer: API) -> None:
    control(cluster, "trouble", delay_s=0.5)
    began = time.monotonic()
    slow = viewer.http.get("/version")
    took_s = time.monotonic() - began
    control(cluster, "trouble", delay_s=0, refuses_with=503)

    refused = viewer.http.get(viewer.path("pods"))

    assert (slow.status_code, took_s >= 0.5) == (200, True)
    assert (refused.status_code, refused.json()["kind"]) == (503, "Status")


def test_a_permission_can_be_taken_away_and_the_review_knows(
    cluster: Address, viewer: API, operator: API
) -> None:
    def review() -> bool:
        attributes = {"namespace": "docuchat", "verb": "patch", "group": "apps", "resource": "deployments"}
        user = "system:serviceaccount:docuchat-runbooks:portal-operator"
        spec = {"user": user, "resourceAttributes": attributes | {"name": "docuchat-api"}}
        path = "/apis/authorization.k8s.io/v1/namespaces/docuchat/localsubjectaccessreviews"
        return bool(viewer.http.post(path, json={"spec": spec}).json()["status"]["allowed"])

    before = review()
    denied = {"account": "portal-operator", "verb": "patch", "resource": "deployments"}
    httpx.post(f"{cluster.url}/sandbox/denied", json=denied).raise_for_status()

    assert (before, review()) == (True, False)
    assert operator.patch("deployments", "docuchat-api", {}).status_code == 403


def test_calls_are_counted_and_open_watches_too(cluster: Address, viewer: API) -> None:
    viewer.items("pods")
    viewer.items("pods")
    query = {"watch": "true", "timeoutSeconds": "30"}
    with viewer.http.stream("GET", viewer.path("deployments"), params=query) as answer:
        lines = answer.iter_lines()
        next(lines)
        counted = control(cluster, "calls", "GET")

    assert counted["calls"]["list pods"] == 2
    assert counted["open_watches"]["deployments"] == 1


def test_a_crowd_comes_up_and_churns_at_the_wanted_rate(cluster: Address, viewer: API) -> None:
    control(cluster, "crowd", workloads=3, pods=30)
    until(lambda: control(cluster, "crowd", "GET")["ready_pods"] == 30)
    version = viewer.http.get(viewer.path("pods")).json()["metadata"]["resourceVersion"]
    query = {"watch": "true", "resourceVersion": version}

    control(cluster, "churn", changes_per_s=50)
    with viewer.http.stream("GET", viewer.path("pods"), params=query) as answer:
        told = (json.loads(line) for line in answer.iter_lines())
        crowd = (one for one in told if one["object"]["metadata"]["name"].startswith("crowd-"))
        changes = list(islice(crowd, 20))

    assert {one["type"] for one in changes} == {"MODIFIED"}
    readiness = [condition(one["object"], "Ready")["status"] for one in changes]
    assert set(readiness) == {"False"}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("faults", {"workload": "x", "fault": "Bored"}), ("faults", {"fault": "OOMKilled"}), ("clock", {})],
)
def test_a_wish_that_makes_no_sense_is_refused(cluster: Address, path: str, wanted: Json) -> None:
    assert httpx.post(f"{cluster.url}/sandbox/{path}", json=wanted).status_code == 400
