"""The living and the unseen time of a process in a window, to the millisecond."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from backend.usage.metering.coverage import (
    SILENCE_MS,
    UNKNOWN_INTERVAL_MS,
    ObservedTime,
    Span,
    coverage_of,
    known_until,
    observation_in,
    watched_until,
)
from backend.usage.metering.incarnations import Copy, Incarnation, Run, ScrapeHistory

MINUTE_MS = 60_000
SPAN = Span(10_000 * MINUTE_MS, 11_440 * MINUTE_MS)
START, END = SPAN
OLD_MS = 1000 * MINUTE_MS


def process(
    *runs: Sequence[int],
    start_ms: int = OLD_MS,
    successor_ms: int | None = None,
    gone_ms: int | None = None,
    copies: int = 1,
) -> Incarnation:
    """One that was scraped at some times; with several copies, each run by a target of its own."""
    told = [Run(start_ms * 1000, list(times)) for times in runs]
    found = [Copy(0, told)] if copies == 1 else [Copy(index, [run]) for index, run in enumerate(told)]
    every = sorted({at_ms for run in told for at_ms in run.times})
    return Incarnation("pod:1", start_ms * 1000, found, every, successor_ms=successor_ms, gone_ms=gone_ms)


def each_minute(first_ms: int, last_ms: int) -> list[int]:
    return list(range(first_ms, last_ms + 1, MINUTE_MS))


@pytest.mark.parametrize(
    ("gap_ms", "unseen_ms"),
    [
        pytest.param(2 * MINUTE_MS, 0, id="two intervals"),
        pytest.param(2 * MINUTE_MS + 1, 1, id="a millisecond more"),
    ],
)
def test_a_gap_is_what_is_longer_than_two_intervals(gap_ms: int, unseen_ms: int) -> None:
    noon = START + 700 * MINUTE_MS
    scraped = [*each_minute(START, noon), *range(noon + gap_ms, END + MINUTE_MS, MINUTE_MS)]

    assert observation_in(process(scraped), SPAN, END).unseen_ms == unseen_ms


@pytest.mark.parametrize(
    ("begin_ms", "finish_ms", "is_across"),
    [
        pytest.param(START - 5 * MINUTE_MS, START + 5 * MINUTE_MS, True, id="over the start"),
        pytest.param(START, START + 9 * MINUTE_MS, False, id="since the start"),
        pytest.param(START - 1, START + 9 * MINUTE_MS, True, id="since just before the start"),
        pytest.param(END - 5 * MINUTE_MS, END + 5 * MINUTE_MS, True, id="over the end"),
        pytest.param(END - 9 * MINUTE_MS, END, False, id="until the end"),
        pytest.param(END - 9 * MINUTE_MS, END + 1, True, id="until just after the end"),
        pytest.param(START + 90 * MINUTE_MS, START + 120 * MINUTE_MS, False, id="in between"),
    ],
)
def test_a_gap_crosses_a_boundary_that_lies_inside_of_it(
    begin_ms: int, finish_ms: int, *, is_across: bool
) -> None:
    before = list(range(begin_ms, START - 30 * MINUTE_MS, -MINUTE_MS))[::-1]
    after = list(range(finish_ms, END + 30 * MINUTE_MS, MINUTE_MS))

    assert observation_in(process([*before, *after]), SPAN, END).gap_across_boundary is is_across


@pytest.mark.parametrize(
    ("last_ms", "ended_ms"),
    [pytest.param(END, END, id="at the end"), pytest.param(END + 1, None, id="after it")],
)
def test_a_process_ended_in_a_window_if_its_last_scrape_lies_in_it(
    last_ms: int, ended_ms: int | None
) -> None:
    scraped = list(range(last_ms - 100 * MINUTE_MS, last_ms + 1, MINUTE_MS))

    assert observation_in(process(scraped), SPAN, END + 100 * MINUTE_MS).ended_ms == ended_ms


@pytest.mark.parametrize(
    ("watched_ms", "ended_ms"),
    [
        pytest.param(2 * MINUTE_MS, None, id="two intervals"),
        pytest.param(2 * MINUTE_MS + 1, START, id="longer"),
    ],
)
def test_a_process_ended_if_somebody_was_watching_for_more_than_two_intervals(
    watched_ms: int, ended_ms: int | None
) -> None:
    scraped = each_minute(START - 60 * MINUTE_MS, START)

    assert observation_in(process(scraped), SPAN, START + watched_ms).ended_ms == ended_ms


def test_a_process_that_was_scraped_once_has_an_interval_of_a_minute() -> None:
    seen = observation_in(process([START + MINUTE_MS]), SPAN, END)

    assert seen == ObservedTime(
        MINUTE_MS, 0, gap_across_boundary=False, ended_ms=START + MINUTE_MS, tail_ms=UNKNOWN_INTERVAL_MS
    )


def test_the_interval_is_the_shortest_of_the_targets_that_scraped_twice() -> None:
    slow, quick = each_minute(START, END), [START + 10_000 * number for number in range(8640)]
    once = [START + 5]

    seen = observation_in(process(slow[:100], quick[:500], once, copies=3), SPAN, END)

    assert seen.tail_ms == 10_000


@pytest.mark.parametrize(
    ("successor_min", "gone_min", "living_min", "tail_min"),
    [
        pytest.param(None, None, 60, 1, id="it ended, and somebody was watching"),
        pytest.param(90, None, 90, 30, id="the next one took over"),
        pytest.param(90, 70, 70, 11, id="its address was given back"),
        pytest.param(90, 60, 60, 1, id="its address was given back at once"),
        pytest.param(50, None, 60, 0, id="the next one tells a start before its last scrape"),
    ],
)
def test_a_process_lives_until_it_is_replaced_or_its_address_is_given_back(
    successor_min: int | None, gone_min: int | None, living_min: int, tail_min: int
) -> None:
    successor, gone = (
        None if minute is None else START + minute * MINUTE_MS for minute in (successor_min, gone_min)
    )
    scraped = each_minute(START - 60 * MINUTE_MS, START + 60 * MINUTE_MS)

    seen = observation_in(process(scraped, successor_ms=successor, gone_ms=gone), SPAN, END)

    assert (seen.living_ms // MINUTE_MS, seen.tail_ms // MINUTE_MS) == (living_min, tail_min)
    assert seen.ended_ms == START + 60 * MINUTE_MS


def test_a_process_that_tells_a_start_after_its_scrapes_never_lived() -> None:
    ahead = process(each_minute(START, START + MINUTE_MS), start_ms=START + 9 * MINUTE_MS)

    assert observation_in(ahead, SPAN, END).living_ms == 0


def test_gaps_of_a_time_with_rarer_scrapes_are_measured_by_those() -> None:
    rare = [START + 5 * number * MINUTE_MS for number in range(100)]
    # Most of the time it was scraped each minute, and then each five, with one scrape left out.
    often = each_minute(START - 900 * MINUTE_MS, START)

    seen = observation_in(process([*often, *rare[1:50], *rare[51:]]), SPAN, END)

    assert (seen.unseen_ms, seen.gap_across_boundary) == (0, False)


@pytest.mark.parametrize(
    ("parts", "coverage"),
    [
        pytest.param([], "1.00000", id="nobody lived"),
        pytest.param([(3, 1)], "0.66666", id="rounded down"),
        pytest.param([(3, 1), (1, 0)], "0.75000", id="by time, not by process"),
        pytest.param([(3, 4)], "0.00000", id="never below nothing"),
        pytest.param([(1, 0)], "1.00000", id="all"),
    ],
)
def test_coverage_is_the_part_of_the_living_time_that_was_seen(
    parts: list[tuple[int, int]], coverage: str
) -> None:
    found = coverage_of([ObservedTime(living, unseen, False, None, 0) for living, unseen in parts])

    assert str(found) == coverage
    assert found == Decimal(coverage)


def test_nobody_was_watching_a_window_without_a_scrape() -> None:
    assert watched_until(ScrapeHistory([], []), SPAN, is_alive_at_end=False) == START
    assert watched_until(ScrapeHistory([], []), SPAN, is_alive_at_end=True) == END


def test_somebody_was_watching_until_after_the_end_where_scrapes_go_on() -> None:
    history = ScrapeHistory([], [process([END + 5])])

    assert watched_until(history, SPAN, is_alive_at_end=True) == END + 5


LAST = START + 60 * MINUTE_MS


@pytest.mark.parametrize(
    ("ups", "successor_ms", "known_ms"),
    [
        pytest.param([LAST - SILENCE_MS], LAST + 9 * MINUTE_MS, LAST, id="tried five minutes before"),
        pytest.param([LAST - SILENCE_MS - 1], LAST + 9 * MINUTE_MS, None, id="not tried for longer"),
        pytest.param(
            [LAST, LAST + SILENCE_MS], LAST + 99 * MINUTE_MS, LAST + SILENCE_MS, id="tried five minutes later"
        ),
        pytest.param([LAST, LAST + SILENCE_MS + 1], LAST + 99 * MINUTE_MS, LAST, id="tried later than that"),
        pytest.param([LAST], LAST + SILENCE_MS, None, id="taken over five minutes later"),
        pytest.param([LAST], LAST + SILENCE_MS + 1, LAST, id="taken over later than that"),
        pytest.param([LAST], None, None, id="nobody took it over"),
        pytest.param([LAST + 1], LAST + 99 * MINUTE_MS, None, id="tried only afterwards"),
    ],
)
def test_an_address_was_given_back_where_it_is_not_tried_for_more_than_five_minutes(
    ups: list[int], successor_ms: int | None, known_ms: int | None
) -> None:
    assert known_until(process([START, LAST], successor_ms=successor_ms), ups) == known_ms
