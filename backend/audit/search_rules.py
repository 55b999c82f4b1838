"""Rules of searching the audit trail: the actors and targets that typed words stand for, and typed instants."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from datetime import time as time_of_day

from backend.clock import TEHRAN
from backend.days import read_day
from backend.errors import Invalid
from backend.free_text import latin_digits

KINDS = (
    "invoice",
    "payment",
    "tenant",
    "user",
    "price_list",
    "tax_rate",
    "job",
    "silence",
    "run",
    "run_input",
    "audit",
)
_TIME = re.compile(r"(.*?)[ ,،T]+([0-9]{1,2}):([0-9]{2})")
_ONE_DAY = timedelta(days=1)


def actors_like(part: str, known: Iterable[str]) -> list[str]:
    """Every known actor whose name holds a part, whatever its capital letters."""
    wanted = part.casefold()
    return [actor for actor in known if wanted in actor.casefold()]


def targets(written: str) -> list[str]:
    """The stored targets that a typed one may mean: as it is, and without a kind also of each kind with this id."""
    if not written or ":" in written:
        return [written] if written else []
    return [written, *(f"{kind}:{written}" for kind in KINDS)]


def instant(written: str, *, is_end: bool) -> datetime | None:
    """An instant that somebody wrote as a day of either calendar, with or without a time in Tehran; None for nothing.

    A day without a time is its beginning, or its end where the instant ``is_end``.

    Raises:
        Invalid: it is no day, or no time of one.
    """
    plain = latin_digits(written).strip()
    if not plain:
        return None
    found = _TIME.fullmatch(plain)
    day = read_day(found[1] if found else plain)
    if found is None:
        return datetime.combine(day, time_of_day(), TEHRAN) + (_ONE_DAY if is_end else timedelta())
    try:
        at = time_of_day(int(found[2]), int(found[3]))
    except ValueError:
        raise Invalid(field="day", reason="day") from None
    return datetime.combine(day, at, TEHRAN) + (timedelta(minutes=1) if is_end else timedelta())
