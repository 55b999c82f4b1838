"""The stand-in on a port: for ever from the command line, or for the time of a test."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from backend.sandbox.processes import free_port
from backend.sandbox.zibal.app import create_app
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.sessions import Behaviour

HOST = "127.0.0.1"
_START_TIMEOUT_S = 10.0


class CuttableProtocol(H11Protocol):
    """Shows each request its connection, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Put the transport where ``request.state`` finds it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def server_of(app: Starlette, port: int, host: str = HOST) -> uvicorn.Server:
    """A server for the application; it keeps no access log, for track ids are nobody's business."""
    config = uvicorn.Config(
        app, host=host, port=port, http=CuttableProtocol, ws="none", lifespan="off", log_level="warning",
        access_log=False, timeout_graceful_shutdown=2, backlog=2048,
    )  # fmt: skip
    return uvicorn.Server(config)


@contextmanager
def running(
    port: int | None = None, *, state_path: Path | None = None, behaviour: Behaviour | None = None
) -> Iterator[Driver]:
    """A stand-in in a thread of this process, ended on leaving; the driver that is given has its address."""
    port = port or free_port()
    app = create_app(public_url=f"http://{HOST}:{port}", state_path=state_path, behaviour=behaviour)
    server = server_of(app, port)
    thread = threading.Thread(target=server.run, name=f"zibal-{port}", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the Zibal stand-in does not start on port {port}")
            time.sleep(0.005)
        with Driver(f"http://{HOST}:{port}") as driver:
            yield driver
    finally:
        server.should_exit = True
        thread.join(_START_TIMEOUT_S)
