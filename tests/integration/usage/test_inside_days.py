"""Whatever happens inside a day, it is counted exactly or held, never above the truth and never short in silence."""

from collections.abc import Callable

import pytest

from backend.actor import Actor
from backend.usage import service as usage
from backend.usage.types import DayMeasurement, UsageFlag
from tests.conftest import forget_caches
from tests.integration.usage import inside_days, scans
from tests.integration.usage.nights import SECOND, A, B

NIGHT = Actor.process_named("billing")
Measured = Callable[[str], DayMeasurement]


@pytest.fixture
def measured(database: str, nights_url: str, monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Scan and measure the second day of a world."""

    def measure(world: str) -> DayMeasurement:
        monkeypatch.setenv("PROMETHEUS_URL", nights_url)
        monkeypatch.setenv("USAGE_SELECTOR", f'scenario="{world}"')
        forget_caches()
        usage.scan_day(NIGHT, SECOND, is_hurried=True)
        return usage.measure_day(NIGHT, SECOND)

    return measure


def is_plain(found: DayMeasurement) -> bool:
    """Whether the steady series beside was counted as ever."""
    [row] = [row for row in found.rows if row[:3] == B]
    return row.tokens == 2400 and not row.held


def held_between(found: DayMeasurement, flag: UsageFlag) -> tuple[int, int]:
    """Both figures of the series that fell, after a look whether it is held with the least."""
    [row] = [row for row in found.rows if row[:3] == A]
    [fall] = found.falls
    assert (row.held, row.tokens) == (True, fall.least_tokens)
    assert flag in row.flags
    return fall.least_tokens, fall.most_tokens


@pytest.mark.parametrize("seed", inside_days.INSIDE_SEEDS)
def test_a_counter_that_falls_is_held_with_the_truth_between_its_figures(
    seed: int, measured: Measured
) -> None:
    true = inside_days.truth("falling", seed)[A]

    found = measured(f"falling-{seed}")

    least, most = held_between(found, UsageFlag.COUNTER_FELL)
    assert least <= true <= most
    assert is_plain(found)


@pytest.mark.parametrize("seed", inside_days.INSIDE_SEEDS)
def test_a_series_that_comes_and_goes_is_counted_exactly(seed: int, measured: Measured) -> None:
    found = measured(f"coming-{seed}")

    [row] = [row for row in found.rows if row[:3] == A]
    assert (row.tokens, row.held) == (inside_days.truth("coming", seed)[A], False)
    assert is_plain(found)


@pytest.mark.parametrize("seed", scans.SHARED_PORT_SEEDS)
def test_workers_that_answer_in_turn_are_held_with_the_truth_between_their_figures(
    seed: int, measured: Measured
) -> None:
    least, most = held_between(measured(f"shared-port-{seed}"), UsageFlag.ALTERNATES)

    assert least <= scans.Workers(4, seed).used() <= most


def test_three_workers_whose_files_were_deleted_are_held_near_their_9000_tokens(measured: Measured) -> None:
    """Billed were 4,000 of 9,000, without a word. What nobody scraped before the files went is in no figure."""
    least, most = held_between(measured("in-turn"), UsageFlag.COUNTER_FELL)

    assert 8950 <= least <= most <= 9000


def test_a_day_with_one_fall_is_held_between_what_rose_and_a_restart(measured: Measured) -> None:
    """Billed were 399,264, without a word."""
    least, most = held_between(measured("falls-once"), UsageFlag.COUNTER_FELL)

    assert 1_195_000 < least <= 1_200_000
    assert 1_295_000 < most <= 1_300_000


def test_a_company_that_is_measured_alone_has_its_own_falls_and_nobody_elses(measured: Measured) -> None:
    together = measured("odd")

    alone = usage.measure_day(NIGHT, SECOND, tenant_label=A[0])

    assert [row[:3] for row in together.rows if row.held] > [A]
    assert alone.rows == [row for row in together.rows if row[:3] == A]


@pytest.mark.parametrize(
    ("name", "unsure"), [("vanishes", 0), ("vanishes-at-midnight", 0), ("comes-and-goes", 10)]
)
def test_a_series_of_a_meter_that_vanishes_while_another_lives_on_is_held_with_what_both_rose(
    name: str, unsure: int, measured: Measured
) -> None:
    """Only a label that nobody here knows tells them apart; their sum fell, and was billed short without a word."""
    world = next(each for each in scans.siblings() if each.name == f"sibling-{name}")

    found = measured(world.name)

    least, most = held_between(found, UsageFlag.COUNTER_FELL)
    assert (most - unsure <= least, most) == (True, world.used())
    assert is_plain(found)
