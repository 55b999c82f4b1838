"""The same day measured by other servers: VictoriaMetrics with its marks, and Prometheus with left-open ranges."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from backend.clients.prometheus import Prometheus
from backend.clock import Window, day_window
from backend.config import usage_settings
from backend.usage.metering import meter
from backend.usage.metering.coverage import Span
from backend.usage.metering.source import Source
from backend.usage.scanning.asking import Scan, ScanPace
from backend.usage.scanning.types import FindingKind
from backend.usage.types import NOTHING_STORED, DayMeasurement
from tests.integration.usage.nights import END, NOON
from tests.integration.usage.nights import SECOND as DAY
from tests.integration.usage.other_servers import (
    SHORTEST_DISTANCE_MS,
    STARTS,
    TIMEOUT_S,
    OtherServer,
    other_server,
    shared_world,
)
from tests.integration.usage.test_scenarios import tokens_of, without_zeros
from tests.integration.usage.world import START

LOOKBACK_S = 4 * 3600
WHOLE_DAY = day_window(DAY)
WINDOWS = {
    "day": WHOLE_DAY,
    "morning": Window(start=WHOLE_DAY.start, end=datetime.fromtimestamp(NOON, UTC)),
    "a boundary on a scrape": Window(start=datetime.fromtimestamp(NOON - NOON % 300, UTC), end=WHOLE_DAY.end),
}
ENDED = f'{START}{{instance="10.0.1.0:8000",prometheus_replica="b"}}[1d]'


@pytest.fixture(scope="module", params=STARTS)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherServer]:
    with other_server(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def measured(url: str, window: Window) -> DayMeasurement:
    given = usage_settings(prometheus_url=url, usage_selector='scenario="shared"')
    with Prometheus(url, TIMEOUT_S) as client:
        return meter.measure(
            Source(client=client, settings=given),
            DAY,
            window,
            now=datetime.fromtimestamp(END, UTC),
            stored=lambda: NOTHING_STORED,
        )


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_every_window_is_measured_exactly(window: Window, other: OtherServer) -> None:
    start, end = window.start.timestamp(), window.end.timestamp()

    found = measured(other.url, window)

    assert tokens_of(found) == without_zeros(
        shared_world().proven(start, end, history_from=start - LOOKBACK_S)
    )


def samples_of_an_ended_process(url: str) -> tuple[int, list[str]]:
    """What the client gives of it, and every value that the server told."""
    with Prometheus(url, TIMEOUT_S) as client:
        at_ms = round(WHOLE_DAY.end.timestamp() * 1000)
        [row] = client.ranges(ENDED, at_ms)
        [raw] = client._result(ENDED, at_ms)
    return len(row["values"]), [value for _, value in raw["values"]]


def test_marks_of_an_end_are_no_samples(other: OtherServer, request: pytest.FixtureRequest) -> None:
    kept, told = samples_of_an_ended_process(other.url)

    assert told.count("NaN") == ("victoria-metrics" in request.node.name)
    assert kept == len(told) - told.count("NaN")


def findings(url: str, world: str) -> list[tuple[FindingKind, int, int]]:
    """Kind, falls and rise of what a scan of the day finds in a world."""
    given = usage_settings(prometheus_url=url, usage_selector=f'scenario="{world}"')
    span = Span(*(round(each.timestamp() * 1000) for each in (WHOLE_DAY.start, WHOLE_DAY.end)))
    with Prometheus(url, TIMEOUT_S) as client:
        found = Scan.of_window(Source(client=client, settings=given), span, ScanPace(1)).findings("")
    return [(each.kind, each.falls, each.rose_tokens) for each in found]


def test_a_scan_finds_what_falls_and_what_comes_and_goes(other: OtherServer) -> None:
    [(fell, falls, rose)] = findings(other.url, "in-turn")
    [(went, _, _)] = findings(other.url, "came-and-went")

    assert (fell, falls) == (FindingKind.FELL, 2)
    assert 8900 <= rose <= 9000
    assert went is FindingKind.CAME_AND_WENT
    assert findings(other.url, "shared") == []


def shortest_distance_ms(url: str) -> int | None:
    with Prometheus(url, TIMEOUT_S) as client:
        return client.shortest_distance_ms()


def test_a_server_that_thins_samples_out_says_so(other: OtherServer, request: pytest.FixtureRequest) -> None:
    thins = "victoria-metrics" in request.node.name

    assert shortest_distance_ms(other.url) == (SHORTEST_DISTANCE_MS if thins else None)


def ask_everything(url: str) -> None:
    """Every question of this module, for who writes the answers down."""
    for window in WINDOWS.values():
        measured(url, window)
    samples_of_an_ended_process(url)
    for world in ("in-turn", "came-and-went", "shared"):
        findings(url, world)
    shortest_distance_ms(url)
