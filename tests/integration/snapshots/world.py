"""The database server of a cluster, as its chart installs it, and what a test does with it."""

import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg

from backend.sandbox.kubernetes.postgres_image import NAME
from backend.sandbox.kubernetes.server import Address
from backend.sandbox.postgres import PostgresServer
from tests.waiting import until

DATABASE = "portal"
SERVER = "docuchat-postgresql"
HOME = "/namespaces/docuchat"
SNAPSHOTS = f"/apis/snapshot.storage.k8s.io/v1{HOME}/volumesnapshots"
CLAIMS = f"/api/v1{HOME}/persistentvolumeclaims"
SERVICES = f"/api/v1{HOME}/services"
PODS = f"/api/v1{HOME}/pods"
SETS = f"/apis/apps/v1{HOME}/statefulsets"
QUOTAS = f"/api/v1{HOME}/resourcequotas"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
LABELS = {"app.kubernetes.io/name": "docuchat", "app.kubernetes.io/component": "postgres"}
CLAIM = {
    "accessModes": ["ReadWriteOnce"],
    "storageClassName": "fast",
    "resources": {"requests": {"storage": "8Gi"}},
}
Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A cluster, spoken to as its administrator, and the server that its database was copied from."""

    cluster: Address
    http: httpx.Client
    template: PostgresServer

    @classmethod
    @contextmanager
    def begun(cls, cluster: Address, kubeconfig: Path, template: PostgresServer) -> Iterator[Self]:
        """A cluster as on its first day, with the database server ready."""
        tls = ssl.create_default_context(cafile=str(kubeconfig.parent / "kubernetes.crt"))
        headers = {"authorization": f"Bearer {cluster.tokens['cluster-admin']}"}
        with httpx.Client(base_url=cluster.url, headers=headers, verify=tls, timeout=20) as http:
            world = cls(cluster=cluster, http=http, template=template)
            world.console("reset")
            world.install()
            try:
                yield world
            finally:
                world.console("reset")

    def console(self, what: str, **wanted: object) -> None:
        """Do something at the emulator's console."""
        self.http.post(f"/sandbox/{what}", json=wanted).raise_for_status()

    def get(self, path: str) -> Object:
        """An object."""
        found: Object = self.http.get(path).raise_for_status().json()
        return found

    def names(self, path: str) -> list[str]:
        """The names of all objects of a kind."""
        return sorted(one["metadata"]["name"] for one in self.get(path)["items"])

    def create(self, path: str, name: str, **content: object) -> Object:
        """Create an object."""
        made: Object = (
            self.http.post(path, json={"metadata": {"name": name}, **content}).raise_for_status().json()
        )
        return made

    def patch(self, path: str, patch: Object) -> None:
        """Merge a patch into an object."""
        kind = {"content-type": "application/merge-patch+json"}
        self.http.patch(path, json=patch, headers=kind).raise_for_status()

    def install(self) -> None:
        """Install the database server: storage class, claim with data, StatefulSet, Service."""
        # Bound before there is a pod, because its volume is filled from here; any later claim waits for its pod.
        self.create(CLASSES, "fast", provisioner="sandbox", volumeBindingMode="Immediate")
        claim = self.create(CLAIMS, f"data-{SERVER}-0", spec=CLAIM)
        until(lambda: self.get(f"{CLAIMS}/data-{SERVER}-0")["status"]["phase"] == "Bound")
        self.http.delete(f"{CLASSES}/fast").raise_for_status()
        self.create(CLASSES, "fast", provisioner="sandbox", volumeBindingMode="WaitForFirstConsumer")
        folder = self.cluster.cluster.volumes.folder(claim)
        subprocess.run(["cp", "-a", f"{self.template.data_dir}/.", str(folder)], check=True)
        subprocess.run(["chown", "--reference", str(self.template.data_dir), str(folder)], check=True)
        self.create(SETS, SERVER, spec=server_spec())
        self.create(
            SERVICES, SERVER, spec={"selector": LABELS, "ports": [{"port": 5432, "targetPort": "postgresql"}]}
        )
        until(self.answers)

    def answers(self) -> bool:
        """Whether the database answers through the Service."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def url(self) -> str:
        """The address of the portal's database, by the Service."""
        return self.url_at(self.get(f"{SERVICES}/{SERVER}")["spec"]["clusterIP"])

    def url_at(self, host: str, database: str = DATABASE) -> str:
        """The address of a database at a server, the portal's unless another is named."""
        return self.template.url(database).replace(f"127.0.0.1:{self.template.port}", f"{host}:5432")

    def address(self, server: str) -> str:
        """The address of a server's pod."""
        return str(self.get(f"{PODS}/{server}-0")["status"]["podIP"])

    def crash(self) -> None:
        """Let every database server be dead at once; the kubelet starts it again."""
        until(self.answers)
        uids = {one["metadata"]["uid"] for one in self.get(PODS)["items"]}
        servers = self.cluster.cluster.kubelet.runtime.real.processes(uids)
        for server in servers:
            server.send_signal(signal.SIGQUIT)
        psutil.wait_procs(servers, timeout=20)

    def snapshot(self, name: str, claim: str = f"data-{SERVER}-0") -> None:
        """Take a snapshot of a claim."""
        self.create(SNAPSHOTS, name, spec={"source": {"persistentVolumeClaimName": claim}})
        until(lambda: bool(self.get(f"{SNAPSHOTS}/{name}").get("status")))


def server_spec() -> Object:
    """The StatefulSet of the database server."""
    container = {
        "name": "postgresql",
        "image": f"{NAME}:18.1",
        "args": ["-c", "max_connections=60", "-c", "shared_buffers=32MB"],
        "ports": [{"name": "postgresql", "containerPort": 5432}],
        "volumeMounts": [{"name": "data", "mountPath": "/var/lib/postgresql"}],
        "readinessProbe": {"exec": {"command": ["pg_isready"]}},
    }
    return {
        "replicas": 1,
        "serviceName": SERVER,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
    }
