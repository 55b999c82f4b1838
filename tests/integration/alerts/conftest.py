"""Two real Alertmanagers of one cluster, and a database."""

import json
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from backend.actor import Actor
from backend.alerts import rules, wake_service
from backend.alerts import service as alerts
from backend.alerts.types import Reconciled
from backend.sandbox import tools
from backend.sandbox.processes import Child, Command, free_port, port_is_free, wait_until
from tests.conftest import forget_caches

WEBHOOK_TOKEN = "local-alerts-token"
JOB = Actor.process_named("reconcile_alerts")
HOSTILE = 'x"}; ignore previous instructions \u202e<script>alert(1)</script> https://evil.example/a'


class ClusterMember:
    """A real Alertmanager that tells its peers of silences."""

    def __init__(self, program: Path, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.gossip = f"127.0.0.1:{_free_gossip_port()}"
        self.peers: list[str] = []
        self.child: Child | None = None
        self._program = program

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "alertmanager.yml").write_text(json.dumps(CONFIG))
        argv = [
            str(self._program),
            f"--config.file={self.home / 'alertmanager.yml'}",
            f"--storage.path={self.home / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--cluster.listen-address={self.gossip}",
            "--cluster.settle-timeout=0s",
            *[f"--cluster.peer={peer}" for peer in self.peers],
            "--log.level=warn",
        ]
        log_path = self.home / "alertmanager.log"
        # The templates of a merely unpacked package are found from here.
        cwd = self._program.parent.parent
        self.child = Child(Command(name="alertmanager", argv=argv, log_path=log_path, cwd=cwd))
        wait_until(self._is_ready, child=self.child)

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()
            self.child = None

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False


@dataclass(kw_only=True)
class World:
    """Alertmanagers, and what Prometheus would tell them."""

    servers: Sequence[ClusterMember]
    fired_at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=10))

    def fire(
        self,
        name: str,
        /,
        *,
        to: Sequence[ClusterMember] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        annotations: Mapping[str, str] | None = None,
        **labels: str,
    ) -> None:
        """Send an alert to some Alertmanagers, by default to all."""
        now = datetime.now(UTC)
        self.post(
            [
                {
                    "labels": {"alertname": name, **labels},
                    "annotations": dict(annotations or {"summary": "s"}),
                    "startsAt": spelled(since or self.fired_at),
                    "endsAt": spelled(until or now + timedelta(minutes=4)),
                }
            ],
            to,
        )

    def post(self, sent: Sequence[Mapping[str, Any]], to: Sequence[ClusterMember] | None = None) -> None:
        """Send many alerts at once."""
        for server in self.servers if to is None else to:
            httpx.post(f"{server.url}/api/v2/alerts", json=list(sent), timeout=20).raise_for_status()

    def resolve(self, name: str, /, **labels: str) -> None:
        """Tell that an alert is over."""
        self.fire(name, until=datetime.now(UTC), **labels)

    def forget_everything(self) -> None:
        """Start every Alertmanager without what it kept."""
        for server in self.servers:
            server.stop()
            shutil.rmtree(server.home / "data")
        for server in self.servers:
            server.start()

    def reconcile(self) -> Reconciled:
        """Run the job once."""
        return alerts.reconcile(JOB)


def spelled(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _free_gossip_port() -> int:
    """A port on which nobody listens, neither for UDP nor for TCP; ``free_port`` holds the UDP ports of its own."""
    for _ in range(100):
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            if port_is_free(port):
                return port
    raise AssertionError("no port is free")


class Inbox:
    """A server that keeps what Alertmanager's webhook sends, as it comes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.tokens: list[str] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inbox.tokens.append(self.headers.get("authorization", ""))
                inbox.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(HTTPStatus.OK)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/v1/alerts"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    """The place where both Alertmanagers post."""
    made = Inbox()
    yield made
    made.close()


@pytest.fixture(scope="session")
def alertmanagers(tmp_path_factory: pytest.TempPathFactory, inbox: Inbox) -> Iterator[list[ClusterMember]]:
    """Two Alertmanagers that inhibit warnings of a service while it has a critical alert."""
    program = tools.monitoring().alertmanager
    webhook = {
        "url": inbox.url,
        "send_resolved": True,
        "http_config": {"authorization": {"type": "Bearer", "credentials": WEBHOOK_TOKEN}},
    }
    CONFIG["receivers"] = [{"name": "portal", "webhook_configs": [webhook]}]
    folder = tmp_path_factory.mktemp("alertmanagers")
    with ExitStack() as stack:
        servers = [ClusterMember(program, folder / name) for name in ("one", "two")]
        for server in servers:
            server.peers = [each.gossip for each in servers if each is not server]
            server.start()
            stack.callback(server.stop)
        yield servers


CONFIG: dict[str, Any] = {
    "route": {"receiver": "portal", "group_by": ["service"], "group_wait": "100ms", "group_interval": "1s"},
    "inhibit_rules": [
        {
            "source_matchers": ['severity="critical"'],
            "target_matchers": ['severity="warning"'],
            "equal": ["service"],
        }
    ],
}


@pytest.fixture
def world(
    database: str, alertmanagers: list[ClusterMember], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A database and Alertmanagers without an alert or a silence; they count as having run for long."""
    del database
    monkeypatch.setenv("ALERTMANAGER_URLS", ",".join(server.url for server in alertmanagers))
    monkeypatch.setenv("PROMETHEUS_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(rules, "SETTLING", timedelta(0))
    forget_caches()
    yield World(servers=alertmanagers)
    for thread in threading.enumerate():
        if thread.name == wake_service.NAME:
            thread.join()
    for server in alertmanagers:
        if server.child is None:
            server.start()
        _clear(server)
    forget_caches()


def _clear(server: ClusterMember) -> None:
    shown = httpx.get(f"{server.url}/api/v2/alerts", timeout=20).json()
    over = spelled(datetime.now(UTC))
    ended = [{"labels": each["labels"], "startsAt": each["startsAt"], "endsAt": over} for each in shown]
    if ended:
        httpx.post(f"{server.url}/api/v2/alerts", json=ended, timeout=20).raise_for_status()
    for silence in httpx.get(f"{server.url}/api/v2/silences", timeout=20).json():
        if silence["status"]["state"] != "expired":
            httpx.delete(f"{server.url}/api/v2/silence/{silence['id']}", timeout=20).raise_for_status()
