"""Rules of silences: their end, and which of them end soon."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from backend.alerts.types import Silence, SilenceState
from backend.clock import TEHRAN
from backend.days import read_day
from backend.errors import Invalid
from backend.free_text import latin_digits, pasted

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=90)
SOON = timedelta(minutes=60)
MORNING_HOUR = 9
UNTIL_MORNING = "morning"
LENGTHS = {
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "4h": timedelta(hours=4),
    "8h": timedelta(hours=8),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
    "7d": timedelta(days=7),
}
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def end_of_length(length: str, now: datetime) -> datetime:
    """The end of a silence of a usual length that begins now; ``morning`` lasts to the next 09:00 in Tehran.

    Raises:
        Invalid: no such length (``silence_end``).
    """
    if length == UNTIL_MORNING:
        local = now.astimezone(TEHRAN)
        days = 0 if local.hour < MORNING_HOUR else 1
        return _in_tehran(local.date() + timedelta(days=days), MORNING_HOUR, 0, now)
    if length not in LENGTHS:
        raise Invalid(field="ends_at", reason="silence_end", days=LONGEST.days)
    return now + LENGTHS[length]


def written_end(day: str, at: str, now: datetime) -> datetime:
    """The end that somebody wrote as a day of either calendar and a time in Tehran such as 09:30.

    Raises:
        Invalid: it is no day (``day``) or no time (``silence_time``).
    """
    read = _TIME.fullmatch(latin_digits(pasted(at)))
    if read is None:
        raise Invalid(field="ends_at", reason="silence_time")
    return _in_tehran(read_day(day), int(read[1]), int(read[2]), now)


def _in_tehran(day: date, hour: int, minute: int, now: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=TEHRAN).astimezone(now.tzinfo)


def checked_end(ends_at: datetime, now: datetime) -> datetime:
    """The end of a silence. Raises Invalid (``silence_end``) for one that is past, or more than 90 days away."""
    if not now + SHORTEST <= ends_at <= now + LONGEST:
        raise Invalid(field="ends_at", reason="silence_end", days=LONGEST.days)
    return ends_at


def state_at(silence: Silence, now: datetime) -> SilenceState:
    """The state of a silence now, whatever it was when it was shown."""
    if silence.state == SilenceState.EXPIRED or silence.ends_at <= now:
        return SilenceState.EXPIRED
    return SilenceState.PENDING if silence.starts_at > now else SilenceState.ACTIVE


def ending_soon(silences: Iterable[Silence], muting: Mapping[str, int], now: datetime) -> list[Silence]:
    """The silences that end within the hour and mute something: what they mute will be heard again."""
    return [
        silence
        for silence in silences
        if state_at(silence, now) == SilenceState.ACTIVE
        and silence.ends_at - now <= SOON
        and muting.get(silence.id, 0)
    ]
