"""The port on which the jobs process answers: ``/healthz``, and ``/api/v1/metrics`` behind the portal's token."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.config import Settings
from backend.telemetry.exposition import MetricsApp

METRICS, LIVE = "/api/v1/metrics", "/healthz"
# The loop waits for at most five seconds at a time; a database that hangs is given up within thirty.
SILENT_S = 60.0
_END_S = 3.0


class WatchedStop(Event):
    """The wish that the process ends, and the moment at which its loop looked for it last."""

    def __init__(self) -> None:
        super().__init__()
        self._looked_at = time.monotonic()
        self._hurry = Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the wish; the loop lives."""
        self._looked_at = time.monotonic()
        return super().wait(timeout)

    def ask(self) -> None:
        """Wish for the end. Whoever wishes twice does not want to wait for scrapes."""
        (self._hurry if self.is_set() else self).set()

    def hold(self, seconds: float) -> None:
        """Stay, so that the last figures are read; the process lives. Ends at a second wish."""
        until = time.monotonic() + seconds
        while not self._hurry.is_set() and (left := until - time.monotonic()) > 0:
            self._looked_at = time.monotonic()
            self._hurry.wait(min(1.0, left))

    @property
    def silent_s(self) -> float:
        """Seconds since the loop looked."""
        return time.monotonic() - self._looked_at


@contextmanager
def exposed(settings: Settings, stop: WatchedStop) -> Iterator[None]:
    """Answer on ``JOBS_METRICS_PORT`` for the block and ``METRICS_HOLD_S`` longer; without a port nothing listens.

    Raises:
        OSError: the port is taken.
    """
    if not settings.jobs_metrics_port:
        yield
        return
    # A pod is asked by its own address.
    listener = socket.create_server(("", settings.jobs_metrics_port))
    config = uvicorn.Config(
        application(settings, stop), log_config=None, access_log=False, lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="exposition", daemon=True)
    thread.start()
    try:
        yield
        stop.hold(settings.metrics_hold_s)
    finally:
        server.should_exit = True
        thread.join(_END_S)


def application(settings: Settings, stop: WatchedStop) -> Starlette:
    """The two routes."""

    async def live(_request: Request) -> Response:
        is_live = stop.silent_s < SILENT_S
        return JSONResponse({"status": "live" if is_live else "silent"}, 200 if is_live else 503)

    metrics = MetricsApp(
        settings.metrics_token.get_secret_value(), previous=settings.metrics_token_previous.get_secret_value()
    )
    return Starlette(routes=[Route(LIVE, live), Route(METRICS, metrics)])
