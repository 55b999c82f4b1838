"""A day is read in the calendar that its year belongs to, and answered in both."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.days import FIRST_DAY, LAST_DAY, in_both, read_day
from backend.errors import Invalid

DAYS = st.dates(FIRST_DAY, LAST_DAY)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-12-01", date(2026, 12, 1)),
        ("1405-09-10", date(2026, 12, 1)),
        ("۱۴۰۵/۹/۱۰", date(2026, 12, 1)),
        (" \u2066١٤٠٥-٠٩-١٠\u2069 ", date(2026, 12, 1)),
        ("1403-12-30", date(2025, 3, 20)),
        ("2020-01-01", FIRST_DAY),
        ("1398-10-11", FIRST_DAY),
        ("2100-12-31", LAST_DAY),
    ],
)
def test_a_day_is_read_by_its_year(written: str, day: date) -> None:
    assert read_day(written) == day


@pytest.mark.parametrize(
    "written",
    ["", "yesterday", "2026-13-01", "2026-02-30", "1405-12-30", "1404-07-31", "20261201", "2026-12/01", "1405-9",
     "-2026-12-01", "2026-12-01T00:00", "2026-W49-2", "0000-01-01", "1405-00-10", "1405-09-10\n1"],
)  # fmt: skip
def test_what_is_no_day_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_day(written)

    assert refused.value.data["reason"] == "day"


@pytest.mark.parametrize(
    "written",
    [
        "2019-12-31",
        "1398-10-10",
        "2101-01-01",
        "1479-10-12",
        "0001-01-01",
        "9999-12-31",
        "1900-01-01",
        "405-09-10",
    ],
)
def test_a_day_outside_of_the_contracts_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_day(written)

    assert refused.value.data["reason"] == "day_out_of_range"


@given(DAYS)
def test_both_forms_of_an_answer_are_read_as_the_same_day(day: date) -> None:
    gregorian, jalali = in_both(day).removesuffix(")").split(" (")

    assert read_day(gregorian) == read_day(jalali) == day
    assert in_both(day + timedelta(days=1)) != in_both(day)
