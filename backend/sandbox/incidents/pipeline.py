"""The demo's delivery pipeline: gives a workload a new image, waits for the rollout, and tells the ledger of both."""

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import httpx

from backend.sandbox.deployments import AUTHORS
from backend.sandbox.incidents.cluster import ClusterHands

WORKLOADS = ("docuchat-api", "docuchat-worker", "docuchat-ingest", "docuchat-frontend")
# The first one soon, so that there is something to watch; later ones now and then.
FIRST_S, BETWEEN_S = 60.0, (240.0, 600.0)
_PATIENCE_S = 120.0
_POLL_S = 1.0


def stamp(at: datetime) -> str:
    """A moment as the ledger's door wants it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def next_version(image: str) -> str:
    """The version that follows an image's: its last number and one."""
    before, _, last = image.partition("@")[0].rpartition(":")[2].rpartition(".")
    return f"{before}.{int(last) + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A deployment that was begun: all that the ledger is told of it."""

    workload: str
    image_before: str
    image: str
    told: dict[str, object]


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """Deploys, and posts to ``POST /api/v1/deployments`` as a pipeline of production does."""

    cluster: ClusterHands
    portal_url: str
    token: str
    dice: random.Random = field(default_factory=random.Random)

    def begin(self, workload: str, version: str) -> Delivery:
        """Tell the ledger that a deployment begins, and give the workload its image."""
        now = datetime.now(UTC)
        before = self.cluster.image_of(workload)
        name = before.partition("@")[0].rpartition(":")[0]
        image = f"{name}:{version}"
        digest = f"sha256:{sha256(image.encode()).hexdigest()}" if "@" in before else ""
        told: dict[str, object] = {
            "key": f"demo-live-{now:%Y%m%d%H%M%S}-{workload}",
            "service": workload,
            "version": version,
            "namespace": "docuchat",
            "workloads": [workload],
            "started_at": stamp(now),
            "committed_at": stamp(now - timedelta(minutes=self.dice.randrange(15, 400))),
            "commit_sha": f"{self.dice.getrandbits(160):040x}",
            "branch": "main",
            "author": self.dice.choice(AUTHORS),
            "ci_run": f"https://ci.docuchat.example/runs/{int(now.timestamp())}",
        }
        told |= {"image_digest": digest} if digest else {}
        self._tell(told)
        image = f"{image}@{digest}" if digest else image
        self.cluster.set_image(workload, image)
        return Delivery(workload=workload, image_before=before, image=image, told=told)

    def finish(self, delivery: Delivery, result: str) -> None:
        """Tell the ledger how a deployment ended."""
        smoke_test = {"smoke_test": "passed"} if result == "succeeded" else {}
        self._tell(delivery.told | {"result": result, "finished_at": stamp(datetime.now(UTC))} | smoke_test)

    def is_of(self, delivery: Delivery) -> bool:
        """Whether the workload still has the delivery's image, and nobody gave it another one since."""
        return self.cluster.image_of(delivery.workload) == delivery.image

    def roll_back(self, delivery: Delivery) -> None:
        """Give the workload its image of before unless somebody gave it another one, and tell the ledger."""
        if self.is_of(delivery):
            self.cluster.set_image(delivery.workload, delivery.image_before)
        self.finish(delivery, "rolled_back")

    def deliver(self, workload: str, version: str) -> str:
        """A whole deployment: its result. One that does not come up in time is rolled back."""
        delivery = self.begin(workload, version)
        deadline = time.monotonic() + _PATIENCE_S
        while not self.cluster.is_rolled_out(workload):
            if time.monotonic() > deadline:
                self.roll_back(delivery)
                return "rolled_back"
            time.sleep(_POLL_S)
        self.finish(delivery, "succeeded")
        return "succeeded"

    def _tell(self, told: dict[str, object]) -> None:
        headers = {"authorization": f"Bearer {self.token}"}
        url = f"{self.portal_url}/api/v1/deployments"
        httpx.post(url, json=told, headers=headers, timeout=10).raise_for_status()


class Deliveries(threading.Thread):
    """Deploys something now and then, unless an incident is under way, until ``stopping`` is set."""

    def __init__(self, pipeline: Pipeline, *, is_calm: threading.Event) -> None:
        """Name the pipeline; nothing starts yet."""
        super().__init__(name="deliveries", daemon=True)
        self._pipeline, self._is_calm = pipeline, is_calm
        self.stopping = threading.Event()

    def run(self) -> None:
        """Deploy until it is stopped; a trouble of the portal or the cluster costs that deployment only."""
        wait_s = FIRST_S
        while not self.stopping.wait(wait_s):
            wait_s = self._pipeline.dice.uniform(*BETWEEN_S)
            if not self._is_calm.is_set():
                continue
            workload = self._pipeline.dice.choice(WORKLOADS)
            try:
                version = next_version(self._pipeline.cluster.image_of(workload))
                result = self._pipeline.deliver(workload, version)
            except httpx.HTTPError as error:
                if self.stopping.is_set():
                    return
                print(f"· a deployment of {workload} failed: {type(error).__name__}", flush=True)
            else:
                print(f"· {workload} {version} deployed: {result}", flush=True)
