"""At which scrapes the readings of an incarnation are asked for, where the queries over everybody do not give them."""

from collections.abc import Sequence
from typing import cast

import pytest

from backend.usage.metering.coverage import ObservedTime, Span
from backend.usage.metering.incarnations import (
    Copy,
    Incarnation,
    Point,
    Run,
    ScrapeHistory,
    Target,
    instant_of,
)
from backend.usage.metering.questions import FoundReadings, ReadingPurpose, before_end, firsts_of, readings_of
from backend.usage.metering.source import Boundary, Shards, SharedReadings, Source
from backend.usage.metering.survey import Survey, with_kinds
from backend.usage.metering.vectors import TargetReadings, TargetTable
from backend.usage.types import Key, StoredIncarnation, Values

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
SPAN = Span(100 * HOUR_MS, 124 * HOUR_MS)
LOOKBACK_MS = 4 * HOUR_MS
OLD_MS = 10 * HOUR_MS
A, B, C = ("acme", "gpt-4o", "prompt"), ("other", "gpt-4o", "prompt"), ("acme", "gpt-4o", "completion")
SEEN = ObservedTime(24 * HOUR_MS, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)


class Listening:
    """A Prometheus that answers every question with the same readings, and remembers the points."""

    def __init__(self, values: Values, borrowed: set[Key]) -> None:
        self._told = TargetReadings(values, borrowed)
        self.points: list[Point] = []
        self.lowest: list[tuple[list[Point], list[str]]] = []
        self.within: list[tuple[list[Point], list[str]]] = []

    def at_points(self, _shared: SharedReadings, points: Sequence[Point]) -> list[TargetReadings]:
        self.points.extend(points)
        return [self._told for _ in points]

    def lowest_of_others(
        self, _shared: SharedReadings, points: Sequence[Point], tenants: Sequence[str]
    ) -> list[TargetReadings]:
        self.lowest.append((list(points), list(tenants)))
        return [self._told for _ in points]

    def last_within(
        self, _shared: SharedReadings, points: Sequence[Point], tenants: Sequence[str]
    ) -> list[TargetReadings]:
        self.within.append((list(points), list(tenants)))
        return [self._told for _ in points]


def asked(
    *scrapes_ms: Sequence[int],
    start_ms: int = OLD_MS,
    closed_ms: int | None = None,
    is_late: bool = False,
    opening: Values | None = None,
    closing: Values | None = None,
    borrowed: set[Key] | None = None,
    answer: Values | None = None,
    observation: ObservedTime = SEEN,
) -> tuple[Listening, FoundReadings]:
    """What is asked, and found, of one incarnation; each of its targets scraped it at some times."""
    copies = [Copy(index, [Run(start_ms * 1000, list(times))]) for index, times in enumerate(scrapes_ms)]
    every = sorted({at_ms for times in scrapes_ms for at_ms in times})
    incarnation = Incarnation("pod:1", start_ms * 1000, copies, every)
    history = ScrapeHistory(
        [Target({"instance": "pod:1", "job": str(copy.target)}, copy.runs) for copy in copies], [incarnation]
    )
    stored = (
        {}
        if closed_ms is None
        else {(incarnation.name, incarnation.started_at): StoredIncarnation(instant_of(closed_ms), {})}
    )
    survey = Survey(
        span=SPAN,
        lookback_ms=LOOKBACK_MS,
        history=history,
        observations={} if is_late else {0: observation},
        late=[0] if is_late else [],
        previous_day_is_stored=True,
        stored=stored,
        no_start_before=frozenset(),
    )
    opened, closed = (
        Boundary({copy.target: TargetReadings(values or {}, borrowed or set()) for copy in copies}, set())
        for values in (opening, closing)
    )
    shared = SharedReadings(
        history, TargetTable(history.targets), Shards([""], has_odd_labels=False), opened, closed
    )
    source = Listening(answer or {}, set())
    return source, readings_of(cast("Source", source), with_kinds(survey), shared)


def test_readings_near_both_ends_come_from_the_queries_over_everybody() -> None:
    source, found = asked([SPAN.start_ms - MINUTE_MS, SPAN.end_ms], opening={A: 4}, closing={A: 9})

    assert source.points == []
    assert found.copies(ReadingPurpose.OPENING, 0) == [{A: 4}]
    assert found.copies(ReadingPurpose.CLOSING, 0) == [{A: 9}]


def test_readings_of_long_before_an_end_are_asked_for_at_their_scrape() -> None:
    opened_ms, closed_ms = SPAN.start_ms - 11 * MINUTE_MS, SPAN.end_ms - 12 * MINUTE_MS

    source, found = asked([opened_ms, closed_ms], closed_ms=opened_ms, answer={A: 5})

    assert source.points == [Point(0, opened_ms, opened_ms), Point(0, closed_ms, opened_ms)]
    assert found.copies(ReadingPurpose.OPENING, 0) == found.copies(ReadingPurpose.CLOSING, 0) == [{A: 5}]


@pytest.mark.parametrize(
    ("last_ms", "closed"),
    [
        pytest.param(SPAN.start_ms, {1: {A: 9}}, id="at midnight"),
        pytest.param(SPAN.start_ms + 1, {0: {}, 1: {A: 9}}, id="after it"),
    ],
)
def test_a_target_closes_a_window_only_if_it_scraped_in_it(last_ms: int, closed: dict[int, Values]) -> None:
    _, found = asked([SPAN.start_ms - 1, last_ms], [SPAN.end_ms], closing={A: 9}, start_ms=99 * HOUR_MS)

    assert found.by_target(ReadingPurpose.CLOSING, 0) == closed


def test_what_ended_before_a_window_closes_at_its_start_and_opens_nowhere() -> None:
    source, found = asked([SPAN.start_ms - MINUTE_MS], is_late=True, opening={A: 4}, closing={A: 9})

    assert found.copies(ReadingPurpose.CLOSING, 0) == [{A: 4}]
    assert found.copies(ReadingPurpose.OPENING, 0) == []
    assert source.points == []


BEFORE_MS = SPAN.start_ms - HOUR_MS


@pytest.mark.parametrize(
    ("scrapes_ms", "closed_ms", "opening"),
    [
        pytest.param(
            [BEFORE_MS - 5, BEFORE_MS, SPAN.start_ms],
            BEFORE_MS,
            [Point(0, BEFORE_MS, BEFORE_MS - 5)],
            id="at the scrape that was stored",
        ),
        pytest.param(
            [SPAN.start_ms], BEFORE_MS, [Point(0, SPAN.start_ms, SPAN.start_ms)], id="at the first one since"
        ),
        pytest.param(
            [SPAN.start_ms - 1],
            SPAN.start_ms - LOOKBACK_MS - 1,
            [Point(0, SPAN.start_ms - LOOKBACK_MS - 1, OLD_MS)],
            id="at the very instant, if it was longer ago than anybody looks",
        ),
        pytest.param(
            [SPAN.start_ms - 1],
            SPAN.start_ms - LOOKBACK_MS,
            [Point(0, SPAN.start_ms - 1, SPAN.start_ms - 1)],
            id="at the first one since, if anybody looks as far back",
        ),
    ],
)
def test_an_incarnation_of_which_scrapes_came_late_opens_where_it_was_stored(
    scrapes_ms: list[int], closed_ms: int, opening: list[Point]
) -> None:
    # Another target, which is asked too, saw it all the time.
    others = [SPAN.start_ms, SPAN.end_ms]

    source, found = asked([*scrapes_ms, SPAN.end_ms], others, closed_ms=closed_ms, answer={A: 5})

    assert [point for point in source.points if point.target == 0] == opening
    assert found.by_target(ReadingPurpose.OPENING, 0)[0] == {A: 5}


def test_a_target_that_is_new_opens_no_incarnation_of_which_scrapes_came_late() -> None:
    _, found = asked(
        [SPAN.start_ms + 1, SPAN.end_ms], [SPAN.start_ms], closed_ms=BEFORE_MS, opening={A: 4}, answer={A: 5}
    )

    assert found.by_target(ReadingPurpose.OPENING, 0) == {1: {A: 5}}


def test_an_instant_before_the_start_of_the_process_is_all_that_is_asked_of_it() -> None:
    closed_ms, start_ms = SPAN.start_ms - LOOKBACK_MS - 9, SPAN.start_ms - LOOKBACK_MS - 5

    source, _ = asked([SPAN.start_ms - 1, SPAN.end_ms], closed_ms=closed_ms, start_ms=start_ms)

    assert source.points == [Point(0, closed_ms, closed_ms)]


@pytest.mark.parametrize(
    ("first_ms", "is_asked"),
    [
        pytest.param(SPAN.start_ms, False, id="at midnight"),
        pytest.param(SPAN.start_ms + 1, True, id="after it"),
        pytest.param(SPAN.end_ms, True, id="at the end"),
    ],
)
@pytest.mark.parametrize(("start_ms", "is_known"), [(OLD_MS, False), (99 * HOUR_MS, True)])
def test_first_scrapes_are_asked_for_where_a_new_target_shows_an_incarnation_of_unknown_past(
    first_ms: int, start_ms: int, *, is_asked: bool, is_known: bool
) -> None:
    source, _ = asked([SPAN.start_ms, SPAN.end_ms], [first_ms, SPAN.end_ms], start_ms=start_ms)

    first = [Point(1, first_ms, first_ms)]
    assert source.points == (first if is_asked and not is_known else [])


def ended(last_ms: int, tail_ms: int = MINUTE_MS) -> ObservedTime:
    return ObservedTime(HOUR_MS, 0, gap_across_boundary=False, ended_ms=last_ms, tail_ms=tail_ms)


def test_what_ended_is_asked_for_some_minutes_before_by_the_target_that_saw_it_last() -> None:
    times = [SPAN.start_ms + minute * MINUTE_MS for minute in range(20)]

    source, found = asked(times, times[:10], start_ms=times[0], observation=ended(times[-1]), answer={A: 5})

    assert Point(0, times[14], times[0]) in source.points
    assert found.by_target(ReadingPurpose.BEFORE_END, 0) == {0: {A: 5}}


def test_what_lives_on_or_left_no_time_unseen_has_no_reading_before_its_end() -> None:
    run = Run(1, [10 * HOUR_MS, 11 * HOUR_MS])
    incarnation = Incarnation("pod:1", 1, [Copy(0, [run])], run.times)

    assert before_end(incarnation, SEEN) is None
    assert before_end(incarnation, ended(11 * HOUR_MS, 0)) is None
    assert before_end(incarnation, ended(11 * HOUR_MS, 1)) == Point(0, 10 * HOUR_MS, 10 * HOUR_MS)


@pytest.mark.parametrize(
    ("first_ms", "since_ms"),
    [
        pytest.param(SPAN.start_ms - HOUR_MS, SPAN.start_ms + 2, id="as far back as the window"),
        pytest.param(SPAN.start_ms + HOUR_MS, SPAN.start_ms + HOUR_MS, id="as far back as the incarnation"),
    ],
)
def test_vanished_series_are_looked_for_within_the_window_by_tenant(first_ms: int, since_ms: int) -> None:
    source, found = asked(
        [first_ms, SPAN.end_ms],
        [SPAN.start_ms],
        closed_ms=SPAN.start_ms,
        start_ms=99 * HOUR_MS,
        opening={A: 3, B: 4, C: 5},
        closing={B: 6},
        answer={A: 7, B: 8, C: 9},
    )

    assert source.within == [([Point(0, SPAN.end_ms, since_ms)], ["acme"])]
    # Those of other tenants were asked for another incarnation.
    assert found.copies(ReadingPurpose.VANISHED, 0) == [{A: 7, C: 9}]


def test_nothing_is_looked_for_where_every_series_closes() -> None:
    source, _ = asked([SPAN.start_ms, SPAN.end_ms], opening={A: 3}, closing={A: 6, B: 1})

    assert source.within == source.lowest == [([], [])]


def test_the_lowest_readings_are_asked_for_of_tenants_that_only_a_job_without_start_times_shows() -> None:
    source, found = asked(
        [SPAN.start_ms, SPAN.end_ms], closing={A: 6, B: 1}, borrowed={B}, answer={A: 2, B: 1}
    )

    assert source.lowest == [([Point(0, SPAN.end_ms, SPAN.start_ms + 2)], ["other"])]
    assert found.copies(ReadingPurpose.LOWEST, 0) == [{B: 1}]


def test_earlier_readings_of_a_target_stand_and_borrowed_series_add_up() -> None:
    found = FoundReadings()
    for values, borrowed in (({A: 3}, {A}), ({A: 9, B: 4}, {B}), ({}, set[Key]())):
        found.add(ReadingPurpose.CLOSING, 0, 1, TargetReadings(values, borrowed))

    assert found.by_target(ReadingPurpose.CLOSING, 0) == {1: {A: 3, B: 4}}
    assert found.borrowed(ReadingPurpose.CLOSING, 0) == {A, B}
    assert found.by_target(ReadingPurpose.OPENING, 0) == {}
    assert found.borrowed(ReadingPurpose.CLOSING, 1) == set()


def test_the_lowest_of_all_targets_opens_what_no_first_scrape_does() -> None:
    run = Run(1, [10, 50])
    incarnation = Incarnation("pod:1", 1, [Copy(0, [run]), Copy(1, [run])], run.times)
    found = FoundReadings()
    found.add(ReadingPurpose.FIRST, 0, 0, TargetReadings({A: 8}, set()))
    found.add(ReadingPurpose.LOWEST, 0, 0, TargetReadings({A: 1, B: 5, C: 2}, set()))
    found.add(ReadingPurpose.LOWEST, 0, 1, TargetReadings({B: 4, C: 3}, set()))

    assert firsts_of(incarnation, 0, found) == ({A: 8, B: 4, C: 2}, {A: 10})
