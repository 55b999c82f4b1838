"""A real Prometheus that holds the synthetic worlds."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from backend.clients.prometheus import Prometheus
from backend.clock import Window
from backend.config import usage_settings
from backend.sandbox.processes import Child, Command, free_port, wait_until
from backend.sandbox.tools import monitoring
from backend.usage.metering import meter
from backend.usage.metering.source import Source
from backend.usage.types import NOTHING_STORED, DayMeasurement, StoredClosings
from tests.integration.usage.scenarios import AFTER, LOOKBACK, SCENARIOS, world_of
from tests.integration.usage.special import special_worlds
from tests.integration.usage.stand_in import stand_in
from tests.integration.usage.world import World, openmetrics_blocks

__all__ = ["stand_in"]

SEEDS = (1, 2, 3)
# Longer than Prometheus makes them at first: each block costs a run of promtool.
BLOCK_HOURS = 54

Measure = Callable[..., DayMeasurement]


def build_blocks(worlds: Sequence[World], folder: Path) -> None:
    """Write the samples as blocks, as a restored backup would bring them."""
    promtool = monitoring().promtool
    longest = f"--max-block-duration={BLOCK_HOURS}h"
    for number, text in openmetrics_blocks(worlds, BLOCK_HOURS * 3600).items():
        path = folder / f"{number}.om"
        path.write_text(text)
        subprocess.run(
            [promtool, "tsdb", "create-blocks-from", longest, "openmetrics", path, folder / "data"],
            check=True,
            capture_output=True,
        )
        path.unlink()


def serve(folder: Path, program: Path | None = None) -> tuple[Child, str]:
    """Start a Prometheus on the blocks of a folder; it forgets nothing, however old."""
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text("global: {scrape_interval: 15s}\n")
    argv = [
        str(program or monitoring().prometheus),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    child = Child(Command(name="prometheus", argv=argv, log_path=folder / "prometheus.log"))
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: is_ready(url), child=child, timeout_s=60)
    return child, url


def is_ready(url: str) -> bool:
    """Whether queries are answered."""
    try:
        return httpx.get(f"{url}/-/ready", timeout=2).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus with every scenario in it."""
    folder = tmp_path_factory.mktemp("usage-prometheus")
    worlds = [world_of(name, seed) for name in SCENARIOS for seed in SEEDS]
    build_blocks([*worlds, *special_worlds()], folder)
    child, url = serve(folder)
    yield url
    child.stop()


def window_of(start: float, end: float) -> Window:
    return Window(start=datetime.fromtimestamp(start, UTC), end=datetime.fromtimestamp(end, UTC))


@pytest.fixture
def measure(prometheus_url: str) -> Iterator[Measure]:
    """Measure a window of one scenario."""
    client = Prometheus(prometheus_url, 30)

    def measured(
        scenario: str,
        start: float,
        end: float,
        *,
        stored: StoredClosings = NOTHING_STORED,
        now: float = AFTER,
        tenant: str | None = None,
        **settings: str,
    ) -> DayMeasurement:
        given = usage_settings(
            prometheus_url=prometheus_url,
            usage_selector=f'scenario="{scenario}"',
            usage_lookback_s=str(LOOKBACK),
            **settings,
        )
        source = Source(client=client, settings=given, tenant=tenant)
        return meter.measure(
            source,
            date(2026, 11, 22),
            window_of(start, end),
            now=datetime.fromtimestamp(now, UTC),
            stored=lambda: stored,
        )

    yield measured
    client.close()
