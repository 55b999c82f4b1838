"""Where a measured day begins and ends beside days that are stored already, whatever their clocks said."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from backend.clock import Window, day_window
from backend.db.engine import transaction
from backend.usage import service
from backend.usage.metering.incarnations import EPOCH
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.stored_service import stored_beside, window_beside
from backend.usage.types import ClosedIncarnation, DayMeasurement, IncarnationKey, MeterReading, OpeningSource
from tests import factories

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MEASURED = date(2026, 11, 22)
USUAL = day_window(MEASURED)
INCARNATION = ("pod:1", USUAL.start - 9 * DAY)
A = ("acme", "gpt-4o", "prompt")


def store(day: date, window: Window) -> None:
    with transaction() as connection:
        connection.execute(
            text("INSERT INTO measured_day VALUES (:day, :start, :end, :end, 0, 0)"),
            {"day": day, "start": window.start, "end": window.end},
        )


def measured(day: date, window: Window) -> PlannedDays:
    found = PlannedDays()
    found.add(
        DayMeasurement(
            day=day, window=window, measured_at=window.end, rows=[], readings=[], series=0, incarnations=[]
        )
    )
    return found


def test_a_day_begins_where_the_one_before_ended_and_ends_where_the_next_one_began(database: str) -> None:
    assert window_beside(USUAL, MEASURED, PlannedDays()) == USUAL

    store(MEASURED - DAY, Window(start=USUAL.start - DAY, end=USUAL.start + HOUR))
    assert window_beside(USUAL, MEASURED, PlannedDays()) == Window(start=USUAL.start + HOUR, end=USUAL.end)

    store(MEASURED + DAY, Window(start=USUAL.end - HOUR, end=USUAL.end + DAY))
    assert window_beside(USUAL, MEASURED, PlannedDays()) == Window(
        start=USUAL.start + HOUR, end=USUAL.end - HOUR
    )


def test_a_day_begins_where_the_one_before_ended_that_is_measured_and_not_stored(database: str) -> None:
    late = Window(start=USUAL.start - DAY, end=USUAL.start + HOUR)

    assert window_beside(USUAL, MEASURED, measured(MEASURED - DAY, late)).start == USUAL.start + HOUR
    assert window_beside(USUAL, MEASURED, measured(MEASURED - 2 * DAY, late)) == USUAL
    assert window_beside(USUAL, MEASURED, measured(MEASURED + DAY, late)) == USUAL

    store(MEASURED - DAY, Window(start=late.start, end=USUAL.start + 2 * HOUR))
    assert window_beside(USUAL, MEASURED, measured(MEASURED - DAY, late)).start == USUAL.start + 2 * HOUR


def test_neighbours_that_leave_no_day_between_them_change_nothing(database: str) -> None:
    store(MEASURED - DAY, Window(start=USUAL.start - DAY, end=USUAL.end))
    store(MEASURED + DAY, Window(start=USUAL.end, end=USUAL.end + DAY))

    assert window_beside(USUAL, MEASURED, PlannedDays()) == USUAL


def a_day(day: date, closing: int = 0, incarnation: IncarnationKey = INCARNATION) -> DayMeasurement:
    """A measured day, at whose end a process showed a reading unless nobody saw it."""
    window = day_window(day)
    reading = MeterReading(*A, *incarnation, 0, window.start, OpeningSource.SCRAPED, closing, window.end)
    return DayMeasurement(
        day=day,
        window=window,
        measured_at=window.end,
        rows=[],
        readings=[reading] if closing else [],
        series=1,
        incarnations=[ClosedIncarnation(*incarnation, window.end)] if closing else [],
    )


@pytest.mark.parametrize("is_planned_first", [True, False])
def test_a_process_that_was_away_stands_where_it_was_seen_last_stored_or_planned(
    database: str, *, is_planned_first: bool
) -> None:
    planned, stored = (MEASURED - 3 * DAY, MEASURED - 2 * DAY)[:: 1 if is_planned_first else -1]
    after = PlannedDays()
    after.add(a_day(planned, 5))
    with transaction():
        service.store_day(factories.PROCESS, a_day(stored, 5))
    after.add(a_day(MEASURED - DAY))

    [told] = stored_beside(MEASURED, None, after).older([INCARNATION]).values()

    assert told.closed_at == day_window(MEASURED - 2 * DAY).end


def test_nothing_is_known_of_a_process_whose_address_told_no_start_time_since(database: str) -> None:
    after = PlannedDays()
    after.add(a_day(MEASURED - 3 * DAY, 5))
    after.add(a_day(MEASURED - 2 * DAY, 7, (INCARNATION[0], EPOCH)))
    after.add(a_day(MEASURED - DAY))

    assert stored_beside(MEASURED, None, after).older([INCARNATION]) == {}
