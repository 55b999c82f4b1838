"""Joins readings of a window with stored ones: for meters that were away, and for the next day. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from backend.usage.metering.coverage import Span
from backend.usage.metering.tally_rules import LifeReadings
from backend.usage.types import (
    EarlierClosing,
    Key,
    LifeKey,
    MeterKey,
    NextOpening,
    OpeningSource,
    StoredClosings,
    UsageFlag,
)

ZEROS = frozenset({OpeningSource.BORN, OpeningSource.FIRST_USED})
# No day is shorter. Younger lives have no reading on a day before the last one.
SHORTEST_DAY_MS = 23 * 3_600_000


def recalled(lives: Sequence[LifeReadings], span: Span, stored: StoredClosings) -> list[LifeReadings]:
    """The same, with the stored closings of meters that were read on an earlier day than the last one of their life.

    A tenant's series may vanish from a process that lives on, and come back: what it had counted was billed. The
    database is asked only where a life has a series that its last day had not.
    """
    wanted: list[MeterKey] = []
    for one in lives:
        if one.stored is None or one.life.start_ms > span.start_ms - SHORTEST_DAY_MS:
            continue
        known, closings = one.stored.closings.keys(), one.closings.keys()
        if not known >= closings:
            wanted += [(one.life.name, one.life.started_at, key) for key in closings - known]
    if not wanted:
        return list(lives)
    told: dict[LifeKey, dict[Key, EarlierClosing]] = {}
    for (instance, start, key), closing in stored.earlier(wanted).items():
        told.setdefault((instance, start), {})[key] = closing
    return [
        replace(one, earlier=told[life]) if (life := (one.life.name, one.life.started_at)) in told else one
        for one in lives
    ]


def met(one: LifeReadings, following: Mapping[Key, NextOpening]) -> LifeReadings:
    """The same, ended where the next day, which is stored, began: no token is on both, and none on neither.

    What that day counted from zero is its own, whatever was scraped of it since. Without a start time both are held.
    """
    if UsageFlag.NO_START_TIME in one.flags:
        return one
    closings = dict(one.closings)
    opened: list[datetime] = []
    for key, (opening, at, source) in following.items():
        if source == OpeningSource.FIRST_SEEN:
            continue  # held there, and never below what this day closes with
        if source not in ZEROS:
            opened.append(at)
        if key in closings or (source not in ZEROS and _is_opened(one, key)):
            closings[key] = opening
    changed = {key for key, value in closings.items() if one.closings.get(key) != value}
    if not changed:
        return one
    gaps = changed.union(one.flagged.get(UsageFlag.GAP_ACROSS_BOUNDARY, ()))
    return replace(
        one,
        closings=closings,
        closed_at=max(opened, default=one.closed_at),
        flagged={**one.flagged, UsageFlag.GAP_ACROSS_BOUNDARY: gaps},
    )


def _is_opened(one: LifeReadings, key: Key) -> bool:
    """Whether something is known of where a meter began the day."""
    return key in one.openings or (one.stored is not None and key in one.stored.closings)
