"""An API server under contract: the emulator always, and a real one when KUBECONFIG_IT names its kubeconfig."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from lightkube import Client, KubeConfig
from lightkube.config import client_adapter
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.models import User

from backend.sandbox.kubernetes.server import running
from tests.waiting import until

Json = dict[str, Any]
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
SERVERS = ["emulator", *(["real"] if "KUBECONFIG_IT" in os.environ else [])]
_GROUPS = {"deployments": "apps", "replicasets": "apps", "statefulsets": "apps", "jobs": "batch"}
IMAGE = "registry.k8s.io/pause:3.10"


class Server:
    """A server, and the namespaces that a test has made there: they go when it ends."""

    def __init__(self, kubeconfig: Path, context: str | None, *, is_real: bool = False) -> None:
        self.is_real = is_real
        config = KubeConfig.from_file(str(kubeconfig)).get(context)
        assert config is not None
        self._config = config
        self.lightkube = Client(config=config)
        self.http: httpx2.Client = self._client(config.user)
        self.made: list[str] = []
        self.namespace = self.new_namespace()

    def stranger(self) -> httpx2.Client:
        """A client whose token nobody gave it."""
        return self._client(User(token="unknown"))

    def _client(self, user: User | None) -> httpx2.Client:
        params = ConnectionParams(timeout=httpx2.Timeout(30))
        return client_adapter.Client(self._config._replace(user=user), params)

    def new_namespace(self, **labels: str) -> str:
        name = f"portal-contract-{secrets.token_hex(4)}"
        named = {"metadata": {"name": name, "labels": {"made-by": "contract"} | labels}}
        assert self.http.post("/api/v1/namespaces", json=named).status_code == 201
        self.made.append(name)
        return name

    def close(self) -> None:
        for name in self.made:
            self.http.delete(f"/api/v1/namespaces/{name}")
        until(lambda: all(self.http.get(f"/api/v1/namespaces/{one}").status_code == 404 for one in self.made))
        self.http.close()
        self.lightkube.close()

    def path(self, plural: str, name: str = "", namespace: str = "") -> str:
        root = f"/apis/{_GROUPS[plural]}/v1" if plural in _GROUPS else "/api/v1"
        return f"{root}/namespaces/{namespace or self.namespace}/{plural}{'/' + name if name else ''}"

    def create(self, plural: str, wanted: Json, namespace: str = "", **query: str) -> httpx2.Response:
        return self.http.post(self.path(plural, namespace=namespace), json=wanted, params=query)

    def made_of(self, plural: str, wanted: Json, namespace: str = "") -> Json:
        answer = self.create(plural, wanted, namespace)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def get(self, plural: str, name: str, namespace: str = "") -> Json:
        answer = self.http.get(self.path(plural, name, namespace))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def items(self, plural: str, namespace: str = "", **query: str) -> list[Json]:
        answer = self.http.get(self.path(plural, namespace=namespace), params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def patch(
        self, plural: str, name: str, body: object, kind: str = STRATEGIC, **query: str
    ) -> httpx2.Response:
        headers = {"content-type": kind}
        return self.http.patch(self.path(plural, name), json=body, headers=headers, params=query)


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[Server]:
    """A server of this kind, without what the tests made there once they are done."""
    if kind == "real":
        server = Server(Path(os.environ["KUBECONFIG_IT"]), None, is_real=True)
        try:
            yield server
        finally:
            server.close()
        return
    with running(folder / "kubeconfig"):
        server = Server(folder / "kubeconfig", "cluster-admin")
        try:
            yield server
        finally:
            server.close()


def deployment(name: str, *, replicas: int = 0, **spec: Any) -> Json:
    labels = {"app": name}
    selector = {"matchLabels": dict(labels)}
    container = {"name": "main", "image": IMAGE}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}}
    wanted = {"replicas": replicas, "selector": selector, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": wanted | spec,
    }


def job(name: str) -> Json:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": IMAGE}]}}
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template}}


def condition(subject: Json, kind: str) -> Json:
    found = subject.get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == kind), {})
