"""Joins the readings of a window with readings that are stored for days before it and for the next day. Pure."""

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
# No day is shorter, so an incarnation that is younger than this has readings of one earlier day at most.
SHORTEST_DAY_MS = 23 * 3_600_000


def with_earlier_closings(
    incarnations: Sequence[IncarnationReadings], span: Span, stored: StoredClosings
) -> list[IncarnationReadings]:
    """The same readings; meters that the last stored day of their incarnation does not have get their older closing.

    A series may vanish from a running process and come back with its old value. What it had counted before is billed
    already, so its last stored closing must open it. The database is asked only for meters without a reading on the
    last stored day of their incarnation.
    """
    wanted: list[MeterKey] = []
    for one in incarnations:
        stored_before = one.opening.stored
        if stored_before is None or one.incarnation.start_ms > span.start_ms - SHORTEST_DAY_MS:
            continue
        known, closings = stored_before.closings.keys(), one.closings.keys()
        if not known >= closings:
            wanted += [(*one.incarnation.key, key) for key in closings - known]
    if not wanted:
        return list(incarnations)
    told: dict[IncarnationKey, dict[Key, EarlierClosing]] = {}
    for (instance, start, key), closing in stored.earlier(wanted).items():
        told.setdefault((instance, start), {})[key] = closing
    return [
        replace(one, opening=replace(one.opening, stored_earlier=told[incarnation]))
        if (incarnation := one.incarnation.key) in told
        else one
        for one in incarnations
    ]


def closed_at_next_opening(
    one: IncarnationReadings, following: Mapping[Key, NextOpening]
) -> IncarnationReadings:
    """The same readings, with the opening readings of the next day, which is stored already, as closing readings.

    So each token is counted on exactly one of the two days. A meter that the next day counted from zero closes at zero
    here: the next day billed all of it. Incarnations without a start time stay as they are, because both days hold
    them.
    """
    if UsageFlag.NO_START_TIME in one.flags:
        return one
    closings = dict(one.closings)
    opened: list[datetime] = []
    for key, (opening, at, source) in following.items():
        if source == OpeningSource.FIRST_SEEN:
            continue  # The next day is held, and its opening is never below the closing of this day.
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
    """Whether a meter has an opening reading, scraped or stored."""
    stored = one.opening.stored
    return key in one.opening.scraped or (stored is not None and key in stored.closings)
