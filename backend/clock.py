"""Time: aware UTC everywhere, the business day in Asia/Tehran, Jalali only where months and years are counted."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from importlib.metadata import version
from zoneinfo import ZoneInfo

import jdatetime


class _PackagedZone(ZoneInfo):
    """A time zone by the rules of the installed package, never by the machine's own database."""

    def __reduce__(self) -> str:
        # A zone that was read from a file refuses to be copied. There is only this one, and it goes by its name.
        return "TEHRAN"


def _load_tehran() -> _PackagedZone:
    # ZoneInfo("Asia/Tehran") prefers the machine's database, which may be years old; the package is locked, and its
    # version is what an invoice names.
    with (resources.files("tzdata.zoneinfo.Asia") / "Tehran").open("rb") as rules:
        return _PackagedZone.from_file(rules, key="Asia/Tehran")


TEHRAN = _load_tehran()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time (start, end], both aware UTC: a sample of a boundary belongs to the day that ends there."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Length in seconds; a Tehran day has 82,800, 86,400 or 90,000."""
        return (self.end - self.start).total_seconds()


def utc_now() -> datetime:
    """The present instant, aware UTC. Rules take it as a parameter; services ask here."""
    return datetime.now(UTC)


def business_midnight(day: date) -> datetime:
    """The first instant of a Tehran day, in UTC; right on days that a clock change makes 23 or 25 hours long."""
    return datetime.combine(day, time(), tzinfo=TEHRAN).astimezone(UTC)


def day_window(day: date) -> Window:
    """The instants that belong to a Tehran day, from one local midnight to the next."""
    return Window(start=business_midnight(day), end=business_midnight(day + timedelta(days=1)))


def billing_day(instant: datetime) -> date:
    """The Tehran day that an aware instant falls on."""
    if instant.tzinfo is None:
        raise ValueError("an instant must be aware")
    return instant.astimezone(TEHRAN).date()


def jalali_year(day: date) -> int:
    """The Jalali year of a day, for example 1405."""
    return int(jdatetime.date.fromgregorian(date=day).year)


def jalali_month_start(day: date) -> date:
    """The Gregorian date of the first day of the Jalali month that a day falls in."""
    jalali = jdatetime.date.fromgregorian(date=day)
    first: date = jalali.replace(day=1).togregorian()
    return first


def gregorian_month_start(day: date) -> date:
    """The first day of the Gregorian month that a day falls in."""
    return day.replace(day=1)


def tzdata_version() -> str:
    """The version of the rules that `TEHRAN` was read from; an invoice records it."""
    return version("tzdata")
