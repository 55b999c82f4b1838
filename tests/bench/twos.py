"""What two web processes carry beside one: pages that are opened through one address, as fast as they come.

Clients, processes, PostgreSQL and Redis share this machine's cores, so on two of them the second process has little to
give; the figure tells of the machine, too.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from backend.actor import Role
from backend.config import settings
from backend.sandbox import frontend
from backend.sandbox.neighbours import RedisServer
from backend.sandbox.postgres import data_home
from backend.sandbox.processes import free_port
from portal import routes
from portal.guard import HYDRATE
from tests import factories
from tests.bench.figures import Figures, say, say_table
from tests.bench.payments import ground
from tests.integration.portal.processes import WebProcess, web_processes
from tests.integration.portal.socket import LOADED, RawSocket
from tests.integration.twos.balancer import balanced
from tests.waiting import until

PEOPLE = 16
CLIENTS = 2
FOR_S = 10.0
PATIENCE = 30


def measure(asked: argparse.Namespace) -> Figures:
    """The same people before one process and before two; prints as it goes."""
    del asked
    say(f"\nTwos: {PEOPLE} people open a page again and again for {FOR_S:g} s, {os.cpu_count()} cores")
    frontend.build("e2e")
    with ground(), tempfile.TemporaryDirectory(prefix="twos-", dir=data_home()) as name:
        redis = RedisServer(Path(name))
        redis.start()
        try:
            rows = _rows(Path(name), redis)
        finally:
            redis.stop()
    say_table(rows)
    return {f"twos_{row['processes']}": row for row in rows}


def _rows(folder: Path, redis: RedisServer) -> list[dict[str, object]]:
    cookie = f"portal={factories.signed_in(factories.user(Role.OPERATOR)).token}; lang=en"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    shared = {"REDIS_URL": redis.url, "PUBLIC_URL": url}
    database = settings().database_url.get_secret_value()
    with balanced(port) as balancer, web_processes(folder, database, ("one", "two"), **shared) as pair:
        for process in pair:
            until(process.is_ready)
            balancer.ports = [process.port]
            _open(url, cookie)  # the first page of a process takes longer
        rows = []
        for serving in (pair[:1], pair):
            balancer.ports = [process.port for process in serving]
            rows.append(_carried(serving, url, cookie))
    return rows


def _carried(serving: Sequence[WebProcess], url: str, cookie: str) -> dict[str, object]:
    with ProcessPoolExecutor(CLIENTS) as clients:
        share = [clients.submit(_crowd, url, cookie, PEOPLE // CLIENTS) for _ in range(CLIENTS)]
        waits = sorted(wait for each in share for wait in each.result())
    return {
        "processes": len(serving),
        "pages_per_s": round(len(waits) / FOR_S, 1),
        "median_ms": round(1000 * waits[len(waits) // 2]),
        "p95_ms": round(1000 * waits[len(waits) * 95 // 100]),
    }


def _crowd(url: str, cookie: str, people: int) -> list[float]:
    until_s = time.monotonic() + FOR_S
    with ThreadPoolExecutor(people) as threads:
        each = [threads.submit(_person, url, cookie, until_s) for _ in range(people)]
        return [wait for person in each for wait in person.result()]


def _person(url: str, cookie: str, until_s: float) -> list[float]:
    waits = []
    while time.monotonic() < until_s:
        began = time.perf_counter()
        _open(url, cookie)
        waits.append(time.perf_counter() - began)
    return waits


def _open(url: str, cookie: str) -> None:
    with RawSocket(url, cookie=cookie) as tab:
        tab.send(HYDRATE, path=routes.BILLING)
        # Where all cores are busy, a page may be silent for more than the second that a test waits.
        assert any(tab.tells(LOADED) for _ in range(PATIENCE))
