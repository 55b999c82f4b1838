"""Openings that are not to be found at the beginning of a window: what is stored of meters that were away."""

from collections.abc import Sequence
from dataclasses import replace

from backend.usage.coverage import Span
from backend.usage.rules import LifeReadings
from backend.usage.types import Key, MeterKey, StoredClosings

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
