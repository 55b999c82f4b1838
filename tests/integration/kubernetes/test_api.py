"""The emulator answers as an API server does."""

import base64
import json
import shutil
import ssl
import threading
from pathlib import Path

import httpx
import pytest

from backend.sandbox.kubernetes.server import Address, running
from tests.integration.kubernetes.conftest import API, JSON_PATCH, MERGE, Json, settle
from tests.waiting import until


def test_nobody_gets_anything_without_a_known_token(cluster: Address, viewer: API) -> None:
    path = f"{cluster.url}{viewer.path('pods')}"
    headers = [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic eDp5"}]

    answers = [httpx.get(path, headers=one) for one in headers]

    assert [one.status_code for one in answers] == [401] * 3
    assert answers[0].json()["reason"] == "Unauthorized"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/api/v1", "APIResourceList"),
        ("/apis/apps/v1", "APIResourceList"),
        ("/apis/batch/v1", "APIResourceList"),
        ("/apis/authorization.k8s.io/v1", "APIResourceList"),
    ],
)
def test_clients_can_discover_what_there_is(viewer: API, path: str, kind: str) -> None:
    assert viewer.http.get(path).json()["kind"] == kind


def test_it_tells_its_version(viewer: API) -> None:
    assert viewer.http.get("/version").json()["gitVersion"].startswith("v1.")


def test_docuchat_is_there_and_comes_up(viewer: API) -> None:
    for deployment in viewer.items("deployments"):
        settle(viewer, deployment["metadata"]["name"])

    until(lambda: {pod["status"]["phase"] for pod in viewer.items("pods")} == {"Running"})
    assert len(viewer.pods_of("docuchat-log-agent")) == 3


@pytest.mark.parametrize(
    ("account", "call", "status"),
    [
        ("portal-viewer", "GET deployments docuchat-api", 200),
        ("portal-viewer", "PATCH deployments docuchat-api", 403),
        ("portal-viewer", "GET deployments docuchat-api/scale", 403),
        ("portal-viewer", "GET secrets ", 403),
        ("portal-operator", "PATCH deployments docuchat-api", 200),
        ("portal-operator", "PATCH deployments docuchat-another", 403),
        ("portal-operator", "GET deployments docuchat-api/scale", 403),
        ("portal-operator", "GET secrets docuchat-openai", 403),
        ("portal-operator", "GET secrets ", 403),
        ("portal-operator", "PATCH secrets docuchat-openai", 200),
        ("portal-operator", "PATCH secrets docuchat-portal", 403),
        ("portal-operator", "DELETE deployments docuchat-api", 403),
        ("cluster-admin", "GET secrets docuchat-database", 200),
    ],
)
def test_each_account_may_do_what_it_needs_and_no_more(
    cluster: Address, account: str, call: str, status: int
) -> None:
    api = API(cluster, account)
    method, plural, name = call.split(" ")
    body = None if method == "GET" else "{}"

    answer = api.http.request(method, api.path(plural, name), content=body, headers={"content-type": MERGE})
    api.http.close()

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        ({"verb": "patch", "group": "apps", "resource": "deployments", "name": "docuchat-api"}, True),
        ({"verb": "patch", "group": "apps", "resource": "deployments", "name": "docuchat-another"}, False),
        ({"verb": "get", "resource": "pods", "subresource": "log"}, False),
        ({"verb": "list", "resource": "secrets"}, False),
        ({"verb": "patch", "group": "apps", "resource": "deployments"}, False),
        ({"verb": "list", "resource": "pods", "namespace": "kube-system"}, False),
    ],
)
def test_anybody_may_ask_what_it_may_do(operator: API, wanted: Json, *, allowed: bool) -> None:
    attributes = {"namespace": "docuchat"} | wanted
    review = {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}

    answer = operator.http.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)

    assert (answer.status_code, answer.json()["status"]["allowed"]) == (201, allowed)


def test_the_three_kinds_of_patch_do_the_same(operator: API) -> None:
    def replicas() -> object:
        return operator.get("deployments", "docuchat-worker")["spec"]["replicas"]

    seen = []
    for number, kind in enumerate((MERGE, "application/strategic-merge-patch+json"), 3):
        operator.patch("deployments", "docuchat-worker", {"spec": {"replicas": number}}, kind)
        seen.append(replicas())
    operation = {"op": "replace", "path": "/spec/replicas", "value": 5}
    operator.patch("deployments", "docuchat-worker", [operation], JSON_PATCH)

    assert [*seen, replicas()] == [3, 4, 5]


@pytest.mark.parametrize("replicas", [-1, "many"])
def test_an_impossible_size_is_invalid(operator: API, replicas: object) -> None:
    answer = operator.patch("deployments", "docuchat-api/scale", {"spec": {"replicas": replicas}}, MERGE)

    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")


def test_an_unknown_name_or_patch_or_body_is_refused_by_its_reason(operator: API, viewer: API) -> None:
    text = operator.patch("deployments", "docuchat-api", {}, "text/plain")
    broken = operator.http.patch(operator.path("deployments", "docuchat-api"), content=b"{")
    binary = operator.http.post(
        operator.path("jobs"),
        content=b"k8s\x00",
        headers={"content-type": "application/vnd.kubernetes.protobuf"},
    )

    assert viewer.http.get(viewer.path("deployments", "nobody")).json()["reason"] == "NotFound"
    assert [text.status_code, broken.status_code, binary.status_code] == [415, 400, 415]
    assert viewer.http.get(viewer.path("deployments", "docuchat-api/nothing")).status_code == 403


def watched(api: API, plural: str, changes: list[Json], **query: str) -> threading.Thread:
    def read() -> None:
        with api.http.stream(
            "GET", api.path(plural), params={"watch": "true", "timeoutSeconds": "2", **query}
        ) as answer:
            changes.extend(json.loads(line) for line in answer.iter_lines())

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def test_a_watch_tells_first_what_is_there_and_then_what_changes(viewer: API, operator: API) -> None:
    settle(viewer)
    changes: list[Json] = []
    reader = watched(viewer, "deployments", changes, fieldSelector="metadata.name=docuchat-api")

    operator.set_image("docuchat-api", "2.15.1")
    reader.join(20)

    assert [changes[0]["type"], {one["type"] for one in changes[1:]}] == ["ADDED", {"MODIFIED"}]
    images = [one["object"]["spec"]["template"]["spec"]["containers"][0]["image"] for one in changes]
    assert images[-1].endswith(":2.15.1")


def test_a_kubeconfig_leads_to_it_and_its_tokens_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    with running(path) as first:
        config = json.loads(path.read_text())
        entry, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
        trust = ssl.create_default_context()
        if "certificate-authority-data" in entry:
            trust.load_verify_locations(cadata=base64.b64decode(entry["certificate-authority-data"]).decode())
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx.get(f"{entry['server']}/version", headers=headers, verify=trust)
    with running(path) as second:
        pass

    assert answer.status_code == 200
    assert first.tokens == second.tokens
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_kubeconfig_means_tls_for_kubectl_sends_no_token_without(tmp_path: Path) -> None:
    with running(tmp_path / "kubeconfig") as address:
        assert address.url.startswith("https://" if shutil.which("openssl") else "http://")


def test_logs_can_be_read_followed_and_cut(viewer: API) -> None:
    settle(viewer)
    name = viewer.pods_of("docuchat-api")[0]["metadata"]["name"]
    path = viewer.path("pods", f"{name}/log")
    until(lambda: len(viewer.http.get(path).text.splitlines()) >= 2)

    plain, last = viewer.http.get(path).text, viewer.http.get(path, params={"tailLines": "1"}).text
    stamped = viewer.http.get(path, params={"timestamps": "true"}).text.splitlines()[0]

    assert all(json.loads(line)["pod"] == name for line in plain.splitlines())
    assert len(last.splitlines()) == 1
    assert stamped.partition(" ")[0].endswith("000Z")
