"""Incarnations from the samples of start times, and how well they were seen."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.usage.metering.coverage import (
    ObservedTime,
    Span,
    coverage_of,
    known_until,
    observation_in,
    watched_until,
)
from backend.usage.metering.incarnations import (
    Copy,
    Incarnation,
    Point,
    Run,
    ScrapeHistory,
    Target,
    history_of,
    is_in_boundary_vector,
    microseconds,
    milliseconds,
    overlap,
    point_at,
)

MINUTE = 60_000
DAY = Span(0, 1440 * MINUTE)


def series(samples: list[tuple[float, str]], **labels: str) -> dict[str, Any]:
    return {
        "metric": {"__name__": "process_start_time_seconds", **labels},
        "values": [list(s) for s in samples],
    }


def seen(*found: dict[str, Any]) -> ScrapeHistory:
    return history_of(found, is_wanted=lambda _instance: True)


def scraped(start_minute: int, minutes: list[int], *, successor: int | None = None) -> Incarnation:
    """An incarnation that one target scraped at these minutes."""
    times = [minute * MINUTE for minute in minutes]
    history = seen(series([(at / 1000, str(start_minute * 60)) for at in times], instance="a"))
    (incarnation,) = history.incarnations
    incarnation.successor_ms = None if successor is None else successor * MINUTE
    return incarnation


def test_a_change_of_the_start_time_begins_a_new_incarnation() -> None:
    history = seen(series([(10, "5.25"), (20, "5.25"), (30, "25.5")], instance="a", job="x"))

    assert [(incarnation.start_us, incarnation.times) for incarnation in history.incarnations] == [
        (5_250_000, [10_000, 20_000]),
        (25_500_000, [30_000]),
    ]
    assert history.incarnations[0].successor_ms == 25_500


def test_instants_are_whole_numbers_rounded_down() -> None:
    instant = datetime(1970, 1, 1, 0, 0, 1, 1999, tzinfo=UTC)

    assert f"{milliseconds(instant)} {microseconds(instant)}" == "1001 1001999"


def test_copies_of_a_incarnation_are_merged_whatever_their_labels() -> None:
    history = seen(
        series([(10, "5"), (20, "5")], instance="a", job="x", replica="1"),
        series([(15, "5")], instance="a", job="y"),
    )

    (incarnation,) = history.incarnations
    assert incarnation.times == [10_000, 15_000, 20_000]
    assert [copy.target for copy in incarnation.copies] == [0, 1]


def test_two_processes_that_answer_in_turn_keep_each_scrape_of_their_own() -> None:
    history = seen(series([(10, "5"), (20, "7"), (30, "5")], instance="a"))

    assert {incarnation.start_us // 1_000_000: incarnation.times for incarnation in history.incarnations} == {
        5: [10_000, 30_000],
        7: [20_000],
    }


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param([(10, 20), (30, 40)], False, id="one after the other"),
        pytest.param([(10, 30), (20, 40)], True, id="for a while"),
        pytest.param([(10, 40)], False, id="one alone"),
        pytest.param([(10, 20), (30, 50), (40, 60)], True, id="two of three"),
    ],
)
def test_targets_overlap_where_they_scrape_at_the_same_time(
    times: list[tuple[int, int]], expected: bool
) -> None:
    copies = [Copy(index, [Run(1, list(each))]) for index, each in enumerate(times)]

    assert overlap(copies) is expected


def test_instances_that_are_not_wanted_are_left_out() -> None:
    found = [series([(10, "5")], instance="a"), series([(10, "5")], instance="node")]

    assert [
        incarnation.instance for incarnation in history_of(found, is_wanted={"a"}.__contains__).incarnations
    ] == ["a"]


def test_a_reading_is_taken_from_the_last_scrape_of_the_incarnation() -> None:
    history = seen(series([(10, "5"), (20, "5"), (30, "25"), (40, "25")], instance="a"))
    first, second = history.incarnations

    assert point_at(first.copies[0], 99_000) == Point(0, 20_000, 10_000)
    assert point_at(second.copies[0], 35_000) == Point(0, 30_000, 30_000)
    assert point_at(second.copies[0], 30_000) == Point(0, 30_000, 30_000)
    assert point_at(second.copies[0], 29_999) is None


def test_the_query_over_everybody_is_for_instances_with_one_incarnation_in_reach() -> None:
    old, new = Run(1, [0, 100_000]), Run(2, [800_000, 900_000])
    target = Target({"instance": "a"}, [old, new])

    assert is_in_boundary_vector(target, 900_000, 900_000)
    longer = Target({"instance": "a"}, [Run(1, [0, 300_000]), new])
    assert not is_in_boundary_vector(longer, 900_000, 900_000)
    assert not is_in_boundary_vector(target, 100_000, 750_000)
    # Where ranges are open on the left, the scrape of ten minutes ago is out of reach.
    alone = Target({"instance": "a"}, [old])
    assert is_in_boundary_vector(alone, 100_000, 699_999)
    assert not is_in_boundary_vector(alone, 100_000, 700_000)


@pytest.mark.parametrize(
    ("incarnation", "expected"),
    [
        pytest.param(scraped(-99, list(range(-5, 1445))), (1440, 0, False), id="all day"),
        pytest.param(
            scraped(-99, [m for m in range(-5, 1445) if not 100 < m < 160]),
            (1440, 58, False),
            id="an hour's gap",
        ),
        pytest.param(
            scraped(-99, [m for m in range(-5, 1445) if not (100 < m < 160 or 300 < m < 330)]),
            (1440, 86, False),
            id="two gaps",
        ),
        pytest.param(scraped(600, list(range(601, 1445))), (840, 0, False), id="born at ten"),
        pytest.param(scraped(600, list(range(630, 1445))), (840, 28, False), id="born at ten, seen late"),
        pytest.param(
            scraped(-99, [m for m in range(-90, 1445) if not -30 < m < 30]),
            (1440, 28, True),
            id="gap over the start",
        ),
        pytest.param(
            scraped(-99, [m for m in range(-5, 1500) if not 1400 < m < 1470]),
            (1440, 38, True),
            id="gap over the end",
        ),
        pytest.param(
            scraped(-99, [*range(-90, -1, 2), *range(3, 1445, 2)]),
            (1440, 0, False),
            id="two and a half intervals over the start",
        ),
        pytest.param(
            scraped(-99, [*range(-90, -1, 2), *range(4, 1445, 2)]), (1440, 0, True), id="three intervals"
        ),
        pytest.param(scraped(-99, list(range(300, 1445))), (1440, 298, False), id="first seen at five"),
        pytest.param(scraped(-99, list(range(-5, 701))), (700, 0, False), id="ended at noon"),
        pytest.param(
            scraped(-99, list(range(-5, 701)), successor=730),
            (730, 28, False),
            id="replaced half an hour later",
        ),
    ],
)
def test_coverage_counts_gaps_beyond_two_intervals(
    incarnation: Incarnation, expected: tuple[int, int, bool]
) -> None:
    found = observation_in(incarnation, DAY, watched_until_ms=DAY.end_ms + 60 * MINUTE)

    assert (found.living_ms / MINUTE, found.unseen_ms / MINUTE, found.gap_across_boundary) == expected


def test_a_incarnation_that_nobody_could_see_end_is_presumed_alive_and_unseen() -> None:
    incarnation = scraped(-99, list(range(-5, 701)))

    found = observation_in(incarnation, DAY, watched_until_ms=700 * MINUTE)

    assert (found.living_ms // MINUTE, found.unseen_ms // MINUTE, found.ended_ms) == (1440, 738, None)


def test_the_unseen_tail_ends_where_the_next_incarnation_begins_else_after_one_interval() -> None:
    replaced = observation_in(scraped(0, list(range(1, 701)), successor=730), DAY, DAY.end_ms)
    ended = observation_in(scraped(0, list(range(1, 701))), DAY, DAY.end_ms)

    assert (replaced.tail_ms, ended.tail_ms) == (30 * MINUTE, MINUTE)


def test_a_change_of_the_scrape_interval_is_no_gap() -> None:
    quick = [minute / 4 for minute in range(4 * 600)]
    times = [int(minute * MINUTE) for minute in [*quick, *range(600, 1445)]]
    history = seen(series([(at / 1000, "-1") for at in times], instance="a"))

    found = observation_in(history.incarnations[0], DAY, DAY.end_ms)

    assert found.unseen_ms == pytest.approx(0, abs=10 * MINUTE)


def test_two_scrapers_do_not_halve_the_interval() -> None:
    early = series([(60 * minute, "-1") for minute in range(1445)], instance="a", replica="1")
    late = series([(60 * minute + 1, "-1") for minute in range(1445)], instance="a", replica="2")

    found = observation_in(seen(early, late).incarnations[0], DAY, DAY.end_ms)

    assert found.unseen_ms == 0


def test_somebody_was_watching_until_the_last_scrape_of_anything() -> None:
    history = seen(series([(60, "1")], instance="a"), series([(120, "1")], instance="b"))

    assert watched_until(history, DAY, is_alive_at_end=False) == 120_000
    assert watched_until(history, DAY, is_alive_at_end=True) == DAY.end_ms


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=8))
def test_coverage_lies_between_nothing_and_all(parts: list[tuple[int, int]]) -> None:
    incarnations = [ObservedTime(max(part), min(part), False, None, 0) for part in parts]

    assert 0 <= coverage_of(incarnations) <= Decimal(1)


def moved(incarnation: Incarnation) -> list[int]:
    return [move.at_ms for move in incarnation.moves]


def test_a_start_before_the_last_scrape_of_the_incarnation_before_was_moved() -> None:
    history = seen(series([(100, "50"), (200, "50"), (300, "51"), (400, "51")], instance="a"))

    first, second = history.incarnations

    assert (moved(first), moved(second)) == ([], [300_000])
    assert second.begin_ms == 300_000
    assert second.moved_within(200_000, 300_000) == Point(0, 300_000, 300_000)
    assert second.moved_within(300_000, 999_000) is None


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param("250", [], id="after the last scrape"),
        pytest.param("199", [], id="in the second before it, as boot times are rounded"),
        pytest.param("198.9", [300_000], id="earlier"),
    ],
)
def test_a_real_restart_is_no_move(start: str, expected: list[int]) -> None:
    history = seen(series([(100, "50"), (200, "50"), (300, start)], instance="a"))

    assert moved(history.incarnations[1]) == expected


def test_a_start_that_never_stands_still_moves_with_each_change() -> None:
    history = seen(series([(100, "50"), (200, "51"), (300, "50"), (400, "51")], instance="a"))

    assert {
        incarnation.start_us // 1_000_000: moved(incarnation) for incarnation in history.incarnations
    } == {
        50: [300_000],
        51: [200_000, 400_000],
    }
    assert history.incarnations[0].begin_ms == 50_000


HOUR_OF_UPS = [minute * MINUTE for minute in range(60)]


@pytest.mark.parametrize(
    ("ups", "expected"),
    [
        pytest.param(HOUR_OF_UPS[:31], 30, id="gone at once"),
        pytest.param(HOUR_OF_UPS[:34], 33, id="tried a little longer"),
        pytest.param(HOUR_OF_UPS[:31] + HOUR_OF_UPS[45:], 30, id="known again before the next"),
        pytest.param(HOUR_OF_UPS, None, id="known all the time"),
        pytest.param([], None, id="nothing is told of the address"),
        pytest.param(HOUR_OF_UPS[:20], None, id="nothing was told of it already while it lived"),
    ],
)
def test_an_address_is_known_as_long_as_it_is_tried(ups: list[int], expected: int | None) -> None:
    incarnation = scraped(-9, list(range(31)), successor=60)

    found = known_until(incarnation, ups)

    assert found == (None if expected is None else expected * MINUTE)


def test_a_incarnation_whose_address_was_given_back_ended_there() -> None:
    incarnation = scraped(-99, list(range(-5, 701)), successor=1200)
    incarnation.gone_ms = 703 * MINUTE

    found = observation_in(incarnation, DAY, watched_until_ms=DAY.end_ms)

    assert (found.living_ms // MINUTE, found.unseen_ms // MINUTE, found.tail_ms // MINUTE) == (703, 1, 4)
