"""Servers that speak the language of Prometheus: the real ones where they can be had, else what they once answered.

`python -m tests.integration.usage.other_servers` writes the answers down anew; it needs both programs.
"""

import gzip
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from backend.sandbox.processes import Child, Command, SandboxError, free_port, wait_until
from delivery.tools import tool
from tests.integration.usage.conftest import build_blocks, serve
from tests.integration.usage.nights import BEGIN, END, NOON, A, B, midnight, pod
from tests.integration.usage.nights import SECOND as DAY
from tests.integration.usage.scans import Told, came_and_went, in_turn
from tests.integration.usage.stand_in import Answering, Reply, serving
from tests.integration.usage.world import HOUR, Labels, Scraper, World
from tests.remote_write import marks

RECORDED = Path(__file__).parent / "recorded"
TIMEOUT_S = 20.0
INTERVAL_S = 300
SHORTEST_DISTANCE_MS = 250
"""As ``-dedup.minScrapeInterval`` says; far below the interval of scrapes, it drops nothing."""


class OtherServer(NamedTuple):
    """A server that holds the world, and whether it is the real one."""

    url: str
    is_real: bool


def shared_world() -> World:
    """Rolling deploys, a restart in place and a late first use, watched by a pair of scrapers with gaps."""
    first = midnight(DAY)
    processes = [
        pod("10.0.0.1:8000"),
        pod("10.0.0.2:8000", BEGIN, NOON),
        pod("10.0.0.2:8000", NOON + 100, END),
        pod("10.0.0.3:8000", first_used={A: BEGIN, B: NOON + HOUR}),
        *(
            pod(f"10.0.1.{hour}:8000", first + hour * HOUR + 17, first + (hour + 4) * HOUR + 140)
            for hour in range(0, 24, 4)
        ),
    ]
    gap = (first - HOUR / 2, first + HOUR / 2)
    pair = [
        Scraper(INTERVAL_S, extra={"prometheus_replica": "a"}, gaps=[gap]),
        Scraper(INTERVAL_S, 139, extra={"prometheus_replica": "b"}),
    ]
    return World("shared", processes, pair)


def worlds() -> "list[World | Told]":
    """Everything that these servers hold: a day of deploys, and what falls or comes and goes inside it."""
    return [shared_world(), in_turn(), came_and_went()]


def series_of(world: "World | Told") -> dict[tuple[str, Labels], list[tuple[int, float]]]:
    """Milliseconds and values of each series."""
    series: dict[tuple[str, Labels], list[tuple[int, float]]] = defaultdict(list)
    for metric, labels, at, value in world.samples():
        series[metric, labels].append((round(at * 1000), value))
    return {name: sorted(samples) for name, samples in series.items()}


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    """A VictoriaMetrics that holds the world, with the marks that its own scraper would set."""
    port = free_port()
    argv = [
        str(tool("victoria-metrics")),
        f"-storageDataPath={folder / 'data'}",
        "-retentionPeriod=100y",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-loggerLevel=ERROR",
        f"-dedup.minScrapeInterval={SHORTEST_DISTANCE_MS}ms",
    ]
    child = Child(Command(name="victoria-metrics", argv=argv, log_path=folder / "log"))
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(f"{url}/health"), child=child, timeout_s=60)
        for world in worlds():
            _import(url, world)
        yield url
    finally:
        child.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _import(url: str, world: "World | Told") -> None:
    named = [
        ({"__name__": metric, **dict(labels)}, samples)
        for (metric, labels), samples in series_of(world).items()
    ]
    lines = [
        json.dumps(
            {"metric": labels, "values": [each for _, each in told], "timestamps": [at for at, _ in told]}
        )
        for labels, told in named
    ]
    last_ms = (END - 2 * INTERVAL_S) * 1000
    ended = [(labels, told[-1][0] + INTERVAL_S * 1000) for labels, told in named if told[-1][0] < last_ms]
    with httpx.Client(base_url=url, timeout=60) as client:
        client.post("/api/v1/import", content="\n".join(lines)).raise_for_status()
        client.post("/api/v1/write", content=marks(ended)).raise_for_status()
        client.get("/internal/force_flush").raise_for_status()


@contextmanager
def prometheus_3(folder: Path) -> Iterator[str]:
    """A Prometheus of the third generation that holds the world."""
    build_blocks(worlds(), folder)
    child, url = serve(folder, tool("prometheus3"))
    try:
        yield url
    finally:
        child.stop()


STARTS: Mapping[str, Callable[[Path], AbstractContextManager[str]]] = {
    "victoria-metrics": victoria_metrics,
    "prometheus3": prometheus_3,
}


@contextmanager
def other_server(name: str, folder: Path) -> Iterator[OtherServer]:
    """The real server where its program can be had, else a stand-in that repeats its answers."""
    try:
        tool(name)
    except SandboxError:
        with serving() as stand_in:
            stand_in.answer = _repeating(_file(name))
            yield OtherServer(stand_in.url, is_real=False)
        return
    with STARTS[name](folder) as url:
        yield OtherServer(url, is_real=True)


def _file(name: str) -> Path:
    return RECORDED / f"{name}.json.gz"


def _repeating(file: Path) -> Answering:
    known = json.loads(gzip.decompress(file.read_bytes()))

    def answer(path: str, fields: str) -> Reply:
        status, body = known[f"{path} {fields}"]
        return status, body.encode()

    return answer


@contextmanager
def recording(name: str, folder: Path) -> Iterator[str]:
    """A stand-in that passes every question on to the real server, and writes the answers down at the end."""
    told: dict[str, tuple[int, str]] = {}
    with STARTS[name](folder) as url, serving() as stand_in, httpx.Client(base_url=url, timeout=60) as client:

        def answer(path: str, fields: str) -> Reply:
            form = {"content-type": "application/x-www-form-urlencoded"}
            found = client.post(path, content=fields, headers=form) if fields else client.get(path)
            body = found.text
            if path == "/metrics":
                body = "\n".join(line for line in body.splitlines() if line.startswith('flag{name="dedup'))
            told[f"{path} {fields}"] = found.status_code, body
            return found.status_code, body.encode()

        stand_in.answer = answer
        yield stand_in.url
    RECORDED.mkdir(exist_ok=True)
    _file(name).write_bytes(gzip.compress(json.dumps(told, sort_keys=True).encode(), mtime=0))


def main() -> None:
    """Write the answers of both servers down anew."""
    from tests.integration.usage import test_other_servers as tests  # noqa: PLC0415 - it imports this module

    for name in STARTS:
        with tempfile.TemporaryDirectory() as folder, recording(name, Path(folder)) as url:
            tests.ask_everything(url)


if __name__ == "__main__":
    main()
