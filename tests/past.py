"""A real Prometheus that holds a made-up past: counters written as OpenMetrics, turned into blocks by promtool."""

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import httpx

from backend.clock import day_window
from backend.sandbox.processes import Child, Command, free_port, wait_until
from backend.sandbox.tools import monitoring

COUNTER = "openai_tokens_total"
START = "process_start_time_seconds"

Sample = tuple[float, int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series: its labels as text without braces, and its samples in order of time."""

    labels: str
    samples: Sequence[Sample]


def counter(
    tenant: str, kind: str, instance: str, samples: Sequence[Sample], *, model: str = "gpt-small"
) -> Series:
    """A token counter of DocuChat."""
    labels = f'tenant="{tenant}",model="{model}",type="{kind}",instance="{instance}",job="docuchat"'
    return Series(labels=labels, samples=samples)


def process(instance: str, started: float, times: Iterable[float]) -> Series:
    """The start time of a process, as it was scraped."""
    return Series(labels=f'instance="{instance}",job="docuchat"', samples=[(at, started) for at in times])


def write_blocks(
    data_dir: Path, counters: Iterable[Series], processes: Iterable[Series], *, block: str = "6h"
) -> None:
    """Turn series into blocks below a data directory, a part of the counters at a time."""
    data_dir.mkdir(parents=True, exist_ok=True)
    _to_blocks(data_dir, _text(START, "gauge", processes), block)
    for part in _parts(counters, 400_000):
        _to_blocks(data_dir, _text(COUNTER, "counter", part), block)


def _parts(series: Iterable[Series], size: int) -> Iterator[list[Series]]:
    part: list[Series] = []
    for each in series:
        part.append(each)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def _text(metric: str, kind: str, series: Iterable[Series]) -> Iterator[str]:
    yield f"# TYPE {metric.removesuffix('_total')} {kind}\n"
    for each in series:
        prefix = f"{metric}{{{each.labels}}}"
        yield "".join(f"{prefix} {value} {at}\n" for at, value in each.samples)
    yield "# EOF\n"


def _to_blocks(data_dir: Path, text: Iterable[str], block: str) -> None:
    source = data_dir.with_name(f"{data_dir.name}.om")
    with source.open("w") as file:
        file.writelines(text)
    argv = [str(monitoring().promtool), "tsdb", "create-blocks-from", f"--max-block-duration={block}", "-q"]
    run = subprocess.run(
        [*argv, "openmetrics", str(source), str(data_dir)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr or run.stdout
    source.unlink()


def every(seconds: float, first: datetime, last: datetime) -> list[float]:
    """Times of scrapes from one instant to another, both included where they fit."""
    start, end = first.timestamp(), last.timestamp()
    return [start + seconds * step for step in range(int((end - start) // seconds) + 1)]


def day_end(day: date) -> float:
    """The last instant of a Tehran day, in seconds since 1970."""
    return day_window(day).end.timestamp()


class PastPrometheus:
    """A Prometheus over a data directory; it scrapes nothing and forgets nothing."""

    def __init__(self, home: Path, *, query_log: bool = False, is_written_to: bool = False) -> None:
        self.home = home
        self._is_written_to = is_written_to
        self.port = free_port()
        self.query_log = home / "queries.log" if query_log else None
        self._child: Child | None = None

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        log = {"query_log_file": str(self.query_log)} if self.query_log else {}
        config = self.home / "prometheus.yml"
        config.write_text(json.dumps({"global": {"scrape_interval": "60s", **log}}))
        argv = [
            str(monitoring().prometheus),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.data_dir}",
            "--storage.tsdb.retention.time=30y",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
            *(["--web.enable-remote-write-receiver"] if self._is_written_to else []),
        ]
        self._child = Child(Command(name="prometheus", argv=argv, log_path=self.home / "prometheus.log"))
        self.wait_until(self._is_ready, timeout_s=120)

    def wait_until(self, condition: Callable[[], bool], *, timeout_s: float) -> None:
        """Return once the condition holds; raise when the server ends before."""
        assert self._child is not None
        wait_until(condition, child=self._child, timeout_s=timeout_s)

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False
