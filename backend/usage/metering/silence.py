"""Finds incarnations that were scraped before a window and not within it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from backend.usage.metering.coverage import SILENCE_MS, ObservedTime, Span
from backend.usage.metering.incarnations import EPOCH, Incarnation, microseconds, milliseconds
from backend.usage.metering.neighbours import SHORTEST_DAY_MS
from backend.usage.metering.opening_rules import IncarnationKind, OpeningReadings
from backend.usage.metering.source import Source
from backend.usage.metering.survey import NOT_OBSERVED, Survey
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.types import (
    IncarnationKey,
    MeterContinuity,
    StoredClosings,
    StoredIncarnation,
    StoredIncarnations,
)


def was_nothing_scraped(source: Source, span: Span, stored: StoredClosings) -> bool:
    """Whether processes were alive at the start of the window, and Prometheus has no sample of anything at its end."""
    return bool(alive_before(span, stored)) and not source.is_alive_at(span.end_ms)


def alive_before(span: Span, stored: StoredClosings) -> list[StoredIncarnation]:
    """The stored incarnations whose last scrape is less than five minutes before the window."""
    return [
        incarnation
        for incarnation in stored.incarnations.values()
        if _closed_ms(incarnation) >= span.start_ms - SILENCE_MS
    ]


def meters_read(
    span: Span, stored: StoredClosings, incarnations: Iterable[IncarnationReadings]
) -> MeterContinuity:
    """Number of meters that were alive at the start of a window, and how many of them have a closing reading in it.

    A meter does not vanish while its process runs. A missing one is no longer scraped, or no longer selected.
    """
    closings = {one.incarnation.key: one.closings for one in incarnations}
    expected = read = 0
    for key, before in stored.incarnations.items():
        if before.closings and _closed_ms(before) >= span.start_ms - SILENCE_MS:
            expected += len(before.closings)
            read += len(before.closings.keys() & closings.get(key, {}).keys())
    return MeterContinuity(expected, read)


def with_silent_incarnations(
    source: Source, survey: Survey, stored: StoredClosings, incarnations: Sequence[IncarnationReadings]
) -> list[IncarnationReadings]:
    """The same readings and those of silent incarnations: alive in the window, and not scraped in it.

    A silent incarnation opens and closes at its stored closing, so it counts no token, and lowers the coverage. An
    incarnation without a scrape in the window is alive if it is scraped again later, or if no other incarnation took
    its address and Prometheus went on trying to scrape that for more than five minutes. ``up`` tells the tries; it is
    asked only for incarnations that were alive at the start of the window or silent on the day before. Nothing is
    added if no incarnation at all was scraped in the window.
    """
    taken = {one.incarnation.name for one in incarnations if one.observation is not NOT_OBSERVED}
    missing = {
        (name, start): incarnation
        for (name, start), incarnation in stored.incarnations.items()
        if name not in taken and start != EPOCH and incarnation.closings
    }
    if not missing or not survey.observations:
        return list(incarnations)
    silent = _silent_incarnations(source, survey, missing, stored.following.keys())
    # Late readings of a silent incarnation are newer than its stored closing.
    known = [
        replace(one, observation=silent.pop(one.incarnation.key).observation)
        if one.incarnation.key in silent
        else one
        for one in incarnations
    ]
    return [*known, *silent.values()]


def _silent_incarnations(
    source: Source, survey: Survey, missing: StoredIncarnations, following: Collection[IncarnationKey]
) -> dict[IncarnationKey, IncarnationReadings]:
    span = survey.span
    again = {
        incarnation.key for incarnation in survey.history.incarnations if incarnation.times[-1] > span.end_ms
    }
    again.update(following)
    asked = {
        incarnation
        for incarnation, stored in missing.items()
        if incarnation not in again and _may_be_alive(stored, span)
    }
    tried_ms = _tried_until(source, survey, asked)
    found = {}
    for incarnation, stored in missing.items():
        until_ms = span.end_ms if incarnation in again else tried_ms.get(incarnation, span.start_ms)
        if until_ms > span.start_ms + SILENCE_MS:
            found[incarnation] = _silent(incarnation, stored, until_ms - span.start_ms)
    return found


def _may_be_alive(stored: StoredIncarnation, span: Span) -> bool:
    """Whether an incarnation was scraped until the start of the window, or was silent the whole day before."""
    closed_ms = _closed_ms(stored)
    return closed_ms >= span.start_ms - SILENCE_MS or closed_ms < span.start_ms - SHORTEST_DAY_MS


def _tried_until(
    source: Source, survey: Survey, incarnations: Iterable[IncarnationKey]
) -> Mapping[IncarnationKey, int]:
    """Last time within the window when Prometheus tried to scrape the address, by incarnation."""
    asked = sorted({name for name, _ in incarnations})
    if not asked:
        return {}
    ups = source.ups(survey.history, asked, survey.span, is_selected=True)
    return {incarnation: ups[incarnation[0]][-1] for incarnation in incarnations if ups.get(incarnation[0])}


def _silent(incarnation: IncarnationKey, stored: StoredIncarnation, unseen_ms: int) -> IncarnationReadings:
    name, start = incarnation
    return IncarnationReadings(
        incarnation=Incarnation(name, microseconds(start), [], []),
        observation=ObservedTime(unseen_ms, unseen_ms, gap_across_boundary=False, ended_ms=None, tail_ms=0),
        closings=stored.closings,
        closed_at=stored.closed_at,
        opening=OpeningReadings(
            kind=IncarnationKind.SILENT, started_at=start, stored=stored, scraped_at=stored.closed_at
        ),
    )


def _closed_ms(incarnation: StoredIncarnation) -> int:
    return milliseconds(incarnation.closed_at)
