"""A cluster for the session, and for each test the portal's view of it as on the first day."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend import config
from backend.actor import Actor, Role
from backend.deploys import service
from backend.deploys.types import ClusterHealth, StuckReason, WorkloadId, WorkloadKind, WorkloadSummary
from backend.sandbox.kubernetes.server import Address, running
from tests.waiting import until

OPERATOR = Actor(name="reza@example.com", role=Role.OPERATOR)
PROCESS = Actor.process_named("cluster_view")
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


@dataclass(frozen=True, slots=True)
class Site:
    """The emulator: its console, and its API with all rights."""

    address: Address
    http: httpx.Client

    def console(self, path: str, method: str = "POST", **wanted: Any) -> Any:
        answer = self.http.request(method, f"/sandbox/{path}", json=wanted)
        answer.raise_for_status()
        return answer.json()

    def path(self, plural: str, name: str = "", namespace: str = "") -> str:
        group = {"pods": "/api", "events": "/api", "namespaces": "/api", "jobs": "/apis/batch"}
        home = f"/namespaces/{namespace or self.address.namespace}"
        return f"{group.get(plural, '/apis/apps')}/v1{home}/{plural}{f'/{name}' if name else ''}"

    def items(self, plural: str) -> list[dict[str, Any]]:
        answer = self.http.get(self.path(plural))
        answer.raise_for_status()
        return list(answer.json()["items"])

    def change(self, name: str, *, kind: str = STRATEGIC, plural: str = "deployments", **patch: Any) -> None:
        headers = {"content-type": kind}
        self.http.patch(self.path(plural, name), json=patch, headers=headers).raise_for_status()

    def change_container(self, name: str, plural: str = "deployments", **container: Any) -> None:
        found = self.http.get(self.path(plural, name)).json()
        first = found["spec"]["template"]["spec"]["containers"][0]["name"]
        containers = [{"name": first} | container]
        self.change(name, plural=plural, spec={"template": {"spec": {"containers": containers}}})

    def delete(self, plural: str, name: str) -> None:
        self.http.delete(self.path(plural, name)).raise_for_status()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFile:
    """The emulator of the session, and the kubeconfig that leads to it."""

    address: Address
    kubeconfig: Path


@pytest.fixture(scope="session")
def cluster_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterFile]:
    path = tmp_path_factory.mktemp("cluster") / "kubeconfig"
    with running(path) as address:
        yield ClusterFile(address=address, kubeconfig=path)


@pytest.fixture
def site(cluster_file: ClusterFile, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The cluster as on its first day; the settings of this test lead to it."""
    address = cluster_file.address
    tls = ssl.create_default_context(cafile=str(cluster_file.kubeconfig.parent / "kubernetes.crt"))
    headers = {"authorization": f"Bearer {address.tokens['cluster-admin']}"}
    with httpx.Client(base_url=address.url, headers=headers, verify=tls, timeout=20) as http:
        console = Site(address, http)
        for path in ("trouble", "faults", "denied", "failing-jobs"):
            console.console(path, "DELETE")
        console.console("reset")
        monkeypatch.setenv("KUBECONFIG", str(cluster_file.kubeconfig))
        monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1/nothing")
        config.settings.cache_clear()
        yield console
        console.console("trouble", "DELETE")
        service.close_cluster(PROCESS)
        config.settings.cache_clear()


@pytest.fixture
def view(site: Site) -> Site:
    """The same, with a view of a cluster in which every rollout is done."""
    until(lambda: health().is_complete and lines().keys() >= wanted_workloads(site))
    until(lambda: {one.rollout.state for one in lines().values()} == {"done"})
    return site


def wanted_workloads(site: Site) -> set[str]:
    plurals = ("deployments", "statefulsets", "daemonsets")
    return {one["metadata"]["name"] for plural in plurals for one in site.items(plural)}


def health() -> ClusterHealth:
    return service.cluster_health(OPERATOR)


def lines() -> dict[str, WorkloadSummary]:
    return {one.id.name: one for one in service.workloads(OPERATOR).items}


def state(name: str) -> str:
    found = lines().get(name)
    return found.rollout.state if found else ""


def reason(name: str) -> StuckReason | None:
    found = lines().get(name)
    return found.rollout.reason if found else None


def named(name: str, kind: WorkloadKind = WorkloadKind.DEPLOYMENT) -> WorkloadId:
    return WorkloadId(namespace="docuchat", kind=kind, name=name)


def is_true(*holds: Callable[[], object]) -> Callable[[], bool]:
    """Whether all of these hold now."""
    return lambda: all(each() for each in holds)
