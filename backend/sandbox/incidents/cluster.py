"""The demo's hands in its cluster: those of a pipeline that deploys, and of whoever brings trouble."""

import base64
import json
import ssl
from functools import lru_cache
from pathlib import Path

import httpx

from backend.sandbox.kubernetes.store import Object

ACCOUNT = "cluster-admin"
_STRATEGIC = "application/strategic-merge-patch+json"
_MERGE = "application/merge-patch+json"


class ClusterHands:
    """A client of the Kubernetes emulator with all rights, and of its control door."""

    def __init__(self, kubeconfig: Path, namespace: str = "docuchat") -> None:
        """Name the kubeconfig; it is read at the first use, because the emulator writes it."""
        self._kubeconfig, self._namespace = kubeconfig, namespace

    def set_image(self, workload: str, image: str, plural: str = "deployments") -> None:
        """Give a workload's first container an image, and the labels of its version with it."""
        name = self.get(plural, workload)["spec"]["template"]["spec"]["containers"][0]["name"]
        labels = {"app.kubernetes.io/version": image.partition("@")[0].rpartition(":")[2]}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": name, "image": image}]},
        }
        body = {"metadata": {"labels": labels}, "spec": {"template": template}}
        self._ask("PATCH", self._path(plural, workload), body, _STRATEGIC)

    def image_of(self, workload: str, plural: str = "deployments") -> str:
        """The image of a workload's first container."""
        return str(self.get(plural, workload)["spec"]["template"]["spec"]["containers"][0]["image"])

    def replicas_of(self, workload: str) -> int:
        """The number of pods that a deployment is to have."""
        return int(self.get("deployments", workload)["spec"]["replicas"])

    def is_rolled_out(self, workload: str) -> bool:
        """Whether every pod of a deployment is of its newest template and available."""
        found = self.get("deployments", workload)
        status, wanted = found.get("status", {}), found["spec"]["replicas"]
        is_seen = found["metadata"]["generation"] <= status.get("observedGeneration", 0)
        figures = [status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
        return is_seen and figures == [wanted] * 3

    def cordon(self, node: str, *, is_open: bool) -> None:
        """Close a node for new pods, or open it again."""
        body = {"spec": {"unschedulable": None if is_open else True}}
        self._ask("PATCH", f"/api/v1/nodes/{node}", body, _MERGE)

    def delete_pods_of(self, workload: str) -> None:
        """Delete the pods of a workload, as a drained node does."""
        for pod in self.pods_of(workload):
            self._ask("DELETE", self._path("pods", pod["metadata"]["name"]))

    def pods_of(self, workload: str) -> list[Object]:
        """The pods of a workload."""
        items = self._ask("GET", self._path("pods"))["items"]
        return [one for one in items if one["metadata"]["name"].startswith(f"{workload}-")]

    def control(self, path: str, method: str = "POST", **wanted: object) -> Object:
        """Ask the emulator's control door."""
        return self._ask(method, f"/sandbox/{path}", wanted)

    def get(self, plural: str, name: str) -> Object:
        """A workload."""
        return self._ask("GET", self._path(plural, name))

    def _path(self, plural: str, name: str = "") -> str:
        root = "/api/v1" if plural == "pods" else "/apis/apps/v1"
        return f"{root}/namespaces/{self._namespace}/{plural}{'/' + name if name else ''}"

    def _ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Object:
        """An answer of the API.

        Raises:
            httpx.HTTPError: it does not answer, or refuses.
        """
        config = json.loads(self._kubeconfig.read_text())
        place = config["clusters"][0]["cluster"]
        token = next(one["user"]["token"] for one in config["users"] if one["name"] == ACCOUNT)
        headers = {"authorization": f"Bearer {token}", "content-type": kind}
        authority = place.get("certificate-authority-data", "")
        with httpx.Client(base_url=place["server"], verify=_trust(authority), timeout=10) as client:
            content = None if body is None else json.dumps(body)
            answer = client.request(method, path, content=content, headers=headers)
        answer.raise_for_status()
        found: Object = answer.json()
        return found


@lru_cache(maxsize=4)
def _trust(authority: str) -> ssl.SSLContext:
    trust = ssl.create_default_context()
    if authority:
        trust.load_verify_locations(cadata=base64.b64decode(authority).decode())
    return trust
