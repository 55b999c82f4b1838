"""Operators' pages while a party beside the portal is stopped, slow or silent: how long each page takes.

A real web process stands before real servers, each behind a gate that stops it, lets each piece of an answer wait for
ten seconds, or takes connections and lets nothing through. Every page is opened by somebody whom the process does not
know yet, so nothing is remembered of the session. A page has answered when its content is there, or when it says that
there is none. The job that looks at alerts looks every two seconds here.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
from argon2 import PasswordHasher

from backend.accounts import passwords
from backend.actor import Actor, Role
from backend.alerts import service as alerts
from backend.config import settings
from backend.errors import AppError
from backend.sandbox import frontend, tools
from backend.sandbox.alertmanager import AlertmanagerServer
from backend.sandbox.kubernetes.server import running
from backend.sandbox.processes import Child, Command, accepts, free_port, wait_until
from backend.sandbox.prometheus import PrometheusServer
from backend.sandbox.tools import LOCAL
from portal import routes
from portal.guard import HYDRATE
from tests import factories
from tests.bench.figures import Figures, say, say_table
from tests.bench.payments import ground
from tests.conftest import forget_caches
from tests.integration.portal.cluster import NAMESPACE, Cluster
from tests.integration.portal.gate import Gate, gate_to
from tests.integration.portal.processes import WebProcess, web_processes
from tests.integration.portal.socket import LOADED, RawSocket
from tests.waiting import until

JOB = Actor.process_named("bench")
READER = factories.actor(Role.OPERATOR)
LOOK_S = 2.0
# Enough for every page that is measured.
SESSIONS = 600
SLOW_S = 10.0
PATIENCE_S = 60.0
LOOK_AGAIN_S = 1.0
DATABASE_LOST = '"is_database_lost_rx_state_":true'
ANSWERS = (LOADED, DATABASE_LOST, '"phase_rx_state_":"problem"')

# What the overview says while a party does not answer.
SAID = {
    "kubernetes": "Nothing is known of Kubernetes",
    "alertmanager": "does not answer: alerts may be lost",
    "prometheus": "Nothing is known of Prometheus",
    "provider": "The model provider does not answer",
    "database": DATABASE_LOST,
}
WAYS: Mapping[str, tuple[Callable[[Gate], None], Callable[[Gate], None]]] = {
    "stopped": (Gate.stop, Gate.start),
    f"{SLOW_S:.0f} s for each answer": (lambda gate: gate.slow(SLOW_S), Gate.open),
    "silent": (Gate.shut, Gate.open),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The web process, the gates before all that it asks, its pages, and readers: one who stays, and new ones."""

    web: WebProcess
    gates: Mapping[str, Gate]
    pages: tuple[str, ...]
    token: str
    tokens: list[str]


def measure(asked: argparse.Namespace) -> Figures:
    """Every page in every trouble, one after the other; prints as it goes."""
    del asked
    say("\nPages of operators while a party is away: milliseconds until each answers")
    frontend.build("e2e")
    with _house() as house:
        rows = [
            {
                "party": "(none)",
                "how": "all answer",
                **_pages(house),
                "said_after_s": 0.0,
                "back_after_s": 0.0,
            }
        ]
        for party, gate in house.gates.items():
            rows += [_told(_trouble(house, party, gate, how)) for how in WAYS]
    say_table([{name.replace("_", " "): value for name, value in row.items()} for row in rows])
    return {f"dependency_{row['party']}_{row['how']}".replace(" ", "_"): dict(row) for row in rows}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """The row, said as soon as it is there: all of them take minutes."""
    say(", ".join(f"{name} {value}" for name, value in row.items()))
    return row


def _trouble(house: House, party: str, gate: Gate, how: str) -> dict[str, Any]:
    lose, give_back = WAYS[how]
    began = time.perf_counter()
    lose(gate)
    answered = _pages(house)
    _await(lambda: SAID[party] in _overview(house))
    said_s = time.perf_counter() - began
    # Once it is known, no page waits any more; the slower of the two looks counts.
    known = _pages(house)
    began = time.perf_counter()
    give_back(gate)
    _await(lambda: _is_well(house, party))
    worst = max(answered, known, key=lambda each: float(each["slowest_ms"]))
    return {
        "party": party,
        "how": how,
        **worst,
        "said_after_s": round(said_s, 1),
        "back_after_s": round(time.perf_counter() - began, 1),
    }


def _is_well(house: House, party: str) -> bool:
    told = _overview(house)
    return LOADED in told and SAID[party] not in told


def _await(holds: Callable[[], bool]) -> None:
    """Look once a second: the portal lets nobody load pages faster for long."""
    while not holds():
        time.sleep(LOOK_AGAIN_S)


def _pages(house: House) -> dict[str, Any]:
    times = {page: _open(house.web, page, house.tokens.pop())[0] for page in house.pages}
    slowest = max(times, key=lambda page: times[page])
    return {
        "median_ms": round(statistics.median(times.values())),
        "slowest_ms": round(times[slowest]),
        "slowest": slowest[:24],
        "load": round(os.getloadavg()[0], 1),
        "process_ms": round(_timed(lambda: house.web.client().get(routes.LIVE))),
    }


def _overview(house: House) -> str:
    return _open(house.web, routes.OVERVIEW, house.token)[1]


def _open(web: WebProcess, page: str, token: str) -> tuple[float, str]:
    """Milliseconds from the request for a page until it has answered over its socket, and what it said."""
    cookie = f"portal={token}; lang=en"
    began = time.perf_counter()
    with web.client(cookie) as browser:
        browser.get(page)
    with RawSocket(web.url, cookie=cookie) as tab:
        tab.send(HYDRATE, path=page)
        told = ""
        while not any(each in told for each in ANSWERS):
            assert time.perf_counter() - began < PATIENCE_S, f"{page} did not answer"
            told += tab.told(lambda frame: any(each in frame for each in ANSWERS))
    return (time.perf_counter() - began) * 1000, told


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


@contextmanager
def _house() -> Iterator[House]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dependencies-")))
        stack.enter_context(ground())
        database = settings().database_url.get_secret_value()
        address = stack.enter_context(running(folder / "kubeconfig"))
        cluster = Cluster(folder / "kubeconfig", address)
        stack.enter_context(cluster.http)
        manager = AlertmanagerServer(tools.monitoring().alertmanager, folder / "alertmanager")
        measuring = PrometheusServer(tools.monitoring().prometheus, folder / "prometheus")
        for server in (manager, measuring):
            server.start()
            stack.callback(server.stop)
        servers = {
            "kubernetes": address.url,
            "alertmanager": manager.url,
            "prometheus": measuring.url,
            "provider": stack.enter_context(_provider()),
            "database": database.rpartition("/")[0],
        }
        gates = {name: stack.enter_context(gate_to(url)) for name, url in servers.items()}
        way = folder / "gated"
        way.write_text(
            (folder / "kubeconfig")
            .read_text()
            .replace(servers["kubernetes"].rpartition("/")[2], f"127.0.0.1:{gates['kubernetes'].port}")
        )
        beside = {
            "KUBECONFIG": str(way),
            "ALERTMANAGER_URLS": gates["alertmanager"].url,
            "PROMETHEUS_URL": gates["prometheus"].url,
            "OPENAI_BASE_URL": f"{gates['provider'].url}/v1",
            "OPENAI_API_KEY": "sk-sandbox-key-of-the-bench",
        }
        for name, value in beside.items():
            stack.enter_context(_setting(name, value))
        _fire(manager.url)
        alerts.reconcile(JOB)
        stack.enter_context(_reconciling())
        token, *tokens = _sessions()
        [group] = alerts.board(READER).groups
        through = database.replace(
            servers["database"].rpartition("@")[2], f"127.0.0.1:{gates['database'].port}"
        )
        [web] = stack.enter_context(web_processes(folder, through, ("web",), **beside))
        until(web.is_ready)
        pages = _paths(group.alerts[0].fingerprint, _a_pod(cluster))
        house = House(web=web, gates=gates, pages=pages, token=token, tokens=tokens)
        until(
            lambda: LOADED in _overview(house) and not any(each in _overview(house) for each in SAID.values())
        )
        _pages(house)  # the first page of a process takes longer, and is nobody's figure
        yield house


def _paths(fingerprint: str, pod: str) -> tuple[str, ...]:
    workload = routes.workload(NAMESPACE, "Deployment", "docuchat-api")
    return (
        routes.OVERVIEW,
        routes.ALERTS,
        f"{routes.ALERTS}?tab=silences",
        f"{routes.ALERTS}/{fingerprint}",
        routes.NEW_SILENCE,
        routes.DEPLOYS,
        workload,
        f"{workload}/pods/{pod}/log",
        routes.DEPLOYMENTS,
        routes.JOBS,
        routes.AUDIT,
        routes.RUNBOOKS,
    )


def _a_pod(cluster: Cluster) -> str:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    found = cluster.http.get(path, headers=cluster.rights).raise_for_status().json()["items"]
    return next(
        str(each["metadata"]["name"]) for each in found if each["metadata"]["name"].startswith("docuchat-api")
    )


def _sessions() -> list[str]:
    """Sessions of operators, one of each; hashing is made cheap, because it is nobody's figure here."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return [factories.signed_in(factories.user(Role.OPERATOR)).token for _ in range(SESSIONS)]


def _fire(url: str) -> None:
    now = datetime.now(UTC)
    sent = [
        {
            "labels": {"alertname": name, **labels},
            "annotations": {"summary": "s"},
            "startsAt": (now - timedelta(minutes=10)).isoformat(),
            "endsAt": (now + timedelta(hours=2)).isoformat(),
        }
        for name, labels in (
            ("HighErrorRate", {"service": "docuchat", "severity": "critical"}),
            ("Watchdog", {"severity": "none"}),
        )
    ]
    httpx.post(f"{url}/api/v2/alerts", json=sent, timeout=20).raise_for_status()


@contextmanager
def _reconciling() -> Iterator[None]:
    """Look at alerts again and again, as the job does."""
    ended = Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            with suppress(AppError):
                alerts.reconcile(JOB)

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _setting(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    forget_caches()
    try:
        yield
    finally:
        del os.environ[name]
        forget_caches()


@contextmanager
def _provider() -> Iterator[str]:
    """The stand-in of the model provider."""
    port = free_port()
    argv = [sys.executable, "-m", "backend.sandbox.openai", "--port", str(port)]
    child = Child(Command(name="openai", argv=argv, log_path=LOCAL / "logs" / "bench-openai.log"))
    try:
        wait_until(lambda: accepts(port), child=child)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stop()
