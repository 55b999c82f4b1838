"""What a bill must survive beyond restarts: lost data, late data, doubled data, odd data."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backend.usage.metering import source
from backend.usage.types import (
    DayMeasurement,
    OpeningSource,
    StoredClosings,
    StoredIncarnation,
    UsageFlag,
    Values,
)
from tests.integration.usage import special
from tests.integration.usage.conftest import Measure
from tests.integration.usage.scenarios import BEFORE, END, HOUR, LOOKBACK, MIDDLE, START, world_of
from tests.integration.usage.test_scenarios import tokens_of, without_zeros
from tests.integration.usage.world import Key, World

WHOLE = (START, END)
SECOND_HALF = (MIDDLE, END)


def proven(world: World, start: float, end: float) -> dict[Key, int]:
    return without_zeros(world.proven(start, end, history_from=start - LOOKBACK))


def stored_after(measured: DayMeasurement, *, more: int = 0) -> StoredClosings:
    """What the database would know after storing a measurement."""
    incarnations: dict[tuple[str, datetime], Values] = defaultdict(dict)
    closed_at = {}
    for reading in measured.readings:
        incarnation = (reading.instance, reading.incarnation_start)
        incarnations[incarnation][reading[:3]] = reading.closing + more
        closed_at[incarnation] = reading.closed_at
    found = {
        incarnation: StoredIncarnation(closed_at[incarnation], closings)
        for incarnation, closings in incarnations.items()
    }
    return StoredClosings(previous_day=True, incarnations=found, older=lambda _incarnations: {})


def flags_of(measured: DayMeasurement) -> set[str]:
    return {flag for row in measured.rows for flag in row.flags}


def test_a_second_job_on_the_same_pods_counts_once_and_is_flagged(measure: Measure) -> None:
    measured = measure("second-job", *WHOLE)

    assert tokens_of(measured) == proven(special.second_job(), *WHOLE)
    assert flags_of(measured) == {UsageFlag.DUPLICATE_SCRAPE}
    assert not any(row.held for row in measured.rows)


def test_a_incarnation_never_reads_the_counters_of_the_one_before_it(measure: Measure) -> None:
    world = special.near_boundary()

    for window in ((START, MIDDLE), SECOND_HALF, WHOLE):
        assert tokens_of(measure("near-boundary", *window)) == proven(world, *window)


def test_a_stored_closing_stands_against_a_late_block(measure: Measure) -> None:
    billed = measure("late-before", START, MIDDLE)

    following = measure("late-after", *SECOND_HALF, stored=stored_after(billed))

    sums: dict[Key, int] = defaultdict(int)
    for part in (billed, following):
        for key, tokens in tokens_of(part).items():
            sums[key] += tokens
    assert dict(sums) == proven(special.late_block(has_come=True), *WHOLE)
    assert tokens_of(following) != tokens_of(measure("late-after", *SECOND_HALF))
    assert {reading.opening_source for reading in following.readings} == {OpeningSource.STORED}


def test_lost_data_costs_nothing_when_the_readings_are_stored(measure: Measure) -> None:
    first = measure("kept", START, MIDDLE)

    measured = measure("lost", *SECOND_HALF, stored=stored_after(first))

    assert tokens_of(measured) == proven(special.lost_data(is_lost=False), *SECOND_HALF)
    assert flags_of(measured) == {UsageFlag.LOW_COVERAGE}
    assert all(row.held for row in measured.rows)


def test_lost_data_without_stored_readings_is_held_at_what_was_seen(measure: Measure) -> None:
    world = special.lost_data(is_lost=True)

    measured = measure("lost", *SECOND_HALF)

    assert tokens_of(measured) == proven(world, *SECOND_HALF)
    assert all(row.held and UsageFlag.COLD_START in row.flags for row in measured.rows)
    assert {reading.opening_source for reading in measured.readings} == {OpeningSource.FIRST_SEEN}


def test_a_window_in_which_nobody_looked_is_held_and_its_tokens_come_later(measure: Measure) -> None:
    stored = stored_after(measure("kept", START, MIDDLE))

    silent = measure("lost", MIDDLE, MIDDLE + HOUR, stored=stored)
    following = measure(
        "lost",
        MIDDLE + HOUR,
        END,
        stored=replace(stored, incarnations={}, older=lambda _incarnations: stored.incarnations),
    )

    assert tokens_of(silent) == {}
    assert all(row.held and row.flags == (UsageFlag.LOW_COVERAGE,) for row in silent.rows)
    assert len(silent.rows) == 8
    assert tokens_of(following) == proven(special.lost_data(is_lost=False), *SECOND_HALF)


def test_a_reading_that_went_back_counts_nothing_and_is_held(measure: Measure) -> None:
    stored = stored_after(measure("kept", START, MIDDLE), more=10**9)

    measured = measure("kept", *SECOND_HALF, stored=stored)

    assert tokens_of(measured) == {}
    assert all(row.held and UsageFlag.READING_WENT_BACK in row.flags for row in measured.rows)


def test_labels_of_any_letters_are_measured(measure: Measure) -> None:
    expected = proven(special.strange_labels(), *WHOLE)

    assert tokens_of(measure("strange-labels", *WHOLE)) == expected
    for label in special.STRANGE_LABELS:
        alone = {key: tokens for key, tokens in expected.items() if key[0] == label}
        assert tokens_of(measure("strange-labels", *WHOLE, tenant=label)) == alone


@pytest.mark.parametrize("scenario", ["no-start", "only-no-start"])
def test_counters_without_a_start_time_are_kept_and_held(scenario: str, measure: Measure) -> None:
    measured = measure(scenario, *WHOLE)

    world = special.no_start()
    assert tokens_of(measured) == proven(world, *WHOLE)
    assert all(row.held and UsageFlag.NO_START_TIME in row.flags for row in measured.rows)


@pytest.mark.parametrize("scenario", ["churn-1", "ha-2", "hidden-1", "cold-1", "strange-labels"])
@pytest.mark.parametrize("series", ["1", "7", "30"])
def test_shards_change_nothing(scenario: str, series: str, measure: Measure) -> None:
    whole = measure(scenario, *WHOLE)

    sharded = measure(scenario, *WHOLE, usage_shard_series=series)

    assert sharded.rows == whole.rows
    assert sorted(sharded.readings) == sorted(whole.readings)


@pytest.mark.parametrize("scenario", ["churn-1", "away", "no-start", "only-no-start"])
def test_small_questions_change_nothing(
    scenario: str, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure(scenario, *WHOLE)

    for limit in ("NAMED_INSTANCES", "LARGEST_BATCH"):
        monkeypatch.setattr(source, limit, 1)
    in_pieces = measure(scenario, *WHOLE)

    assert in_pieces.rows == whole.rows
    assert sorted(in_pieces.readings) == sorted(whole.readings)


@pytest.mark.parametrize("scenario", ["reset-1", "ha-1", "mixed-2", "cold-3"])
def test_one_tenant_alone_has_the_same_rows(scenario: str, measure: Measure) -> None:
    everybody = measure(scenario, *WHOLE)

    alone = measure(scenario, *WHOLE, tenant="tenant-1")

    assert alone.rows == [row for row in everybody.rows if row.tenant == "tenant-1"]


def test_coverage_says_how_much_of_the_living_time_was_scraped(measure: Measure) -> None:
    measured = measure("hole", *SECOND_HALF, usage_min_coverage="0.9")

    living, unseen = END - MIDDLE, 3600 + 30 - 2 * 30
    coverage = {row.coverage for row in measured.rows}
    assert coverage == {(1 - Decimal(unseen) / Decimal(living)).quantize(Decimal("0.00001"), "ROUND_DOWN")}
    assert flags_of(measured) == {UsageFlag.LOW_COVERAGE}


def test_a_gap_across_a_boundary_is_flagged_on_both_sides(measure: Measure) -> None:
    for window in ((START, MIDDLE), SECOND_HALF):
        assert UsageFlag.GAP_ACROSS_BOUNDARY in flags_of(measure("gaps-1", *window))


def test_a_day_that_has_not_ended_is_measured_until_now(measure: Measure) -> None:
    world = world_of("clean", 1)

    measured = measure("clean-1", *WHOLE, now=MIDDLE)

    assert tokens_of(measured) == proven(world, START, MIDDLE)
    assert flags_of(measured) == {UsageFlag.OPEN}
    assert measured.measured_at == datetime.fromtimestamp(MIDDLE, UTC)


def test_the_end_that_nobody_saw_is_estimated_and_not_billed(measure: Measure) -> None:
    world = special.steady_death()

    (row,) = measure("steady-death", START, END).rows

    # Between the last scrape (55 s before its end) and the next start lie 115 s at 7 tokens a second.
    assert row.tokens == proven(world, START, END)[row[:3]]
    assert row.unseen_estimate == pytest.approx(115 * special.STEADY_TOKENS, rel=0.02)
    lost = sum(world.true(START, END).values()) - row.tokens
    assert 0 < lost <= row.unseen_estimate


def test_a_window_without_any_scrape_has_no_rows(measure: Measure) -> None:
    measured = measure("clean-1", BEFORE - 30 * HOUR, BEFORE - 6 * HOUR)

    assert (measured.rows, measured.readings) == ([], [])


def test_a_process_that_had_ended_leaves_no_trace_in_the_window_after_it(measure: Measure) -> None:
    ended = StoredIncarnation(datetime.fromtimestamp(MIDDLE - 60, UTC), {("gone", "gpt-4o", "prompt"): 5})
    incarnations = {("10.9.9.9:8000", datetime.fromtimestamp(BEFORE, UTC)): ended}
    before = stored_after(measure("clean-1", START, MIDDLE))

    measured = measure(
        "clean-1", *SECOND_HALF, stored=replace(before, incarnations={**before.incarnations, **incarnations})
    )

    assert measured.rows == measure("clean-1", *SECOND_HALF, stored=before).rows


def test_a_counter_without_address_and_start_time_is_held_at_what_it_grew(measure: Measure) -> None:
    world = special.nameless()

    measured = measure(world.name, *WHOLE)

    key, *_ = special.NAMELESS
    [held] = [row for row in measured.rows if UsageFlag.NO_START_TIME in row.flags]
    assert (held[:3], held.held) == (key, True)
    assert held.tokens == 2 * special.STEADY_TOKENS
