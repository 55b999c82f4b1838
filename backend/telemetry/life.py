"""Start time of the counters' life, exported exactly once as `process_start_time_seconds`.

Billing reads a counter per process life, so every exposition must say which life it belongs to. Three cases:

- One process, Linux: the client library's process collector says it, and this module stays silent.
- One process, elsewhere (macOS has no /proc): a collector of this module says it.
- Several processes (`PROMETHEUS_MULTIPROC_DIR`): the library merges the counters of all workers, the dead ones too,
  from the files of that folder, and tells no start at all. The merged counters live as long as *those files*: they
  outlive a recycled worker, and a restarted parent that kept the folder. So the start is kept in a file among them,
  made once by whoever comes first and in the library's own format. It is merged like any gauge, is the same
  whichever worker answers, and goes when `*.db` goes - which is when the counters begin again.
  The start of a worker or of the parent would be wrong: counters that continue under a new start are billed twice.
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
_HELP = "Start time of the life of these counters since unix epoch in seconds."
# Read by the library as: a gauge, merged by the minimum, of the "process" named life.
_LIFE_FILE = "gauge_min_life.db"


def multiprocess_folder() -> Path | None:
    """The folder of the merged counters, or None when one process exposes its own."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


def announce_life(registry: CollectorRegistry = REGISTRY) -> None:
    """Make sure that the start time is exported, and only once. Idempotent."""
    folder = multiprocess_folder()
    if folder is not None:
        begin_merged_life(folder)
        return
    try:
        registry.register(StartTime(time.time()))
    except ValueError:
        # The registry's refusal of a duplicate: the library's own process collector exports it, or we already do.
        return


def begin_merged_life(folder: Path) -> None:
    """Write the start into the folder unless one is there. Safe against workers that do the same at once."""
    life = folder / _LIFE_FILE
    if life.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"life-{os.getpid()}-{time.monotonic_ns()}.draft"
    values = MmapedDict(str(draft))
    values.write_value(mmap_key(START_TIME, START_TIME, [], [], _HELP), time.time(), 0.0)
    values.close()
    try:
        # A link never replaces: the first worker's start stays, and nobody ever reads a half-written file.
        life.hardlink_to(draft)
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
