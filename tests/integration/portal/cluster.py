"""A cluster that the portal watches: the emulator, for the session, and for each test as on its first day."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend import config
from backend.actor import Actor, Role
from backend.deploys import service as deploys
from backend.deploys.types import WorkloadDetail, WorkloadId, WorkloadKind
from backend.errors import NotFound, Unavailable
from backend.sandbox.kubernetes.server import Address, running
from portal.features.deploys import detail_queries, queries
from tests.waiting import until

NAMESPACE = "docuchat"
SECRET = "a-token-that-nobody-may-read"
OPERATOR = Actor(name="operator@people.example", role=Role.OPERATOR)
PROCESS = Actor.process_named("test")
STRATEGIC = "application/strategic-merge-patch+json"


class Cluster:
    """The emulator, with a pod that says what a test wants."""

    def __init__(self, kubeconfig: Path, address: Address) -> None:
        self.kubeconfig = kubeconfig
        tls = ssl.create_default_context(cafile=str(kubeconfig.parent / "kubernetes.crt"))
        self.http = httpx.Client(base_url=address.url, verify=tls, timeout=20)
        # Whoever deploys is another than who watches.
        self.rights = {"authorization": f"Bearer {address.tokens['cluster-admin']}"}
        self.pod = ""

    def say(self, *lines: str) -> None:
        self.control("logs", {"pod": self.pod, "lines": list(lines)})

    def cut(self) -> None:
        self.control("cut", {})

    def control(self, what: str, wanted: dict[str, Any]) -> None:
        self.http.post(f"/sandbox/{what}", json=wanted).raise_for_status()

    def set_image(self, workload: str, tag: str, **container: Any) -> None:
        """Roll out another image, and what else a container is to have."""
        image = f"registry.docuchat.example/docuchat:{tag}"
        changed = {"name": workload.removeprefix("docuchat-"), "image": image, **container}
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{workload}"
        patch = {"spec": {"template": {"spec": {"containers": [changed]}}}}
        self.http.patch(
            path, json=patch, headers={"content-type": STRATEGIC, **self.rights}
        ).raise_for_status()


@pytest.fixture(scope="session")
def one_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    kubeconfig = tmp_path_factory.mktemp("cluster") / "kubeconfig"
    with running(kubeconfig) as address:
        cluster = Cluster(kubeconfig, address)
        with cluster.http:
            yield cluster


@pytest.fixture
def cluster(one_cluster: Cluster, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    del database
    one_cluster.control("reset", {})
    monkeypatch.setenv("KUBECONFIG", str(one_cluster.kubeconfig))
    monkeypatch.setenv("METRICS_TOKEN", SECRET)
    config.settings.cache_clear()
    # Another view of the cluster counts its versions from the beginning.
    for module, kept in ((queries, "_views"), (detail_queries, "_pages")):
        monkeypatch.setattr(module, kept, queries.SharedViews())
    try:
        until(lambda: _ready_pods("docuchat-api"))
        one_cluster.pod = _ready_pods("docuchat-api")[0]
        yield one_cluster
    finally:
        deploys.close_cluster(PROCESS)
        config.settings.cache_clear()


def workload(name: str) -> WorkloadDetail | None:
    """A Deployment as the portal's view knows it by now."""
    wanted = WorkloadId(namespace=NAMESPACE, kind=WorkloadKind.DEPLOYMENT, name=name)
    try:
        return deploys.workload(OPERATOR, wanted)
    except (NotFound, Unavailable):  # the second until the cluster was read
        return None


def _ready_pods(name: str) -> list[str]:
    found = workload(name)
    return [pod.id.name for pod in found.pods if pod.is_ready] if found else []
