"""Where readings of a window meet what is stored: of meters that were away, and of the day after. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.usage.coverage import Span
from backend.usage.rules import LifeReadings
from backend.usage.types import Flag, Key, MeterKey, NextOpening, OpeningSource, StoredClosings

ZEROS = frozenset({OpeningSource.BORN, OpeningSource.FIRST_USED})
# No day is shorter. Younger lives have no reading on a day before the last one.
SHORTEST_DAY_MS = 23 * 3_600_000


def recalled(lives: Sequence[LifeReadings], span: Span, stored: StoredClosings) -> list[LifeReadings]:
    """The same, with the stored closings of meters that were read on an earlier day than the last one of their life.

    A tenant's series may vanish from a process that lives on, and come back: what it had counted was billed. The
    database is asked only where a life has a series that its last day had not.
    """
    wanted: dict[int, list[Key]] = {}
    for index, one in enumerate(lives):
        if one.stored is None or one.life.start_ms > span.start_ms - SHORTEST_DAY_MS:
            continue
        known = one.stored.closings.keys()
        if not known >= one.closings.keys():
            wanted[index] = list(one.closings.keys() - known)
    if not wanted:
        return list(lives)
    meters: dict[MeterKey, tuple[int, Key]] = {
        (lives[index].life.name, lives[index].life.started_at, key): (index, key)
        for index, keys in wanted.items()
        for key in keys
    }
    found = list(lives)
    for meter, told in stored.earlier(list(meters)).items():
        index, key = meters[meter]
        found[index] = replace(found[index], earlier={**found[index].earlier, key: told})
    return found


def met(one: LifeReadings, following: Mapping[Key, NextOpening]) -> LifeReadings:
    """The same, ended where the next day, which is stored, began: no token is on both, and none on neither.

    What that day counted from zero is its own, whatever was scraped of it since. Without a start time both are held.
    """
    if Flag.NO_START_TIME in one.flags:
        return one
    closings = dict(one.closings)
    opened_at = None
    for key, (opening, at, source) in following.items():
        if source == OpeningSource.FIRST_SEEN:
            continue  # held there, and never below what this day closes with
        if source not in ZEROS:
            opened_at = at
        if key in closings or (source not in ZEROS and _is_opened(one, key)):
            closings[key] = opening
    if closings == one.closings:
        return one
    return replace(
        one,
        closings=closings,
        closed_at=opened_at or one.closed_at,
        flags=one.flags | {Flag.GAP_ACROSS_BOUNDARY},
    )


def _is_opened(one: LifeReadings, key: Key) -> bool:
    """Whether something is known of where a meter began the day."""
    return key in one.openings or (one.stored is not None and key in one.stored.closings)
