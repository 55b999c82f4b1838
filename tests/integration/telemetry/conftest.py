"""The OpenAI sandbox as a process, a tenant of its own for every test, and the metered SDK in both of its kinds."""

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from prometheus_client import REGISTRY

from backend.config import settings
from backend.sandbox.processes import Child, Command, accepts, free_port, wait_until
from backend.telemetry.metered import MeteredOpenAI
from backend.telemetry.metered_async import AsyncMeteredOpenAI

ROOT = Path(__file__).parents[3]
Counts = dict[tuple[str, str], int]


class Vendor:
    """The running sandbox, seen by its operator."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}/sandbox", trust_env=False)

    def fail(self, kind: str, **fault: object) -> None:
        self._http.post("/faults", json={"kind": kind, **fault}).raise_for_status()

    def heal(self) -> None:
        self._http.delete("/faults").raise_for_status()

    def answered(self, tenant: str, *, reported: bool = True) -> Counts:
        """Tokens by model and type that this tenant was really answered with."""
        entries = self._http.get("/ledger").json()["entries"]
        return {
            (entry["model"], entry["type"]): entry["tokens"]
            for entry in entries
            if entry["who"] == tenant and entry["reported"] == reported
        }

    def tokens_of(self, tenant: str, model: str) -> int:
        """The tokens of all answers that this tenant had of one model."""
        return sum(tokens for (name, _), tokens in self.answered(tenant).items() if name == model)

    def keys(self) -> list[str]:
        """The newest keys that it was asked with."""
        return list(self._http.get("/ledger").json()["keys"])

    def newest(self) -> dict[str, Any]:
        """The newest request."""
        return dict(self._http.get("/ledger").json()["newest"])

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="session")
def running_vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    port = free_port()
    log = tmp_path_factory.mktemp("openai") / "openai.log"
    argv = [sys.executable, "-m", "backend.sandbox.openai", "--port", str(port)]
    child = Child(Command(name="openai", argv=argv, log_path=log, cwd=ROOT))
    vendor = Vendor(port)
    try:
        wait_until(lambda: accepts(port), child=child)
        yield vendor
    finally:
        vendor.close()
        child.stop()


@pytest.fixture
def vendor(running_vendor: Vendor) -> Vendor:
    running_vendor.heal()
    return running_vendor


@pytest.fixture
def own_model(monkeypatch: pytest.MonkeyPatch) -> str:
    """The model of the settings, which no other test asks: answers that nobody waited for are noted when they end."""
    model = f"gpt-5-{uuid4().hex}"
    monkeypatch.setenv("OPENAI_MODEL", model)
    settings.cache_clear()
    return model


@pytest.fixture
def tenant() -> str:
    return f"tenant-{uuid4().hex}"


class Asking:
    """One tenant's metered SDK. Every method asks, reads the whole answer, and returns it.

    Whoever's patience ends leaves: by a signal, or as a cancelled task.
    """

    def __init__(self, kind: str, url: str, tenant: str) -> None:
        self._kind = kind
        self._url = url
        self._tenant = tenant
        self.fallbacks: Mapping[str, Sequence[str]] = {}
        self.patience_s = 60.0

    def chat(self, model: str = "gpt-5.2", words: str = "سلام", **options: Any) -> Any:
        messages = [{"role": "system", "content": "x" * 3300}, {"role": "user", "content": words}]
        named = {"model": model, "messages": messages, "safety_identifier": self._tenant}
        return self._ask("chat.completions.create", {**named, **options})

    def respond(self, model: str = "gpt-5.2", words: str = "سلام", **options: Any) -> Any:
        named = {"model": model, "instructions": "x" * 3300, "input": words}
        return self._ask("responses.create", {**named, "safety_identifier": self._tenant, **options})

    def embed(self, model: str = "text-embedding-3-large", **options: Any) -> Any:
        named = {"model": model, "input": ["یک", "دو"], "dimensions": 8, "user": self._tenant}
        return self._ask("embeddings.create", {**named, **options})

    def parse(self, door: str, **options: Any) -> Any:
        return self._ask(door, {"safety_identifier": self._tenant, **options})

    def _ask(self, door: str, options: dict[str, Any]) -> Any:
        read = options.pop("read", None)
        if self._kind == "async":
            return asyncio.run(asyncio.wait_for(self._ask_async(door, options, read), self.patience_s))
        with (
            OpenAI(base_url=self._url, api_key="k", max_retries=0, timeout=10) as sdk,
            _interrupted_after(self.patience_s),
        ):
            metered = MeteredOpenAI(sdk, fallbacks=self.fallbacks).for_tenant(self._tenant)
            answer = _find(metered, door)(**options)
            if not options.get("stream"):
                return answer
            seen = []
            with answer:
                for item in answer:
                    seen.append(item)
                    if read == len(seen):
                        break
            return seen

    async def _ask_async(self, door: str, options: dict[str, Any], read: int | None) -> Any:
        async with AsyncOpenAI(base_url=self._url, api_key="k", max_retries=0, timeout=10) as sdk:
            metered = AsyncMeteredOpenAI(sdk, fallbacks=self.fallbacks).for_tenant(self._tenant)
            answer = await _find(metered, door)(**options)
            if not options.get("stream"):
                return answer
            seen = []
            async with answer:
                async for item in answer:
                    seen.append(item)
                    if read == len(seen):
                        break
            return seen


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    alarm = threading.Timer(seconds, signal.pthread_kill, (threading.main_thread().ident, signal.SIGUSR1))
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()
        alarm.join()
        signal.signal(signal.SIGUSR1, before)


def _find(root: object, path: str) -> Any:
    for name in path.split("."):
        root = getattr(root, name)
    return root


@pytest.fixture(params=["sync", "async"])
def asking(request: pytest.FixtureRequest, vendor: Vendor, tenant: str) -> Asking:
    return Asking(request.param, vendor.url, tenant)


def counted(tenant: str) -> Counts:
    """Tokens by model and type that the counters of this process show for the tenant."""
    return {
        (labels["model"], labels["type"]): int(value)
        for labels, value in _samples("openai_tokens_total", tenant)
        if value
    }


def outcomes(tenant: str) -> Counts:
    """Requests by model and outcome."""
    found = _samples("openai_request_total", tenant)
    return {(labels["model"], labels["outcome"]): int(value) for labels, value in found if value}


def missing(tenant: str) -> int:
    """Answers without usage."""
    return int(sum(value for _, value in _samples("openai_usage_missing_total", tenant)))


def _samples(name: str, tenant: str) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == name and sample.labels.get("tenant") == tenant
    ]
