"""A real Prometheus that holds some Tehran days on which something went wrong."""

import signal
from collections.abc import Callable, Iterator
from threading import Thread

import psutil
import psycopg
import pytest

from backend.db import engine
from backend.sandbox.postgres import PostgresServer
from tests.integration.backups.owned import owned, owned_template, owner_password  # noqa: F401 - fixtures, once for all
from tests.integration.runbooks.mortal import Mortals, mortals
from tests.integration.usage.conftest import build_blocks, serve
from tests.integration.usage.inside_days import inside_worlds
from tests.integration.usage.nights import all_nights
from tests.integration.usage.scans import scan_worlds
from tests.integration.usage.unseen import unseen_worlds


@pytest.fixture(scope="session")
def nights_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus with every world of ``nights``, ``unseen``, ``scans`` and ``inside_days`` in it."""
    folder = tmp_path_factory.mktemp("nights-prometheus")
    build_blocks([*all_nights(), *unseen_worlds(), *scan_worlds(), *inside_worlds()], folder)
    child, url = serve(folder)
    yield url
    child.stop()


@pytest.fixture(scope="session")
def run_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortals]:
    """Processes of runs that a test may kill at each step."""
    with mortals(tmp_path_factory.mktemp("mortals") / "log") as made:
        yield made


@pytest.fixture
def crash(postgres_server: PostgresServer) -> Iterator[Callable[[], None]]:
    """Lets PostgreSQL be dead at once, and come back by itself. Nothing that it had confirmed is lost."""
    starts: list[Thread] = []

    def die() -> None:
        for each in starts:
            each.join()
        assert postgres_server.child is not None
        server = psutil.Process(postgres_server.child.pid)
        server.send_signal(signal.SIGQUIT)
        psutil.wait_procs([server], timeout=20)
        postgres_server.stop()
        starts.append(Thread(target=postgres_server.start))
        starts[-1].start()

    _confirm_durably(postgres_server, "SET synchronous_commit = 'on'")
    engine.dispose()
    yield die
    for each in starts:
        each.join()
    _confirm_durably(postgres_server, "RESET synchronous_commit")


def _confirm_durably(server: PostgresServer, change: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE ALL {change}")
