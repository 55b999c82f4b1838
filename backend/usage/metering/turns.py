"""Several processes under one address: in turn, or side by side under one start time. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations

from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import Copy, Target
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.types import Key, UsageFlag, Values

# A federation that keeps its own labels calls the address of the process so.
OWN_ADDRESS = "exported_instance"
# No scrape takes longer, so a later one that shows less is not of the same counter.
SCRAPE_MS = 120_000


def with_alternating_flagged(
    incarnations: Sequence[IncarnationReadings], targets: Sequence[Target], span: Span
) -> list[IncarnationReadings]:
    """The same, with each incarnation flagged that a target showed in turn with another one within a window.

    A start time that comes back after another one was scraped is no restart: both processes were alive, and each
    scrape showed only one of them.
    """
    in_turn = {found for target in targets for found in _in_turn(target, span)}
    if not in_turn:
        return list(incarnations)
    return [
        replace(one, flags=one.flags | {UsageFlag.ALTERNATES})
        if (one.incarnation.instance, one.incarnation.start_us) in in_turn
        else one
        for one in incarnations
    ]


def _in_turn(target: Target, span: Span) -> Iterator[tuple[str, int]]:
    first_of: dict[int, int] = {}
    for place, run in enumerate(target.runs):
        first = first_of.setdefault(run.start_us, place)
        if first == place:
            continue
        left_ms, back_ms = target.runs[first].times[-1], run.times[0]
        if left_ms < span.end_ms and back_ms > span.start_ms:
            for between in target.runs[first : place + 1]:
                yield target.instance, between.start_us


def keys_of_several_processes(
    copies: Sequence[Copy],
    targets: Sequence[Target],
    readings: tuple[Mapping[int, Values], Mapping[int, Values]],
    span: Span,
) -> set[Key]:
    """The meters of an incarnation whose copies are certainly not one process: only the highest of them is counted.

    Their targets tell different addresses of the process, or one began the day above what another ended it with.
    ``readings`` are the openings and the closings, by target.
    """
    openings, closings = readings
    found: set[Key] = set()
    for one, other in permutations(copies, 2):
        shown, later = openings.get(one.target, {}), closings.get(other.target, {})
        addresses = {targets[copy.target].labels.get(OWN_ADDRESS) for copy in (one, other)}
        if len(addresses) > 1:
            found |= later.keys() & closings.get(one.target, {}).keys()
        elif other.runs[-1].times[-1] > span.start_ms + SCRAPE_MS:
            found |= {key for key in shown.keys() & later.keys() if shown[key] > later[key]}
    return found
