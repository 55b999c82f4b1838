"""The text that Prometheus scrapes, for one process and for several, and an ASGI application that serves it."""

import asyncio
import gzip
import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from backend.telemetry.metrics import count_scrape
from backend.telemetry.start_time import multiprocess_folder, write_merged_start_time

# The three names of the ASGI specification; their contents are open by definition.
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_SMALLEST_WORTH_PACKING_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """An answer to a scrape."""

    body: bytes
    content_type: str


class MergedCounters(Collector):
    """The counters of all workers, merged by the library from the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Every metric of the folder, without the files that their worker has only just opened."""
        # The library opens a file and sizes it a moment later, and its own collector fails on the empty one: a worker
        # that starts would cost every other worker's scrape. An empty file counts nothing yet, and none shrinks.
        files = [str(file) for file in self._folder.glob("*.db") if not _is_empty(file)]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(files, accumulate=True)
        return metrics


def _is_empty(file: Path) -> bool:
    try:
        return file.stat().st_size == 0
    except FileNotFoundError:
        # Gone since the listing: the library knows which files may go and which would falsify a sum.
        return False


def expose(accept: str = "", registry: CollectorRegistry = REGISTRY) -> Exposition:
    """All metrics in the format that `accept` prefers (plain text, else OpenMetrics).

    With `PROMETHEUS_MULTIPROC_DIR` set, the merged counters of every worker; `registry` is not asked then.
    """
    folder = multiprocess_folder()
    if folder is not None:
        # Again at every scrape: the folder may have been emptied, which begins the counters anew.
        write_merged_start_time(folder)
        registry = CollectorRegistry()
        registry.register(MergedCounters(folder))
    encode, content_type = choose_encoder(accept)
    return Exposition(body=encode(registry), content_type=content_type)


class MetricsApp:
    """An ASGI application that answers GET with the exposition, to callers with the token or the previous one.

    Give it to a route as its endpoint or mount it. Without a token it answers everyone: only for a port that nobody
    but Prometheus reaches, because the metrics carry tenant names.
    """

    def __init__(self, token: str | None = None, *, previous: str = "") -> None:
        self._tokens = {"current": token or "", "previous": previous if token else ""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 401 without the token, 405 for other methods."""
        if scope["type"] != "http":
            return None
        del receive  # a scrape has no body
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        if scope["method"] not in {"GET", "HEAD"}:
            return await _answer(send, 405, b"", {"allow": "GET, HEAD"})
        if (admitted := self._admits(headers.get("authorization", ""))) is None:
            return await _answer(send, 401, b"", {"www-authenticate": "Bearer"})
        if admitted:
            count_scrape(admitted)
        # In a thread: 100,000 tenants make a text of tens of megabytes, and this loop serves people too.
        body, answered = await asyncio.to_thread(_exposition_for, headers)
        await _answer(send, 200, b"" if scope["method"] == "HEAD" else body, answered)
        return None

    def _admits(self, authorization: str) -> str | None:
        """Name of the token that the caller has, empty where none is asked for; None for a stranger."""
        if not self._tokens["current"]:
            return ""
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        given = credential.strip().encode()
        # Each one is compared, so that the time says nothing of which one fitted.
        fits = [
            name
            for name, token in self._tokens.items()
            if hmac.compare_digest(given, token.encode()) and token
        ]
        return fits[0] if fits else None


def _exposition_for(headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    exposition = expose(headers.get("accept", ""))
    answered = {
        "content-type": exposition.content_type,
        "cache-control": "no-store",
        "vary": "accept, accept-encoding",
    }
    packs = "gzip" in headers.get("accept-encoding", "")
    if not packs or len(exposition.body) < _SMALLEST_WORTH_PACKING_BYTES:
        return exposition.body, answered
    return gzip.compress(exposition.body, compresslevel=3), answered | {"content-encoding": "gzip"}


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    sized = headers | {"content-length": str(len(body))}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sized.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
