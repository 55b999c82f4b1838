"""DocuChat in the emulator's pods: each reads its credentials when its container starts, and keeps them till its end.

One address stands for the Services: it sends each request to a pod that is ready and not going, as a cluster does. So
a rollout mixes pods with old and with new credentials.
"""

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from backend.sandbox.docuchat_tokens import UnknownTokenError, issue, user_of
from backend.sandbox.kubernetes.cluster import Cluster
from backend.sandbox.kubernetes.pods import is_ready
from backend.sandbox.kubernetes.store import Change, Object, is_going
from backend.telemetry.exposition import MetricsApp

COMPONENT = "app.kubernetes.io/component"
_SWEEP_S = 0.05


@dataclass(slots=True, kw_only=True)
class PodProcess:
    """The process in a pod's container: its environment as it was at its start."""

    environment: dict[str, str]
    connection: psycopg.AsyncConnection | None = None

    @property
    def jwt_keys(self) -> dict[str, str]:
        """The keys that verify tokens, by ``kid``."""
        keys: dict[str, str] = json.loads(self.environment["JWT_KEYS"])
        return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Addresses of the model provider and of DocuChat's database, the latter without a login."""

    openai_url: str = ""
    database_url: str = ""


@dataclass(slots=True)
class DocuChatPods:
    """The processes of all pods, by the pod's uid, and the answers to scrapes by their status."""

    cluster: Cluster
    around: Around = field(default_factory=Around)
    processes: dict[str, PodProcess] = field(default_factory=dict)
    scrapes: Counter[int] = field(default_factory=Counter)
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        """Start what runs already, and follow the cluster from now on."""
        self.http = httpx.AsyncClient(base_url=self.around.openai_url, timeout=10)
        for pod in self.cluster.store.listed("pods"):
            self._follow(pod)
        self.cluster.store.listeners.append(self._hear)

    def application(self) -> Starlette:
        """The Services as one ASGI application."""
        routes = [
            Route("/login", self.login, methods=["POST"]),
            Route("/verify", self.verify),
            Route("/questions", self.ask, methods=["POST"]),
            Route("/database", self.query),
            Route("/metrics", _Metrics(self)),
        ]
        return Starlette(routes=routes, lifespan=self._running)

    async def login(self, request: Request) -> Response:
        """Answer with a token that one pod signs."""
        settings = self.process("api").environment
        keys = json.loads(settings["JWT_KEYS"])
        user = str((await request.json())["user"])
        return JSONResponse({"token": issue(user, keys, settings["JWT_SIGNING_KID"])})

    async def verify(self, request: Request) -> Response:
        """Tell whose token it is, by one pod's keys; 401 when that pod does not know it."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            return JSONResponse({"user": user_of(token, self.process("api").jwt_keys)})
        except UnknownTokenError:
            return JSONResponse({"error": "unknown_token"}, 401)

    async def ask(self, _request: Request) -> Response:
        """Ask the model provider with one pod's key, and answer as it does."""
        key = self.process("api").environment["OPENAI_API_KEY"]
        body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "ping"}]}
        headers = {"authorization": f"Bearer {key}"}
        answer = await self.http.post("/v1/chat/completions", json=body, headers=headers)
        return JSONResponse({"model": answer.status_code}, 200 if answer.is_success else 502)

    async def query(self, _request: Request) -> Response:
        """Ask the database by a connection of the pod's own pool and by a new one; 503 when either fails."""
        process = self.process("api")
        try:
            if process.connection is None:
                process.connection = await self._connect(process)
            await process.connection.execute("SELECT 1")
            async with await self._connect(process) as another:
                await another.execute("SELECT 1")
        except psycopg.Error as error:
            return JSONResponse({"error": type(error).__name__}, 503)
        return JSONResponse({"rows": 1})

    def process(self, component: str) -> PodProcess:
        """The process of a pod that takes requests."""
        ready = [
            self.processes[pod["metadata"]["uid"]]
            for pod in list(self.cluster.store.listed("pods"))
            if pod["metadata"]["labels"].get(COMPONENT) == component
            and is_ready(pod)
            and not is_going(pod)
            and pod["metadata"]["uid"] in self.processes
        ]
        return random.choice(ready)

    async def _connect(self, process: PodProcess) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            self.around.database_url,
            user=process.environment["DATABASE_USERNAME"],
            password=process.environment["DATABASE_PASSWORD"],
            autocommit=True,
            connect_timeout=10,
        )

    @asynccontextmanager
    async def _running(self, _app: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(self._sweep())
        yield
        sweeping.cancel()
        self.cluster.store.listeners.remove(self._hear)
        await self.http.aclose()
        for process in self.processes.values():
            await _close(process)

    async def _sweep(self) -> None:
        """A process that is gone takes its connections along."""
        while True:
            there = {pod["metadata"]["uid"] for pod in self.cluster.store.listed("pods")}
            for uid in [uid for uid in self.processes if uid not in there]:
                await _close(self.processes.pop(uid))
            await asyncio.sleep(_SWEEP_S)

    def _hear(self, change: Change) -> None:
        if change.plural == "pods" and change.type != "DELETED":
            self._follow(change.object)

    def _follow(self, pod: Object) -> None:
        statuses = pod["status"].get("containerStatuses", ())
        uid = pod["metadata"]["uid"]
        if uid not in self.processes and any("running" in one["state"] for one in statuses):
            self.processes[uid] = PodProcess(environment=self._environment(pod))

    def _environment(self, pod: Object) -> dict[str, str]:
        """The variables of the first container, those from Secrets as the Secrets are now."""
        given: dict[str, str] = {}
        for one in pod["spec"]["containers"][0].get("env", ()):
            ref = one.get("valueFrom", {}).get("secretKeyRef")
            given[one["name"]] = self._secret(pod, ref) if ref else one.get("value", "")
        return given

    def _secret(self, pod: Object, ref: Object) -> str:
        secret = self.cluster.store.get("secrets", pod["metadata"]["namespace"], ref["name"])
        return base64.b64decode(secret["data"][ref["key"]]).decode()


@dataclass(slots=True)
class _Metrics:
    """The portal's metrics, as one of its pods answers with the tokens that it knows."""

    pods: DocuChatPods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one scrape."""
        known = self.pods.process("portal").environment
        app = MetricsApp(known["METRICS_TOKEN"], previous=known["METRICS_TOKEN_PREVIOUS"])

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.pods.scrapes[message["status"]] += 1
            await send(message)

        await app(scope, receive, count)


async def _close(process: PodProcess) -> None:
    if process.connection is not None:
        await process.connection.close()
