"""The stand-in for the time of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.sandbox.processes import free_port
from backend.sandbox.serving import HOST, serving
from backend.sandbox.zibal.app import create_app
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.sessions import Behaviour


@contextmanager
def running(
    port: int | None = None, *, state_path: Path | None = None, behaviour: Behaviour | None = None
) -> Iterator[Driver]:
    """A stand-in in a thread of this process, ended on leaving; the driver that is given has its address."""
    port = port or free_port()
    app = create_app(public_url=f"http://{HOST}:{port}", state_path=state_path, behaviour=behaviour)
    with serving(app, port) as url, Driver(url) as driver:
        yield driver
