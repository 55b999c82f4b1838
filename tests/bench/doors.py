"""The portal's doors in bad company: what real web processes take from strangers, and how long others wait meanwhile.

Sockets that never finish or never join, a gateway that hangs, a Redis that goes away, and sessions that another process
has ended. The servers are real, the gateway is the stand-in; each figure comes from this run.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from backend.actor import Role
from backend.config import settings
from backend.sandbox import frontend
from backend.sandbox.neighbours import PgBouncer, RedisServer
from backend.sandbox.postgres import data_home
from portal import routes
from tests import factories
from tests.bench import crowds, ends, outages
from tests.bench.figures import Figures, say, say_table
from tests.bench.payments import ground
from tests.integration.portal.processes import WebProcess, web_processes
from tests.waiting import until


def measure(asked: argparse.Namespace) -> Figures:
    """Measure every door once; prints as it goes."""
    del asked
    say("\nDoors: real web processes on this machine, each trial once")
    frontend.build("e2e")
    figures: Figures = {}
    with ground() as bank, _folder() as folder:
        redis = RedisServer(folder)
        redis.start()
        try:
            # A proxy of one hop lets the crowd come from many addresses.
            with _pair(folder, settings().database_url.get_secret_value(), redis, PROXY_HOPS="1") as (
                one,
                two,
            ):
                figures |= _told(crowds.unfinished_messages(one))
                figures |= _told(crowds.silent_sockets(one))
                figures |= _told(outages.hanging_gateway(one, bank))
                figures |= _told(ends.ended_sessions(one, two, "doors_ended_sessions"))
                figures |= _told(outages.redis_away(one, redis))
        finally:
            redis.stop()
        with _pooler(folder) as database, _pair(folder, database) as (one, two):
            figures |= _told(ends.ended_sessions(one, two, "doors_ended_sessions_behind_pooler"))
    return figures


def _told(figures: Figures) -> Figures:
    for name, figure in figures.items():
        say("\n" + name.removeprefix("doors_").replace("_", " "))
        say_table([{key.replace("_", " "): value for key, value in figure.items()}])
    return figures


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="doors-", dir=data_home()) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PgBouncer of a superuser runs as somebody else
        yield folder


@contextmanager
def _pair(
    folder: Path, database: str, redis: RedisServer | None = None, **further: str
) -> Iterator[list[WebProcess]]:
    shared = {"REDIS_URL": redis.url} if redis else {}
    with web_processes(folder, database, ("one", "two"), **shared, **further) as pair:
        operator = factories.signed_in(factories.user(Role.OPERATOR))
        for process in pair:
            until(process.is_ready)
            # The first page of a process takes longer, and is nobody's figure.
            until(lambda process=process: process.loads(routes.BILLING, f"portal={operator.token}"))
        yield pair


@contextmanager
def _pooler(folder: Path) -> Iterator[str]:
    database = settings().database_url.get_secret_value()
    server = urlsplit(database)
    assert server.port
    pooler = PgBouncer(
        folder / "pgbouncer", server_port=server.port, mode="transaction",
        user=str(server.username), password=str(server.password),
    )  # fmt: skip
    pooler.start()
    try:
        yield database.replace(f":{server.port}/", f":{pooler.port}/")
    finally:
        pooler.stop()
