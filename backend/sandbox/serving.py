"""A web application of a stand-in on a loopback port: for ever, or in a thread for the time of a test."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

HOST = "127.0.0.1"
_TIMEOUT_S = 10.0


class CuttableProtocol(H11Protocol):
    """Shows each request its connection as ``request.state.transport``, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Put the transport where requests find it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that signs itself, and its key."""

    certificate: Path
    key: Path


def server_of(
    app: Starlette, port: int, host: str = HOST, *, tls: Certificate | None = None
) -> uvicorn.Server:
    """A server for the application, without an access log; with TLS when a certificate is given."""
    config = uvicorn.Config(
        app, host=host, port=port, http=CuttableProtocol, ws="none", log_level="warning",
        access_log=False, timeout_graceful_shutdown=2, backlog=2048,
        ssl_certfile=tls.certificate if tls else None, ssl_keyfile=tls.key if tls else None,
    )  # fmt: skip
    return uvicorn.Server(config)


@contextmanager
def serving(app: Starlette, port: int, *, tls: Certificate | None = None) -> Iterator[str]:
    """The application on a port in a thread of this process, ended on leaving; its address."""
    server = server_of(app, port, tls=tls)
    thread = threading.Thread(target=server.run, name=f"server-{port}", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"nothing answers on port {port}")
            time.sleep(0.005)
        yield f"{'https' if tls else 'http'}://{HOST}:{port}"
    finally:
        server.should_exit = True
        thread.join(_TIMEOUT_S)
