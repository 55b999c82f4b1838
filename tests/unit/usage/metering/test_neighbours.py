"""Where a day meets what is stored: of meters that were away, and of the day after."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import milliseconds
from backend.usage.metering.neighbours import closed_at_next_opening, with_earlier_closings
from backend.usage.metering.opening_rules import IncarnationKind
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.types import (
    NOTHING_STORED,
    EarlierClosing,
    Key,
    MeterKey,
    NextOpening,
    OpeningSource,
    StoredIncarnation,
    UsageFlag,
)
from tests.unit.usage import incarnations

STORED = IncarnationKind.STORED
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
EARLIER = NOON - timedelta(hours=13)
START_MS = milliseconds(NOON - timedelta(hours=12))
SPAN = Span(START_MS, START_MS + 86_400_000)
A, B = ("acme", "gpt-4o", "prompt"), ("acme", "gpt-4o", "completion")
C = ("acme", "gpt-4o", "cached_prompt")


def incarnation(closings: Mapping[Key, int], *, days_old: float = 3, **more: Any) -> IncarnationReadings:
    start_ms = START_MS - round(days_old * 86_400_000)
    return incarnations.incarnation(closings, start_us=start_ms * 1000, **more)


@pytest.mark.parametrize(
    ("source", "opening", "closing"),
    [
        pytest.param(OpeningSource.SCRAPED, 80, 80, id="earlier"),
        pytest.param(OpeningSource.SCRAPED, 120, 120, id="later"),
        pytest.param(OpeningSource.FIRST_USED, 0, 0, id="counted whole by the next day"),
        pytest.param(OpeningSource.BORN, 0, 0, id="born on the next day, as it seemed"),
        pytest.param(OpeningSource.FIRST_SEEN, 150, 100, id="unknown to the next day"),
    ],
)
def test_a_day_ends_where_the_stored_next_one_began(source: str, opening: int, closing: int) -> None:
    one = incarnation({A: 100, B: 7})

    ended = closed_at_next_opening(one, {A: NextOpening(opening, EARLIER, source)})

    assert ended.closings == {A: closing, B: 7}
    assert set(ended.flagged.get(UsageFlag.GAP_ACROSS_BOUNDARY, ())) == ({A} if closing != 100 else set())


def test_what_only_the_next_day_saw_is_taken_where_the_day_knows_its_beginning() -> None:
    one = incarnation({}, scraped={A: 5}, kind=STORED, stored=StoredIncarnation(NOON, {B: 3}))

    ended = closed_at_next_opening(
        one, {key: NextOpening(9, EARLIER, OpeningSource.SCRAPED) for key in (A, B, C)}
    )

    assert (ended.closings, ended.closed_at) == ({A: 9, B: 9}, EARLIER)


def test_what_told_no_start_time_keeps_its_own_end() -> None:
    one = incarnation({A: 100}, flags=frozenset({UsageFlag.NO_START_TIME}))

    assert closed_at_next_opening(one, {A: NextOpening(80, EARLIER, OpeningSource.SCRAPED)}) is one


def test_only_series_that_the_last_stored_day_of_an_old_incarnation_does_not_know_are_looked_up() -> None:
    asked: list[MeterKey] = []

    def earlier(wanted: Sequence[MeterKey]) -> dict[MeterKey, EarlierClosing]:
        asked.extend(wanted)
        return {meter: EarlierClosing(date(2026, 11, 20), 40, EARLIER) for meter in wanted}

    known = StoredIncarnation(NOON, {A: 3})
    usual, back = (
        incarnation({A: 5}, kind=STORED, stored=known),
        incarnation({A: 5, B: 50}, kind=STORED, stored=known),
    )
    young, new = (
        incarnation({A: 5, B: 50}, kind=STORED, stored=known, days_old=0.5),
        incarnation({B: 50}),
    )

    found = with_earlier_closings([usual, back, young, new], SPAN, replace(NOTHING_STORED, earlier=earlier))

    assert asked == [("pod:1", back.incarnation.started_at, B)]
    assert with_earlier_closings([usual], SPAN, NOTHING_STORED) == [usual]
    assert found[1].opening.stored_earlier[B].closing == 40
    assert not found[2].opening.stored_earlier


def test_meters_of_several_processes_are_looked_up_at_once() -> None:
    asked: list[MeterKey] = []

    def earlier(wanted: Sequence[MeterKey]) -> dict[MeterKey, EarlierClosing]:
        asked.extend(wanted)
        return {}

    stored = StoredIncarnation(NOON, {A: 5})
    two = [incarnation({A: 9, B: 1}, days_old=age, kind=STORED, stored=stored) for age in (3, 4)]

    with_earlier_closings(two, SPAN, replace(NOTHING_STORED, earlier=earlier))

    assert asked == [(*one.incarnation.key, B) for one in two]
