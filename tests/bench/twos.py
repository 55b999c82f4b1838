"""What two web processes carry beside one: pages whose data is asked for through one address, as fast as it comes.

A page is opened as a browser's script does it, by a socket whose first event comes with the connection; the files of
the front end, which a proxy may keep, are not asked for. Clients, processes, PostgreSQL and Redis share this machine's
cores, so on two of them the second process has little to give; the figure tells of the machine, too.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from backend.actor import Role
from backend.config import settings
from backend.sandbox import frontend
from backend.sandbox.neighbours import RedisServer
from backend.sandbox.postgres import data_home
from backend.sandbox.processes import free_port
from portal import routes
from tests import factories
from tests.bench.figures import Figures, say, say_table
from tests.bench.payments import ground
from tests.integration.portal.processes import WebProcess, web_processes
from tests.integration.portal.socket import LOADED, RawSocket
from tests.integration.twos.balancer import balanced
from tests.waiting import until

PEOPLE = 16
# Nobody may open pages as fast as a crowd, so each page is opened by the next of many accounts.
ACCOUNTS = 48
CLIENTS = 2
FOR_S = 10.0


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
    people = [factories.user(Role.OPERATOR) for _ in range(ACCOUNTS)]
    cookies = [f"portal={factories.signed_in(each).token}; lang=en" for each in people]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    shared = {"REDIS_URL": redis.url, "PUBLIC_URL": url}
    database = settings().database_url.get_secret_value()
    with balanced(port) as balancer, web_processes(folder, database, ("one", "two"), **shared) as pair:
        for process in pair:
            until(process.is_ready)
            balancer.ports = [process.port]
            _open(url, cookies[0])  # the first page of a process takes longer
        rows = []
        for serving in (pair[:1], pair):
            balancer.ports = [process.port for process in serving]
            rows.append(_carried(serving, url, cookies))
    return rows


def _carried(serving: Sequence[WebProcess], url: str, cookies: Sequence[str]) -> dict[str, object]:
    with ProcessPoolExecutor(CLIENTS) as clients:
        share = [clients.submit(_crowd, url, cookies[each::CLIENTS]) for each in range(CLIENTS)]
        crowds = [each.result() for each in share]
    waits = sorted(wait for crowd in crowds for wait in crowd.waits)
    return {
        "processes": len(serving),
        # The last pages are begun in time and end later: they count with the time that they took.
        "pages_per_s": round(sum(len(crowd.waits) / crowd.took_s for crowd in crowds), 1),
        "median_ms": round(1000 * waits[len(waits) // 2]),
        "p95_ms": round(1000 * waits[len(waits) * 95 // 100]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crowd:
    """How long each page took that a client's people opened, and how long all of them together."""

    waits: list[float]
    took_s: float


def _crowd(url: str, cookies: Sequence[str]) -> _Crowd:
    began, people = time.monotonic(), PEOPLE // CLIENTS
    with ThreadPoolExecutor(people) as threads:
        each = [threads.submit(_person, url, cookies[own::people], began + FOR_S) for own in range(people)]
        waits = [wait for person in each for wait in person.result()]
    return _Crowd(waits=waits, took_s=time.monotonic() - began)


def _person(url: str, cookies: Sequence[str], until_s: float) -> list[float]:
    waits = []
    for cookie in cycle(cookies):
        if time.monotonic() > until_s:
            break
        began = time.perf_counter()
        _open(url, cookie)
        waits.append(time.perf_counter() - began)
    return waits


def _open(url: str, cookie: str) -> None:
    with RawSocket(url, cookie=cookie, opens=routes.BILLING) as tab:
        assert LOADED in tab.greeting or tab.tells(LOADED)
