"""Exports the start time of the counters exactly once, as `process_start_time_seconds`.

Billing reads counters per process incarnation, so every exposition must tell when its incarnation started. Cases:

- One process on Linux: the client library's process collector exports the start time. This module adds nothing.
- One process elsewhere (macOS has no /proc): a collector of this module exports it.
- Several processes (`PROMETHEUS_MULTIPROC_DIR`): the library merges the counters of all workers, also of ended ones,
  from the files of that folder, and exports no start time. The merged counters are as old as these files: the files
  remain when a worker is replaced, and when the parent restarts and keeps the folder. So this module writes the start
  time into one more file in the folder, once, in the library's own format. The library merges it as a gauge: every
  worker exports the same value, and it begins anew when `*.db` is deleted, which is when the counters begin anew.
  The start time of a worker or of the parent would be wrong: counters that go on under a new start are billed twice.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.registry import Collector

START_TIME = "process_start_time_seconds"
_HELP = "Start time of these counters since unix epoch in seconds."
# The library reads the name as: a gauge, merged by the minimum, of the "process" named start.
_START_FILE = "gauge_min_start.db"


def multiprocess_folder() -> Path | None:
    """The folder of the merged counters, or None when one process exposes its own."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


def announce_start_time(registry: CollectorRegistry = REGISTRY) -> None:
    """Export the start time exactly once. Idempotent."""
    folder = multiprocess_folder()
    if folder is not None:
        write_merged_start_time(folder)
        return
    try:
        registry.register(StartTime(time.time()))
    except ValueError:
        # The registry's refusal of a duplicate: the library's own process collector exports it, or we already do.
        return


def write_merged_start_time(folder: Path) -> None:
    """Write the start time into the folder unless one is there. Safe when several workers do it at once."""
    start = folder / _START_FILE
    if start.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"start-{os.getpid()}-{time.monotonic_ns()}.draft"
    values = MmapedDict(str(draft))
    values.write_value(mmap_key(START_TIME, START_TIME, [], [], _HELP), time.time(), 0.0)
    values.close()
    try:
        # A link never replaces a file: the start time of the first worker stays, and nobody reads a half-written file.
        start.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


class StartTime(Collector):
    """Exports one fixed start time."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The start time as a gauge without labels."""
        return [GaugeMetricFamily(START_TIME, _HELP, value=self._started_at)]
