"""Days that a plan measured and did not store open the next one as stored days would."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from backend.clock import day_window
from backend.usage.metering.incarnations import EPOCH
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.types import (
    ClosedIncarnation,
    DayMeasurement,
    EarlierClosing,
    Key,
    MeterReading,
    OpeningSource,
    StoredIncarnation,
)

FIRST, SECOND, THIRD = (date(2026, 11, day) for day in (20, 21, 22))
BORN = datetime(2026, 11, 1, tzinfo=UTC)
INCARNATION = ("pod:1", BORN)
A, B = ("acme", "gpt-4o", "prompt"), ("acme", "gpt-4o", "completion")


def measured(day: date, closings: dict[Key, int]) -> DayMeasurement:
    """A day at whose end one process showed these readings."""
    window = day_window(day)
    readings = [
        MeterReading(*key, *INCARNATION, 0, window.start, OpeningSource.SCRAPED, closing, window.end)
        for key, closing in closings.items()
    ]
    return DayMeasurement(
        day=day,
        window=window,
        measured_at=window.end,
        rows=[],
        readings=readings,
        series=len(readings),
        incarnations=[ClosedIncarnation(*INCARNATION, window.end)],
    )


def test_a_meter_that_went_away_is_remembered_by_its_last_day() -> None:
    after = PlannedDays()
    after.add(measured(FIRST, {A: 5, B: 7}))
    after.add(measured(SECOND, {A: 9}))

    meters = [(*INCARNATION, A), (*INCARNATION, B)]

    assert after.earlier(meters, FIRST) == {
        (*INCARNATION, A): EarlierClosing(SECOND, 9, day_window(SECOND).end),
        (*INCARNATION, B): EarlierClosing(FIRST, 7, day_window(FIRST).end),
    }
    assert list(after.earlier(meters, SECOND)) == [(*INCARNATION, A)]
    assert after.earlier([("pod:2", BORN, A)], FIRST) == {}


def test_a_incarnation_is_remembered_with_its_last_day() -> None:
    after = PlannedDays()
    for day, closing in ((FIRST, 5), (SECOND, 9)):
        after.add(measured(day, {A: closing}))

    told = StoredIncarnation(day_window(SECOND).end, {A: 9})

    assert after.last_days([INCARNATION, ("pod:2", BORN)], FIRST) == {INCARNATION: (SECOND, told)}
    assert after.last_days([INCARNATION], THIRD) == {}
    assert (after.closings(SECOND), after.closings(FIRST)) == ({INCARNATION: told}, {})
    assert after.days == {FIRST, FIRST + timedelta(days=1)}


def test_an_instance_without_a_start_time_is_remembered_after_the_day_that_is_asked_for() -> None:
    after = PlannedDays()
    day = measured(SECOND, {A: 5})
    after.add(replace(day, incarnations=[ClosedIncarnation("pod:9", EPOCH, day.window.end)], readings=[]))

    assert after.told_no_start("pod:9", FIRST)
    assert not after.told_no_start("pod:9", SECOND)
    assert not after.told_no_start("pod:1", FIRST)


def test_the_day_that_was_measured_last_is_known_and_an_incarnation_without_readings_too() -> None:
    after = PlannedDays()
    day = replace(measured(FIRST, {A: 5}), readings=[])
    after.add(day)

    assert after.last == day
    assert after.closings(FIRST) == {INCARNATION: StoredIncarnation(day.window.end, {})}
    assert after.last_days([INCARNATION], FIRST) == {
        INCARNATION: (FIRST, StoredIncarnation(day.window.end, {}))
    }
    assert after.last_days([INCARNATION], SECOND) == {}
