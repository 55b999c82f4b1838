"""Days as people write them: Gregorian or Jalali, told apart by the year, and both of them in every answer."""

import re
from datetime import date

import jdatetime

from backend.errors import Invalid
from backend.free_text import latin_digits, pasted

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2100, 12, 31)
_WRITTEN = re.compile(r"([0-9]{1,4})([-/])([0-9]{1,2})\2([0-9]{1,2})")
# The Jalali year of LAST_DAY is 1479; no Gregorian year of a contract is so small, and no Jalali one so large.
_JALALI_YEARS = range(1300, 1500)


def read_day(written: str) -> date:
    """The day that somebody wrote as 2026-12-01, 1405-09-10 or ۱۴۰۵/۰۹/۱۰.

    Raises:
        Invalid: it is no day of either calendar (``day``), or lies outside 2020 to 2100 (``day_out_of_range``).
    """
    found = _WRITTEN.fullmatch(latin_digits(pasted(written)))
    if found is None:
        raise Invalid(field="day", reason="day")
    year, month, day = int(found[1]), int(found[3]), int(found[4])
    try:
        read = (
            jdatetime.date(year, month, day).togregorian()
            if year in _JALALI_YEARS
            else date(year, month, day)
        )
    except ValueError:
        raise Invalid(field="day", reason="day") from None
    return checked_day(read)


def checked_day(day: date) -> date:
    """The same day, when a contract may name it. Raises Invalid (``day_out_of_range``) outside 2020 to 2100."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Invalid(field="day", reason="day_out_of_range")
    return day


def in_both(day: date) -> str:
    """A day in both calendars, for the answer of a command: 2026-12-01 (1405-09-10)."""
    return f"{day.isoformat()} ({jdatetime.date.fromgregorian(date=day).isoformat()})"
