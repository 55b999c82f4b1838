"""The scan of a closed day finds what boundaries do not show, once, and nothing else."""

from collections.abc import Callable

import pytest

from backend.actor import Actor
from backend.clients.prometheus import Prometheus
from backend.config import usage_settings
from backend.money import LARGEST_STORED
from backend.usage import scan_service
from backend.usage.metering.coverage import Span
from backend.usage.metering.labels import storable
from backend.usage.metering.source import Source
from backend.usage.scanning.asking import Scan, ScanPace
from backend.usage.scanning.types import Finding, FindingKind
from tests.conftest import forget_caches
from tests.integration.usage import scans
from tests.integration.usage.conftest import SEEDS
from tests.integration.usage.nights import POD, SECOND, A
from tests.integration.usage.scenarios import END, LOOKBACK, MIDDLE, SCENARIOS, START

Scanned = Callable[..., list[Finding]]

NIGHT = Actor.process_named("scan_day")


@pytest.fixture
def scanned(database: str, nights_url: str, monkeypatch: pytest.MonkeyPatch) -> Scanned:
    def findings(world: str, **settings: str) -> list[Finding]:
        monkeypatch.setenv("PROMETHEUS_URL", nights_url)
        monkeypatch.setenv("USAGE_SELECTOR", f'scenario="{world}"')
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        forget_caches()
        assert scan_service.scan_day(NIGHT, SECOND, is_hurried=True).is_whole
        return list(scan_service.findings(NIGHT, SECOND).findings)

    return findings


def test_three_workers_in_turn_are_told_by_their_falls(scanned: Scanned) -> None:
    [found] = scanned("in-turn")

    assert (found.kind, found.key, found.instance, found.falls) == (FindingKind.FELL, A, POD, 2)
    assert (
        8950
        <= found.first_value + found.rose_tokens
        <= 9000
        <= found.rose_tokens + found.restarted_tokens + 60
    )


def test_a_fall_has_two_figures(scanned: Scanned) -> None:
    [found] = scanned("falls-once")

    assert (found.kind, found.falls) == (FindingKind.FELL, 1)
    assert (found.first_value, found.last_value) == (600_000, 1_000_000)
    assert 1_195_000 < found.rose_tokens <= 1_200_000
    assert 1_295_000 < found.rose_tokens + found.restarted_tokens <= 1_305_000


@pytest.mark.parametrize("seed", scans.SHARED_PORT_SEEDS)
def test_workers_that_share_a_port_alternate(seed: int, scanned: Scanned) -> None:
    [found] = scanned(f"shared-port-{seed}")

    assert found.kind is FindingKind.ALTERNATES
    assert found.rose_tokens <= scans.Workers(4, seed).used() <= found.rose_tokens + found.restarted_tokens


def test_a_series_that_came_and_went_is_told_with_its_values(scanned: Scanned) -> None:
    [found] = scanned("came-and-went")

    assert (found.kind, found.key, found.falls) == (FindingKind.CAME_AND_WENT, A, 0)
    assert found.first_value < 20
    assert 480 <= found.last_value <= 500


def test_a_series_that_went_before_the_end_of_its_process_is_told(scanned: Scanned) -> None:
    found = scanned("went-before-its-end")

    assert [(each.kind, each.instance) for each in found] == [
        (FindingKind.CAME_AND_WENT, POD),
        (FindingKind.CAME_AND_WENT, scans.POD2),
    ]


def test_a_restart_in_place_is_no_fall(scanned: Scanned) -> None:
    [found] = scanned("restarted-then-falls")

    assert (found.kind, found.falls) == (FindingKind.FELL, 1)
    assert found.incarnation_start.timestamp() == scans.MORNING + 12 * 3600
    assert found.first_value == 0
    assert 540 < found.last_value <= 550


def test_a_pair_of_servers_tells_a_fall_once(scanned: Scanned) -> None:
    [found] = scanned("pair")

    assert (found.kind, found.falls, found.first_value, found.last_value) == (FindingKind.FELL, 1, 600, 1000)


def test_a_fall_at_midnight_is_of_the_day_that_it_opens(scanned: Scanned) -> None:
    [found] = scanned("falls-at-midnight")

    assert (found.kind, found.falls) == (FindingKind.FELL, 1)


def test_a_process_without_a_start_time_is_looked_at_too(scanned: Scanned) -> None:
    [found] = scanned("without-start")

    assert (found.kind, found.falls, found.incarnation_start.timestamp()) == (FindingKind.FELL, 1, 0)


def test_labels_and_numbers_that_no_database_keeps_are_found_all_the_same(scanned: Scanned) -> None:
    beyond, zero = scanned("odd")

    assert (beyond.key, beyond.first_value, beyond.rose_tokens) == (A, LARGEST_STORED, LARGEST_STORED)
    assert (zero.key[0], zero.falls) == (storable("zero\0byte"), 1)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", SEEDS)
def test_restarts_pairs_churn_and_gaps_are_no_findings(scenario: str, seed: int, prometheus_url: str) -> None:
    given = usage_settings(
        prometheus_url=prometheus_url,
        usage_selector=f'scenario="{scenario}-{seed}"',
        usage_lookback_s=str(LOOKBACK),
    )
    with Prometheus(prometheus_url, 30) as client:
        source = Source(client=client, settings=given)
        halves = [Span(START * 1000, MIDDLE * 1000), Span(MIDDLE * 1000, END * 1000)]

        found = [Scan.of_window(source, span, ScanPace(1)).findings("") for span in halves]

    assert found == [[], []]


@pytest.mark.parametrize(("distance_ms", "is_said"), [(1_000, True), (999, False), (None, False)])
def test_a_server_that_drops_samples_is_told_in_the_log(
    distance_ms: int | None,
    is_said: bool,
    scanned: Scanned,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Prometheus, "shortest_distance_ms", lambda _: distance_ms)

    scanned("in-turn")

    assert ("usage.samples_thinned_out" in caplog.messages) == is_said
