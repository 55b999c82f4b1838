"""Real processes that count, a real Prometheus that scrapes them, and the meter over a window of what it holds."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx

from backend.clients.prometheus import Prometheus
from backend.clock import Window, billing_day, utc_now
from backend.config import usage_settings
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import Child, Command, accepts, free_port, wait_until
from backend.sandbox.prometheus import PrometheusServer
from backend.sandbox.tools import monitoring
from backend.usage.metering import meter
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import milliseconds
from backend.usage.metering.source import Source
from backend.usage.scanning.asking import Scan, ScanPace
from backend.usage.scanning.types import DayFindings
from backend.usage.types import NOTHING_STORED, MeterFall, UsageRow
from tests.integration.live_meters.counting import KEY, TENANT
from tests.waiting import until

APP = "tests.integration.live_meters.counting"
INTERVAL = timedelta(milliseconds=250)
"""Between two scrapes; none takes longer."""
LOOKBACK_S = 600
TIMEOUT_S = 30
JOBS = ("files", "shared-port", "pool", "federation", "in-turn")


class Measured(NamedTuple):
    """The row of the tenant, and what fell in it."""

    row: UsageRow
    falls: Sequence[MeterFall]


@dataclass(frozen=True)
class Live:
    """A Prometheus that scrapes a port for each job, whether anybody listens there yet or not.

    That of the federation is another Prometheus, which scrapes the inner ports.
    """

    folder: Path
    server: PrometheusServer
    ports: dict[str, int]
    inner_ports: Sequence[int]

    def values(self, job: str, since: datetime) -> list[float]:
        """What the scrapes of a job after an instant told of the tenant's counter, in order of time."""
        return self._told(f'openai_tokens_total{{job="{job}",tenant="{TENANT}",type="prompt"}}', since)

    def starts(self, job: str, since: datetime) -> list[float]:
        """The same of the start time."""
        return self._told(f'process_start_time_seconds{{job="{job}"}}', since)

    def _told(self, selector: str, since: datetime) -> list[float]:
        told = [
            (at, float(value))
            for row in self.server.query(f"{selector}[10m]")
            for at, value in row["values"]
            if at > since.timestamp()
        ]
        return [value for _, value in sorted(told)]

    def begun(self, job: str) -> datetime:
        """Wait until the counter is scraped at zero; returns an instant after that, which no scrape is across any more.

        A scrape that begins before an instant may answer after it, and then tells what was counted meanwhile.
        """
        self.seen(job, 0)
        now = utc_now()
        until(lambda: self.values(job, now + INTERVAL))
        return now

    def seen(self, job: str, *descending: float) -> datetime:
        """Wait until some values of the counter are scraped from now on in this order; returns when they were.

        Processes that answer in turn are told apart once each has answered after all that tell more.
        """
        now = utc_now()

        def were_told() -> bool:
            told = iter(self.values(job, now))
            return all(value in told for value in descending)

        until(were_told)
        return utc_now()

    def measure(self, job: str, start: datetime, end: datetime) -> Measured:
        """Scan and measure a window of a job, as the night does with a day."""
        given = usage_settings(
            prometheus_url=self.server.url, usage_selector=f'job="{job}"', usage_lookback_s=str(LOOKBACK_S)
        )
        span = Span(milliseconds(start), milliseconds(end))
        with Prometheus(self.server.url, TIMEOUT_S) as client:
            source = Source(client=client, settings=given)
            found = Scan.of_window(source, span, ScanPace(1)).findings("")
            measured = meter.measure(
                source,
                billing_day(end),
                Window(start=start, end=end),
                now=end,
                stored=lambda: NOTHING_STORED,
                findings=DayFindings(findings=found, is_scanned=True),
            )
        [row] = [row for row in measured.rows if row[:3] == KEY]
        return Measured(row, measured.falls)


@contextmanager
def living(folder: Path) -> Iterator[Live]:
    """Everything that scrapes."""
    ports = {job: free_port() for job in JOBS}
    inner_ports = [free_port() for _ in range(4)]
    inner = _prometheus(folder / "inner", ports["federation"], _scrape("inner", inner_ports))
    federated = _scrape(
        "federation", [ports["federation"]], metrics_path="/federate", params={"match[]": ['{job="inner"}']}
    )
    jobs = [_scrape(job, [port]) for job, port in ports.items() if job != "federation"]
    server = _prometheus(folder / "outer", free_port(), federated, *jobs)
    with ExitStack() as ending:
        for each in (inner, server):
            ending.callback(each.stop)
            each.start()
        yield Live(folder, server, ports, inner_ports)


def _scrape(job: str, ports: Iterable[int], **options: object) -> dict[str, object]:
    addresses = [f"127.0.0.1:{port}" for port in ports]
    return {"job_name": job, "static_configs": [{"targets": addresses}], **options}


def _prometheus(folder: Path, port: int, *jobs: object) -> PrometheusServer:
    interval = f"{INTERVAL // timedelta(milliseconds=1)}ms"
    every = {"scrape_interval": interval, "scrape_timeout": interval}
    config = json.dumps({"global": every, "scrape_configs": jobs})
    return PrometheusServer(monitoring().prometheus, folder, port, files={"prometheus.yml": config})


@contextmanager
def pool(folder: Path, ports: Sequence[int], *, shared: int = 0) -> Iterator[Child]:
    """A process for each port, all begun in the same tick of the clock; each serves the shared port, too."""
    with _counting([APP, str(shared), *map(str, ports)], ports, folder) as child:
        yield child


@contextmanager
def application(folder: Path, port: int, *options: str, **env: str) -> Iterator[Child]:
    """An application that counts; with a folder of counters in ``env`` it is one worker of several."""
    argv = ["uvicorn", f"{APP}:app", f"--port={port}", "--timeout-keep-alive=0", *options]
    with _counting(argv, [port], folder, **env) as child:
        yield child


@contextmanager
def _counting(argv: Sequence[str], ports: Sequence[int], folder: Path, **env: str) -> Iterator[Child]:
    command = Command(
        name=f"counting-{ports[0]}",
        argv=[sys.executable, "-m", *argv],
        env={**os.environ, **env},
        log_path=folder / f"counting-{ports[0]}.log",
        cwd=REPOSITORY,
    )
    child = Child(command)
    try:
        wait_until(lambda: all(map(accepts, ports)), child=child, timeout_s=60)
        yield child
    finally:
        child.stop()


@contextmanager
def counters() -> Iterator[Callable[[int, int], int]]:
    """Lets a process that serves a port count tokens; returns which one did. Each time it is a new connection."""
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(timeout=TIMEOUT_S, limits=limits) as client:

        def count(port: int, tokens: int) -> int:
            answer = client.post(f"http://127.0.0.1:{port}/count/{tokens}").raise_for_status()
            pid: int = answer.json()["pid"]
            return pid

        yield count
