from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from backend import clock


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        pytest.param(date(2026, 11, 22), 24, id="an ordinary day"),
        pytest.param(date(2022, 3, 22), 23, id="summer time began"),
        pytest.param(date(2022, 9, 21), 25, id="summer time ended"),
        pytest.param(date(2021, 9, 21), 25, id="summer time ended a year before"),
    ],
)
def test_a_tehran_day_is_as_long_as_its_clock_says(day: date, hours: int) -> None:
    assert clock.day_window(day).seconds == hours * 3600


def test_days_follow_each_other_without_gap_or_overlap() -> None:
    first = date(2021, 1, 1)
    windows = [clock.day_window(first + timedelta(days=n)) for n in range(3 * 365)]

    assert all(a.end == b.start for a, b in pairwise(windows))


def test_the_day_changes_at_midnight_in_tehran() -> None:
    assert clock.billing_day(datetime(2026, 11, 22, 20, 29, 59, tzinfo=UTC)) == date(2026, 11, 22)
    assert clock.billing_day(datetime(2026, 11, 22, 20, 30, tzinfo=UTC)) == date(2026, 11, 23)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        clock.billing_day(datetime(2026, 11, 22))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("day", "year", "month_start"),
    [
        (date(2026, 11, 23), 1405, date(2026, 11, 22)),
        (date(2026, 3, 20), 1404, date(2026, 2, 20)),
        (date(2026, 3, 21), 1405, date(2026, 3, 21)),
        (date(2025, 3, 20), 1403, date(2025, 2, 19)),
    ],
)
def test_the_jalali_year_and_month_of_a_day(day: date, year: int, month_start: date) -> None:
    assert clock.jalali_year(day) == year
    assert clock.jalali_month_start(day) == month_start
