"""Joins readings of a window with stored ones: for meters that were away, and for the next day. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from backend.usage.metering.coverage import Span
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.types import (
    EarlierClosing,
    IncarnationKey,
    Key,
    MeterKey,
    NextOpening,
    OpeningSource,
    StoredClosings,
    UsageFlag,
)

ZEROS = frozenset({OpeningSource.BORN, OpeningSource.FIRST_USED})
# No day is shorter. Younger incarnations have no reading on a day before the last one.
SHORTEST_DAY_MS = 23 * 3_600_000


def with_earlier_closings(
    incarnations: Sequence[IncarnationReadings], span: Span, stored: StoredClosings
) -> list[IncarnationReadings]:
    """The same, with the stored closings of meters that the last stored day of their incarnation does not have.

    A tenant's series may vanish from a process that lives on, and come back: what it had counted was billed. The
    database is asked only where an incarnation has a series that its last day had not.
    """
    wanted: list[MeterKey] = []
    for one in incarnations:
        stored_before = one.opening.stored
        if stored_before is None or one.incarnation.start_ms > span.start_ms - SHORTEST_DAY_MS:
            continue
        known, closings = stored_before.closings.keys(), one.closings.keys()
        if not known >= closings:
            wanted += [(one.incarnation.name, one.incarnation.started_at, key) for key in closings - known]
    if not wanted:
        return list(incarnations)
    told: dict[IncarnationKey, dict[Key, EarlierClosing]] = {}
    for (instance, start, key), closing in stored.earlier(wanted).items():
        told.setdefault((instance, start), {})[key] = closing
    return [
        replace(one, opening=replace(one.opening, stored_earlier=told[incarnation]))
        if (incarnation := (one.incarnation.name, one.incarnation.started_at)) in told
        else one
        for one in incarnations
    ]


def closed_at_next_opening(
    one: IncarnationReadings, following: Mapping[Key, NextOpening]
) -> IncarnationReadings:
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


def _is_opened(one: IncarnationReadings, key: Key) -> bool:
    """Whether something is known of where a meter began the day."""
    stored = one.opening.stored
    return key in one.opening.scraped or (stored is not None and key in stored.closings)
