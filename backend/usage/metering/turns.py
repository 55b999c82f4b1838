"""Finds several processes under one address: alternating, or at the same time with the same start time. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations

from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import Copy, Target
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.types import Key, UsageFlag, Values

# A federation without honor_labels puts the address of the process into this label.
OWN_ADDRESS = "exported_instance"
# No scrape takes longer. So a lower value in a scrape that ended later belongs to another counter.
SCRAPE_MS = 120_000


def with_alternating_flagged(
    incarnations: Sequence[IncarnationReadings], targets: Sequence[Target], span: Span
) -> list[IncarnationReadings]:
    """The same readings; incarnations that alternated with another one within the window are flagged ``ALTERNATES``.

    A target that shows one start time, then another, and then the first again shows no restart: both processes were
    alive, and each scrape reached only one of them.
    """
    alternating = {found for target in targets for found in _alternating(target, span)}
    if not alternating:
        return list(incarnations)
    return [
        replace(one, flags=one.flags | {UsageFlag.ALTERNATES})
        if (one.incarnation.instance, one.incarnation.start_us) in alternating
        else one
        for one in incarnations
    ]


def _alternating(target: Target, span: Span) -> Iterator[tuple[str, int]]:
    """Instance and start time, in microseconds, of the incarnations that alternated at a target within the window."""
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
    """The meters of an incarnation that certainly belong to several processes with the same address and start time.

    It is certain where the targets name different addresses of the process, or where one target shows more at the
    start of the day than another one at its end. ``readings`` are the opening and the closing readings, by target.
    Only the highest value of such a meter is counted, so its invoice is held.
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
