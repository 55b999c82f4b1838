"""An emulator for the test session, as on its first day for each test, and a client for each account."""

import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from backend.sandbox.kubernetes.server import Address, running
from tests.waiting import until

Json = dict[str, Any]
TLS = ssl.create_default_context()
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class API:
    """A client that knows the addresses of DocuChat's namespace."""

    def __init__(self, address: Address, account: str) -> None:
        token = address.tokens[account]
        self._root = address.namespace
        headers = {"authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=address.url, headers=headers, timeout=20, verify=TLS)

    def path(self, plural: str, name: str = "") -> str:
        group = {"pods": "/api", "events": "/api", "secrets": "/api", "jobs": "/apis/batch"}.get(
            plural, "/apis/apps"
        )
        return f"{group}/v1/namespaces/{self._root}/{plural}{'/' + name if name else ''}"

    def items(self, plural: str, **query: str) -> list[Json]:
        answer = self.http.get(self.path(plural), params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def get(self, plural: str, name: str) -> Json:
        answer = self.http.get(self.path(plural, name))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def patch(
        self, plural: str, name: str, body: object, kind: str = STRATEGIC, **query: str
    ) -> httpx.Response:
        return self.http.patch(
            self.path(plural, name), json=body, headers={"content-type": kind}, params=query
        )

    def set_image(self, name: str, tag: str) -> None:
        container = name.removeprefix("docuchat-")
        containers = [{"name": container, "image": f"registry.docuchat.example/docuchat:{tag}"}]
        answer = self.patch("deployments", name, {"spec": {"template": {"spec": {"containers": containers}}}})
        assert answer.status_code == 200, answer.text

    def pods_of(self, name: str) -> list[Json]:
        return [pod for pod in self.items("pods") if pod["metadata"]["name"].startswith(f"{name}-")]


@pytest.fixture(scope="session")
def one_cluster() -> Iterator[Address]:
    with running() as address:
        yield address


@pytest.fixture
def cluster(one_cluster: Address) -> Address:
    httpx.post(f"{one_cluster.url}/sandbox/reset").raise_for_status()
    return one_cluster


@pytest.fixture
def viewer(cluster: Address) -> Iterator[API]:
    api = API(cluster, "portal-viewer")
    yield api
    api.http.close()


@pytest.fixture
def operator(cluster: Address) -> Iterator[API]:
    api = API(cluster, "portal-operator")
    yield api
    api.http.close()


@pytest.fixture
def admin(cluster: Address) -> Iterator[API]:
    api = API(cluster, "cluster-admin")
    yield api
    api.http.close()


def is_rolled_out(deployment: Json) -> bool:
    """The rule of ``kubectl rollout status``."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    if deployment["metadata"]["generation"] > status.get("observedGeneration", 0):
        return False
    return bool(updated >= wanted and total <= updated and status.get("availableReplicas", 0) >= updated)


def condition(deployment: Json, kind: str) -> Json:
    found = deployment.get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == kind), {})


def settle(api: API, name: str = "docuchat-api") -> Json:
    until(lambda: is_rolled_out(api.get("deployments", name)))
    return api.get("deployments", name)
