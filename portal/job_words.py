"""Jobs in words: their names, schedules and outcomes. Shared by the pages that tell of them."""

import re

from backend.days import read_day
from backend.errors import Invalid
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.job_runs.types import CATCHING_UP, Schedule

# What jobs count in their outcomes, each with a sentence in the catalogue.
COUNTED = (
    "alerts",
    "asked",
    "discarded",
    "chunks",
    "embeddings",
    "ended",
    "entries",
    "expired",
    "failed",
    "findings",
    "held",
    "issued",
    "job_runs",
    "left",
    "months_of_readings",
    "opened",
    "parts",
    "reconciled",
    "runs",
    "sent",
    "sessions",
    "settled",
    "undecided",
    "wordings",
)
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}): (.*)", re.DOTALL)
_COUNT = re.compile(r"([0-9]+) ([a-z][a-z ]*)")
_REASON = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


def job_name(job: str, lang: Lang) -> str:
    """Name of a job for people."""
    key = f"job.name.{job}"
    return text(key, lang) if has(key) else fmt.code(job, lang)


def job_purpose(job: str, lang: Lang) -> str:
    """Purpose of a job, in one sentence."""
    key = f"job.what.{job}"
    return text(key, lang) if has(key) else ""


def schedule_words(schedule: Schedule, lang: Lang) -> str:
    """Start times of a job in words: “every 5 s”, “every day at 03:00”."""
    if schedule.every_s is not None:
        key = "job.schedule.missed" if schedule.name == CATCHING_UP else "job.schedule.every"
        return text(key, lang, period=fmt.duration(schedule.every_s, lang))
    minute = schedule.minute or 0
    if schedule.hour is None:
        return text("job.schedule.hourly", lang, minute=fmt.digits(f"{minute:02}", lang))
    at = fmt.digits(f"{schedule.hour:02}:{minute:02}", lang)
    if schedule.weekday is None:
        return text("job.schedule.daily", lang, at=at)
    return text("job.schedule.weekly", lang, weekday=text(f"job.weekday.{schedule.weekday}", lang), at=at)


def outcome_words(outcome: str, lang: Lang) -> str:
    """A stored outcome in words: counts, days and reasons by the catalogue; what it does not know stays as it is."""
    if not outcome:
        return text("job.nothing_to_do", lang)
    return "; ".join(_part(part, lang) for part in outcome.split("; "))


def _part(part: str, lang: Lang) -> str:
    if of_day := _DAY.fullmatch(part):
        day, rest = of_day.groups()
        return f"{_day(day, lang)}: {_part(rest, lang)}"
    if _REASON.fullmatch(part):
        return _reason(part, lang)
    return fmt.listed((_count(item, lang) for item in part.split(", ")), lang)


def _day(written: str, lang: Lang) -> str:
    try:
        return fmt.day(read_day(written), lang)
    except Invalid:
        return written


def _count(item: str, lang: Lang) -> str:
    counted = _COUNT.fullmatch(item)
    if counted is None:
        return item
    key = f"job.outcome.{counted[2].replace(' ', '_')}"
    return text(key, lang, n=fmt.number(int(counted[1]), lang)) if has(key) else item


def _reason(reason: str, lang: Lang) -> str:
    """The sentence of a failure, which is stored as a catalogue key; the nearest general one where none fits."""
    parts = reason.split(".")
    for end in range(len(parts), 0, -1):
        for section in ("job.failure", "billing.failure", "error"):
            key = f"{section}.{'.'.join(parts[:end])}"
            if has(key):
                return text(key, lang, reference="—", wait_s=0)
    return reason
