"""The way of lightkube's requests out of this process: further parameters, and limits to silence."""

import asyncio
from contextvars import ContextVar
from ssl import SSLContext
from time import monotonic
from typing import Any

import httpx2

from backend.clients.http import CONNECT_TIMEOUT_S, IDLE_S

# The API server writes a bookmark about once a minute into a watch in which nothing else happens.
WATCH_SILENCE_S = 150.0
# A container may write nothing for hours; the kubelet ends such a stream after four.
LOG_SILENCE_S = 4 * 3600.0
WATCH_PAUSE_S = 1.0
"""A server or proxy that ends each watch at once is asked at most this often."""
FINISH_S = 1.0
MOST_CONNECTIONS = 500
MOST_IDLE = 20

more_parameters: ContextVar[dict[str, str]] = ContextVar("more_parameters")
"""Parameters that lightkube has no argument for; read when the request leaves."""


class Wire(httpx2.AsyncHTTPTransport):
    """Verified TLS, no proxies, and limits where lightkube sets none."""

    def __init__(self, context: SSLContext) -> None:
        """Keep the certificates of the cluster."""
        limits = httpx2.Limits(
            max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_IDLE, keepalive_expiry=IDLE_S
        )
        super().__init__(verify=context, trust_env=False, limits=limits)
        self._watched_at: dict[str, float] = {}
        self.in_flight: set[asyncio.Future[Any]] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and read the whole answer when it is a refusal."""
        query = request.url.params
        if "watch" in query:
            request.url = request.url.copy_merge_params({"allowWatchBookmarks": "true"})
            _limit_silence(request, WATCH_SILENCE_S)
            await self._pause_between_watches(request.url.path)
        elif request.url.path.endswith("/log"):
            request.url = request.url.copy_merge_params(more_parameters.get({}))
            _limit_silence(request, LOG_SILENCE_S)
        answer = await self._answer_of(asyncio.ensure_future(super().handle_async_request(request)))
        if answer.is_error:
            # lightkube reads the reason of a refused stream in a way that only works for whole answers.
            await answer.aread()
        return answer

    async def _answer_of(self, sending: "asyncio.Future[httpx2.Response]") -> httpx2.Response:
        """Wait for an answer. Who stops waiting leaves nothing open: a cancelled handshake would keep its socket."""
        self.in_flight.add(sending)
        sending.add_done_callback(self.in_flight.discard)
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            sending.add_done_callback(self._close_left)
            raise

    def _close_left(self, sending: "asyncio.Future[httpx2.Response]") -> None:
        if not sending.cancelled() and sending.exception() is None:
            closing = asyncio.ensure_future(sending.result().aclose())
            self.in_flight.add(closing)
            closing.add_done_callback(self.in_flight.discard)

    async def finish(self) -> None:
        """Wait a moment for what is in flight to end by itself."""
        while self.in_flight:
            _done, late = await asyncio.wait(self.in_flight, timeout=FINISH_S)
            if late:
                return

    async def _pause_between_watches(self, path: str) -> None:
        """Keep a distance: lightkube asks again at once when a watch ends, and some proxies end each."""
        await asyncio.sleep(self._watched_at.get(path, 0.0) + WATCH_PAUSE_S - monotonic())
        self._watched_at[path] = monotonic()


def _limit_silence(request: httpx2.Request, most_s: float) -> None:
    timeout = {"connect": CONNECT_TIMEOUT_S, **request.extensions.get("timeout", {})}
    if timeout.get("read") is None:
        request.extensions = {**request.extensions, "timeout": {**timeout, "read": most_s}}
