"""A day with a sample of every series each minute, written as the minutes went by.

Remote write is how such a day comes into a Prometheus that scrapes nothing: its blocks are cut and joined by itself, as
they are in production, and 400,000 series are there in minutes; promtool takes hours for their text.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx

from backend.clock import day_window
from tests import remote_write
from tests.past import COUNTER, START, PastPrometheus

STEP_S = 60
INSTANCES = ("docuchat-1", "docuchat-2")
TYPES = ("prompt", "completion")
BEFORE = timedelta(hours=1)
# Of all series before the next half hour of any: an older sample than an hour behind the newest is refused.
PIECE_S = 1800
SERIES_AT_ONCE = 4_000
RATES = 97
# So long after the day that nothing of the day is left in memory.
LATER_S = 6 * 3600


def write(home: Path, scale: int, day: date) -> None:
    """Write the day, and an hour before it, of 4 series for each tenant; it lies in blocks at the end."""
    prometheus = PastPrometheus(home, is_written_to=True)
    prometheus.start()
    try:
        with httpx.Client(base_url=prometheus.url, timeout=600) as client:
            _write_all(client, scale, day)
            prometheus.wait_until(lambda: _series_in_memory(client) == 1, timeout_s=3600)
    finally:
        prometheus.stop()


def _write_all(client: httpx.Client, scale: int, day: date) -> None:
    window = day_window(day)
    born_s, end_s = int((window.start - BEFORE).timestamp()), int(window.end.timestamp())
    parts = list(_parts(scale))
    with ThreadPoolExecutor(2) as pool:
        for first_s in range(born_s + STEP_S, end_s + 1, PIECE_S):
            times = range(first_s, min(first_s + PIECE_S, end_s + 1), STEP_S)
            samples = {
                rate: remote_write.samples((at_s * 1000, (at_s - born_s) // STEP_S * rate) for at_s in times)
                for rate in range(1, RATES + 1)
            }
            started = remote_write.samples((at_s * 1000, born_s) for at_s in times)
            _post(client, remote_write.body((start, started) for start in _starts()))
            # Whoever is at it has ended before the next half hour begins.
            list(pool.map(lambda part, told=samples: _post(client, _body(part, told)), parts))
    later = remote_write.samples([((end_s + LATER_S) * 1000, born_s)])
    _post(client, remote_write.body([(next(_starts()), later)]))


def _post(client: httpx.Client, body: bytes) -> None:
    client.post("/api/v1/write", content=body).raise_for_status()


def _body(part: list[tuple[bytes, int]], samples: Mapping[int, bytes]) -> bytes:
    return remote_write.body((labels, samples[rate]) for labels, rate in part)


def _parts(scale: int) -> Iterator[list[tuple[bytes, int]]]:
    """Labels of each counter and how fast it grows, as many as one request takes."""
    tenants_at_once = SERIES_AT_ONCE // len(INSTANCES) // len(TYPES)
    for first in range(0, scale, tenants_at_once):
        numbers = range(first, min(first + tenants_at_once, scale))
        yield [_counter(*each) for each in product(numbers, enumerate(INSTANCES), TYPES)]


def _counter(number: int, place: tuple[int, str], kind: str) -> tuple[bytes, int]:
    index, instance = place
    labels: dict[str, Any] = {"__name__": COUNTER, "tenant": f"tenant-{number:06d}", "model": "gpt-small"}
    rate = 1 + (number * 7 + index + len(kind)) % RATES
    return remote_write.labels(labels | {"type": kind, "instance": instance, "job": "docuchat"}), rate


def _starts() -> Iterator[bytes]:
    for instance in INSTANCES:
        yield remote_write.labels({"__name__": START, "instance": instance, "job": "docuchat"})


def _series_in_memory(client: httpx.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("prometheus_tsdb_head_series "))
