"""What rotations change: the cluster's Secrets, DocuChat in its pods, and customers who use it all the while."""

import asyncio
import base64
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from backend.sandbox.docuchat_pods import DocuChatPods
from backend.sandbox.kubernetes.server import Address
from tests.waiting import until

Visit = Callable[[httpx.AsyncClient], Awaitable[int]]
JSON = dict[str, object]
# The emulator signs its own certificate.
TLS = False
RESTARTED = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A cluster with DocuChat in its pods, and the address of its Services."""

    cluster: Address
    docuchat_url: str
    pods: DocuChatPods

    def control(self, what: str, **wanted: object) -> None:
        """Use one of the emulator's levers for testers."""
        control(self.cluster, what, **wanted)

    def end(self, what: str) -> None:
        """Take back what a lever did."""
        httpx.delete(f"{self.cluster.url}/sandbox/{what}", verify=TLS).raise_for_status()

    def deployments(self) -> list[str]:
        """The names of all Deployments."""
        found = self.cluster.cluster.store.listed("deployments", self.cluster.namespace)
        return [one["metadata"]["name"] for one in found]

    def secret(self, name: str) -> dict[str, str]:
        """A Secret's values."""
        data = self.cluster.cluster.store.get("secrets", self.cluster.namespace, name)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def put_secret(self, name: str, **values: str) -> None:
        """Change values of a Secret, as an administrator by hand."""
        data = {
            key.replace("_", "-"): base64.b64encode(value.encode()).decode() for key, value in values.items()
        }
        self._patch(f"/api/v1/namespaces/{self.cluster.namespace}/secrets/{name}", {"data": data})

    def generation(self, workload: str) -> int:
        """How many times a workload was changed."""
        found = self.cluster.cluster.store.get("deployments", self.cluster.namespace, workload)
        return int(found["metadata"]["generation"])

    def restart(self, workload: str, stamp: str) -> None:
        """Roll a workload's pods by hand, and wait until only new ones are there."""
        template = {"metadata": {"annotations": {RESTARTED: stamp}}}
        self._patch(self._deployment(workload), {"spec": {"template": template}})
        until(lambda: self.is_rolled_out(workload))

    def is_rolled_out(self, workload: str) -> bool:
        """The rule of ``kubectl rollout status``, and no old pod left."""
        store, namespace = self.cluster.cluster.store, self.cluster.namespace
        found = store.get("deployments", namespace, workload)
        wanted, status = found["spec"]["replicas"], found["status"]
        pods = [
            one
            for one in store.listed("pods", namespace)
            if one["metadata"]["name"].startswith(f"{workload}-")
        ]
        return status.get("observedGeneration") == found["metadata"]["generation"] and status.get(
            "updatedReplicas"
        ) == status.get("availableReplicas") == wanted == len(pods)

    def _deployment(self, name: str) -> str:
        return f"/apis/apps/v1/namespaces/{self.cluster.namespace}/deployments/{name}"

    def _patch(self, path: str, body: JSON) -> None:
        headers = {
            "authorization": f"Bearer {self.cluster.tokens['cluster-admin']}",
            "content-type": "application/merge-patch+json",
        }
        httpx.patch(self.cluster.url + path, json=body, headers=headers, verify=TLS).raise_for_status()


def control(cluster: Address, what: str, **wanted: object) -> None:
    """Use one of the emulator's levers for testers."""
    httpx.post(f"{cluster.url}/sandbox/{what}", json=wanted, verify=TLS).raise_for_status()


async def log_in_and_verify(client: httpx.AsyncClient) -> int:
    """Log in at one pod and show the token to another; the worse of the two answers."""
    answer = await client.post("/login", json={"user": "sara"})
    if answer.status_code != httpx.codes.OK:
        return answer.status_code
    bearer = {"authorization": f"Bearer {answer.json()['token']}"}
    return (await client.get("/verify", headers=bearer)).status_code


async def ask(client: httpx.AsyncClient) -> int:
    """Ask a question, which a pod takes to the model provider."""
    return (await client.post("/questions")).status_code


async def query(client: httpx.AsyncClient) -> int:
    """Ask for something that a pod has to look up in the database."""
    return (await client.get("/database")).status_code


@contextmanager
def visited(url: str, visit: Visit, *, per_s: float = 50.0) -> Iterator[Counter[int]]:
    """Customers who come so many times a second as long as the block lasts; their answers by status."""
    answers: Counter[int] = Counter()
    ending = threading.Event()

    async def come() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            visits: set[asyncio.Task[None]] = set()

            async def once() -> None:
                answers[await visit(client)] += 1

            while not ending.is_set():
                visits = {one for one in visits if not one.done()} | {asyncio.create_task(once())}
                await asyncio.sleep(1 / per_s)
            await asyncio.gather(*visits)

    thread = threading.Thread(target=lambda: asyncio.run(come()), name="customers")
    thread.start()
    try:
        until(lambda: answers[200])
        yield answers
    finally:
        ending.set()
        thread.join()


def jwt_keys(world: World) -> dict[str, str]:
    """The keys of the JWT Secret by their ids."""
    keys: dict[str, str] = json.loads(world.secret("docuchat-jwt")["keys"])
    return keys
