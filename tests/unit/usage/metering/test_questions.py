"""Which further readings are asked for when the boundaries do not show a series."""

from collections.abc import Sequence
from typing import Any, cast

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
from backend.usage.metering.questions import FoundReadings, ReadingPurpose, firsts_of, readings_of
from backend.usage.metering.source import Boundary, Shards, SharedReadings, Source
from backend.usage.metering.survey import Survey, with_kinds
from backend.usage.metering.vectors import TargetReadings, TargetTable
from backend.usage.types import Key, StoredIncarnation, Values

HOUR_MS = 3_600_000
SPAN = Span(100 * HOUR_MS, 124 * HOUR_MS)
A, B = ("acme", "gpt-4o", "prompt"), ("other", "gpt-4o", "prompt")
MOVE = Point(0, 110 * HOUR_MS, 110 * HOUR_MS)


class Answers:
    """What Prometheus would answer when it is asked about single incarnations."""

    def __init__(self, *, within: Values | None = None, lowest: Values | None = None) -> None:
        self._within, self._lowest = within or {}, lowest or {}

    def at_points(self, _shared: SharedReadings, points: Sequence[Point]) -> list[TargetReadings]:
        return [TargetReadings({}, set()) for _ in points]

    def last_within(
        self, _shared: SharedReadings, points: Sequence[Point], _tenants: object
    ) -> list[TargetReadings]:
        return [TargetReadings(self._within, set()) for _ in points]

    def lowest_of_others(
        self, _shared: SharedReadings, points: Sequence[Point], _tenants: object
    ) -> list[TargetReadings]:
        return [TargetReadings(self._lowest, set()) for _ in points]


def found_of(
    answers: Answers,
    *,
    closing: Values,
    opening: Values | None = None,
    borrowed: set[Key] | None = None,
    start_h: int = 10,
    moves: Sequence[Point] = (),
    stored: Values | None = None,
) -> FoundReadings:
    """The readings of a process that was scraped at both ends of the window."""
    run = Run(start_h * HOUR_MS * 1000, [SPAN.start_ms, SPAN.end_ms])
    incarnation = Incarnation("pod:1", run.start_us, [Copy(0, [run])], run.times, moves=list(moves))
    history = ScrapeHistory([Target({"instance": "pod:1"}, [run])], [incarnation])
    before = StoredIncarnation(instant_of(SPAN.start_ms), stored or {})
    survey = with_kinds(
        Survey(
            span=SPAN,
            lookback_ms=4 * HOUR_MS,
            history=history,
            observations={
                0: ObservedTime(24 * HOUR_MS, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)
            },
            previous_day_is_stored=True,
            stored={} if stored is None else {(incarnation.name, incarnation.started_at): before},
            no_start_before=frozenset(),
        )
    )
    opened, closed = (
        Boundary({0: TargetReadings(*told)}, set())
        for told in ((opening or {}, set()), (closing, borrowed or set()))
    )
    shared = SharedReadings(
        history, TargetTable(history.targets), Shards([""], has_odd_labels=False), opened, closed
    )
    return readings_of(cast("Source", answers), survey, shared)


def test_a_stored_series_that_neither_opens_nor_closes_the_window_is_looked_for_within_it() -> None:
    found = found_of(Answers(within={B: 7}), closing={A: 9}, stored={A: 4, B: 5})

    assert found.copies(ReadingPurpose.VANISHED, 0) == [{B: 7}]


@pytest.mark.parametrize(
    ("known", "lowest"),
    [
        pytest.param({}, [{A: 3}], id="of a process that nobody knows"),
        pytest.param({"opening": {A: 4}}, [], id="not of a series that opens the window"),
        pytest.param({"start_h": 101}, [], id="not of one that began in the window"),
        pytest.param({"moves": [MOVE]}, [], id="not of one whose start time moved"),
        pytest.param({"stored": {B: 5}}, [], id="not of one that is stored"),
    ],
)
def test_the_lowest_reading_of_a_job_without_start_times_is_asked_for(
    known: dict[str, Any], lowest: list[Values]
) -> None:
    found = found_of(Answers(lowest={A: 3}), closing={A: 9}, borrowed={A}, **known)

    assert found.copies(ReadingPurpose.LOWEST, 0) == lowest


def test_a_series_is_known_since_the_first_scrape_of_the_oldest_target_that_shows_it() -> None:
    early, late = Copy(0, [Run(1, [10, 50])]), Copy(1, [Run(1, [20, 50])])
    found = FoundReadings()
    for target, values in ((0, {A: 3}), (1, {A: 4, B: 5})):
        found.add(ReadingPurpose.FIRST, 0, target, TargetReadings(values, set()))

    known = firsts_of(Incarnation("pod:1", 1, [late, early], [10, 20, 50]), 0, found)

    assert known == ({A: 3, B: 5}, {A: 10, B: 20})
