"""Where a measured day begins and ends beside days that are stored already, whatever their clocks said."""

from datetime import date, timedelta

from sqlalchemy import text

from backend.clock import Window, day_window
from backend.db.engine import transaction
from backend.usage.stored_service import window_beside
from backend.usage.types import DayMeasurement
from backend.usage.unstored import Unstored

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MEASURED = date(2026, 11, 22)
USUAL = day_window(MEASURED)


def store(day: date, window: Window) -> None:
    with transaction() as connection:
        connection.execute(
            text("INSERT INTO measured_day VALUES (:day, :start, :end, :end, 0, 0)"),
            {"day": day, "start": window.start, "end": window.end},
        )


def measured(day: date, window: Window) -> Unstored:
    found = Unstored()
    found.add(
        DayMeasurement(
            day=day, window=window, measured_at=window.end, rows=[], readings=[], series=0, lives=[]
        )
    )
    return found


def test_a_day_begins_where_the_one_before_ended_and_ends_where_the_next_one_began(database: str) -> None:
    assert window_beside(USUAL, MEASURED, Unstored()) == USUAL

    store(MEASURED - DAY, Window(start=USUAL.start - DAY, end=USUAL.start + HOUR))
    assert window_beside(USUAL, MEASURED, Unstored()) == Window(start=USUAL.start + HOUR, end=USUAL.end)

    store(MEASURED + DAY, Window(start=USUAL.end - HOUR, end=USUAL.end + DAY))
    assert window_beside(USUAL, MEASURED, Unstored()) == Window(
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

    assert window_beside(USUAL, MEASURED, Unstored()) == USUAL
