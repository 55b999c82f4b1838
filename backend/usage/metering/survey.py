"""Situation of a window before counters are read: incarnations, observation, and stored readings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.usage.metering.coverage import SILENCE_MS, Seen, Span, known_until, seen_in, watched_until
from backend.usage.metering.incarnations import (
    EPOCH,
    Copy,
    Incarnation,
    Point,
    ScrapeHistory,
    milliseconds,
    point_at,
)
from backend.usage.metering.source import Source
from backend.usage.types import StoredClosings, StoredIncarnation, StoredIncarnations

BEFORE = Seen(0, 0, gap_across_boundary=True, ended_ms=None, tail_ms=0)
"""An incarnation that ended before the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Incarnations, observation and stored readings of a window, before counters are read."""

    span: Span
    lookback_ms: int
    history: ScrapeHistory
    seen: dict[int, Seen]
    """By number of incarnation, only those with a scrape in the window."""
    late: Sequence[int] = ()
    """Incarnations that ended before the window, with scrapes that came after the day before was stored."""
    previous_day_is_stored: bool
    stored: StoredIncarnations
    no_start_before: frozenset[str]
    """Instances that told no start time on the day before, so that their tokens are stored under no incarnation."""

    def stored_incarnation(self, incarnation: Incarnation) -> StoredIncarnation | None:
        """The stored readings of an incarnation."""
        return self.stored.get((incarnation.name, incarnation.started_at))

    def is_known(self, incarnation: Incarnation) -> bool:
        """Whether the incarnation was scraped, or its reading stored, before the window."""
        return incarnation.times[0] <= self.span.start_ms or self.stored_incarnation(incarnation) is not None

    def is_new_target(self, incarnation: Incarnation, copy: Copy) -> bool:
        """Whether a target first scraped an incarnation within the window, and its count until then is not known.

        That others scraped it before proves nothing: they may have kept none of its counters.
        """
        if self.is_born(incarnation) or not self.span.start_ms < copy.runs[0].times[0] <= self.span.end_ms:
            return False
        return incarnation.times[0] <= self.span.start_ms or not self.is_known(incarnation)

    def moved(self, incarnation: Incarnation) -> Point | None:
        """The first scrape after the start time of the incarnation moved within the window, if it did."""
        return incarnation.moved_within(self.span.start_ms, self.span.end_ms)

    def is_overlooked(self, incarnation: Incarnation) -> bool:
        """Whether what was scraped of it before the window came only after the day before was stored, without it."""
        is_stored = self.stored_incarnation(incarnation) is not None
        return self.previous_day_is_stored and not is_stored and self.is_born(incarnation)

    def late_ms(self, incarnation: Incarnation) -> int | None:
        """Until when the scrapes of the incarnation were known when the day before was stored, if more came since.

        A series that has no reading at that instant was billed by nobody, and began at zero. One that has a
        reading was left out on purpose: a wider selector brings it now, and its history is nobody's.
        """
        stored, opened_ms = self.stored_incarnation(incarnation), incarnation.seen_by(self.span.start_ms)
        if stored is None or opened_ms is None:
            return None
        closed_ms = milliseconds(stored.closed_at)
        if closed_ms >= opened_ms:
            return None
        # Scrapes of a target that a wider selector has brought are not late.
        points = [
            point_at(copy, self.span.start_ms) for copy in incarnation.copies if copy.has_scrape_at(closed_ms)
        ]
        newest_ms = max((point.at_ms for point in points if point), default=opened_ms)
        return closed_ms if closed_ms < newest_ms else None

    def seen_of(self, index: int) -> Seen:
        """Scraped and unseen time of an incarnation within the window."""
        return self.seen.get(index, BEFORE)

    def was_away(self, incarnation: Incarnation) -> bool:
        """Whether the reading that opens it is older than all that is looked at: hours of yesterday are counted."""
        stored = self.stored_incarnation(incarnation)
        return stored is not None and milliseconds(stored.closed_at) < self.span.start_ms - self.lookback_ms

    def is_born(self, incarnation: Incarnation) -> bool:
        """Whether all that the process ever counted is ours to count.

        A process of this window always is. One that began shortly before is, if somebody was watching at that
        time, or if the day before is stored whole without it.
        """
        if self.moved(incarnation):
            return False
        if incarnation.start_ms > self.span.start_ms:
            return True
        if incarnation.start_ms <= self.span.start_ms - self.lookback_ms:
            return False
        if incarnation.name in self.no_start_before:
            return False
        first = self.history.first_ms
        return self.previous_day_is_stored or (first is not None and first <= incarnation.start_ms)


def survey(
    source: Source, history: ScrapeHistory, span: Span, lookback_ms: int, stored: StoredClosings
) -> Situation:
    """Survey a window from the scrapes in and around it and from the stored readings.

    Asks Prometheus again only where processes fell silent or changed their address.

    Raises:
        Unavailable: Prometheus failed, was late, or told only a part.
    """
    _notice_ends(source, history, span)
    last = history.last_ms
    is_alive = last is not None and last < span.end_ms - SILENCE_MS and source.is_alive_at(span.end_ms)
    watched = watched_until(history, span, is_alive_at_end=is_alive)
    seen = {
        index: seen_in(incarnation, span, watched)
        for index, incarnation in enumerate(history.incarnations)
        if incarnation.is_seen_within(span.start_ms, span.end_ms)
    }
    situation = Situation(
        span=span,
        lookback_ms=lookback_ms,
        history=history,
        seen=seen,
        previous_day_is_stored=stored.previous_day,
        stored=stored.incarnations,
        no_start_before=frozenset(instance for instance, start in stored.incarnations if start == EPOCH),
    )
    situation = _remembering(situation, stored)
    return replace(
        situation, late=[index for index in _ended_before(situation) if _is_late(situation, index)]
    )


def _notice_ends(source: Source, history: ScrapeHistory, span: Span) -> None:
    """Note for replaced incarnations whether their address was gone before another incarnation took it over.

    Prometheus is asked only for gaps that touch the window.
    """
    replaced = [
        incarnation
        for incarnation in history.incarnations
        if incarnation.successor_ms is not None
        and incarnation.successor_ms - incarnation.times[-1] > SILENCE_MS
        and incarnation.times[-1] < span.end_ms
        and incarnation.successor_ms > span.start_ms
    ]
    if not replaced:
        return
    begin = min(incarnation.times[-1] for incarnation in replaced) - SILENCE_MS
    end = max(incarnation.successor_ms or 0 for incarnation in replaced)
    ups = source.ups(history, sorted({incarnation.instance for incarnation in replaced}), Span(begin, end))
    for incarnation in replaced:
        known_ms = known_until(incarnation, ups.get(incarnation.instance, []))
        if known_ms is not None and _was_somebody_watching(source, history, known_ms):
            incarnation.gone_ms = known_ms


def _was_somebody_watching(source: Source, history: ScrapeHistory, known_ms: int) -> bool:
    """Whether anything was scraped when an address had been silent for minutes.

    The first minutes prove nothing: the others' last scrapes before an outage lie in them.
    """
    after_ms, until_ms = known_ms + SILENCE_MS, known_ms + 2 * SILENCE_MS
    is_seen = any(incarnation.is_seen_within(after_ms, until_ms) for incarnation in history.incarnations)
    return is_seen or source.is_alive_at(until_ms + 1)


def _remembering(situation: Situation, stored: StoredClosings) -> Situation:
    """The same with the readings of incarnations that are not among those of the day before.

    One that was scraped before the window came too late for that day, or had no counter on it.
    """
    incarnations = (
        situation.history.incarnations[index] for index in (*situation.seen, *_ended_before(situation))
    )
    unknown = [
        (incarnation.name, incarnation.started_at)
        for incarnation in incarnations
        if situation.stored_incarnation(incarnation) is None
        and not situation.is_born(incarnation)
        and (stored.previous_day or not situation.is_known(incarnation))
    ]
    return replace(situation, stored={**situation.stored, **stored.older(unknown)}) if unknown else situation


def _ended_before(situation: Situation) -> list[int]:
    """Incarnations with scrapes before the window and none in it, where a whole day ends there."""
    if not situation.previous_day_is_stored:
        return []
    start_ms = situation.span.start_ms
    incarnations = enumerate(situation.history.incarnations)
    return [
        index
        for index, incarnation in incarnations
        if index not in situation.seen and incarnation.times[0] <= start_ms
    ]


def _is_late(situation: Situation, index: int) -> bool:
    incarnation = situation.history.incarnations[index]
    return situation.stored_incarnation(incarnation) is None or situation.late_ms(incarnation) is not None
