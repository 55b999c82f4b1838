"""Situation of a window before counters are read: lives, observation, and stored readings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.usage.metering.coverage import SILENCE_MS, Seen, Span, known_until, seen_in, watched_until
from backend.usage.metering.incarnations import EPOCH, Copy, Life, Point, Sight, milliseconds, point_at
from backend.usage.metering.source import Source
from backend.usage.types import StoredClosings, StoredLife, StoredLives

BEFORE = Seen(0, 0, gap_across_boundary=True, ended_ms=None, tail_ms=0)
"""A life that ended before the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Lives, observation and stored readings of a window, before counters are read."""

    span: Span
    lookback_ms: int
    sight: Sight
    seen: dict[int, Seen]
    """By number of life, only those with a scrape in the window."""
    late: Sequence[int] = ()
    """Lives that ended before the window, with scrapes that came after the day before was stored."""
    previous_day_is_stored: bool
    stored: StoredLives
    strangers: frozenset[str]
    """Instances that told no start time on the day before, so that their tokens are stored under no life."""

    def stored_life(self, life: Life) -> StoredLife | None:
        """The stored readings of a life."""
        return self.stored.get((life.name, life.started_at))

    def is_known(self, life: Life) -> bool:
        """Whether the life was scraped, or its reading stored, before the window."""
        return life.times[0] <= self.span.start_ms or self.stored_life(life) is not None

    def is_stranger_to(self, life: Life, copy: Copy) -> bool:
        """Whether a target first scraped a life within the window, and what it had counted by then is not known.

        That others scraped it before proves nothing: they may have kept none of its counters.
        """
        if self.is_born(life) or not self.span.start_ms < copy.runs[0].times[0] <= self.span.end_ms:
            return False
        return life.times[0] <= self.span.start_ms or not self.is_known(life)

    def moved(self, life: Life) -> Point | None:
        """The first scrape after the start time of the life moved within the window, if it did."""
        return life.moved_within(self.span.start_ms, self.span.end_ms)

    def is_overlooked(self, life: Life) -> bool:
        """Whether what was scraped of it before the window came only after the day before was stored, without it."""
        is_stored = self.stored_life(life) is not None
        return self.previous_day_is_stored and not is_stored and self.is_born(life)

    def late_ms(self, life: Life) -> int | None:
        """Until when the scrapes of the life were known when the day before was stored, if more came since.

        A series that has no reading at that instant was billed by nobody, and began at zero. One that has a
        reading was left out on purpose: a wider selector brings it now, and its history is nobody's.
        """
        stored, opened_ms = self.stored_life(life), life.seen_by(self.span.start_ms)
        if stored is None or opened_ms is None:
            return None
        closed_ms = milliseconds(stored.closed_at)
        if closed_ms >= opened_ms:
            return None
        # Scrapes of a target that a wider selector has brought are not late.
        points = [point_at(copy, self.span.start_ms) for copy in life.copies if copy.has_scrape_at(closed_ms)]
        newest_ms = max((point.at_ms for point in points if point), default=opened_ms)
        return closed_ms if closed_ms < newest_ms else None

    def seen_of(self, index: int) -> Seen:
        """Scraped and unseen time of a life within the window."""
        return self.seen.get(index, BEFORE)

    def was_away(self, life: Life) -> bool:
        """Whether the reading that opens it is older than all that is looked at: hours of yesterday are counted."""
        stored = self.stored_life(life)
        return stored is not None and milliseconds(stored.closed_at) < self.span.start_ms - self.lookback_ms

    def is_born(self, life: Life) -> bool:
        """Whether all that the process ever counted is ours to count.

        A process of this window always is. One that began shortly before is, if somebody was watching at that
        time, or if the day before is stored whole without it.
        """
        if self.moved(life):
            return False
        if life.start_ms > self.span.start_ms:
            return True
        if life.start_ms <= self.span.start_ms - self.lookback_ms:
            return False
        if life.name in self.strangers:
            return False
        first = self.sight.first_ms
        return self.previous_day_is_stored or (first is not None and first <= life.start_ms)


def survey(source: Source, sight: Sight, span: Span, lookback_ms: int, stored: StoredClosings) -> Situation:
    """Survey a window from the scrapes in and around it and from the stored readings.

    Asks Prometheus again only where processes fell silent or changed their address.

    Raises:
        Unavailable: Prometheus failed, was late, or told only a part.
    """
    _notice_ends(source, sight, span)
    last = sight.last_ms
    is_alive = last is not None and last < span.end_ms - SILENCE_MS and source.is_alive_at(span.end_ms)
    watched = watched_until(sight, span, is_alive_at_end=is_alive)
    seen = {
        index: seen_in(life, span, watched)
        for index, life in enumerate(sight.lives)
        if life.is_seen_within(span.start_ms, span.end_ms)
    }
    situation = Situation(
        span=span,
        lookback_ms=lookback_ms,
        sight=sight,
        seen=seen,
        previous_day_is_stored=stored.previous_day,
        stored=stored.lives,
        strangers=frozenset(instance for instance, start in stored.lives if start == EPOCH),
    )
    situation = _remembering(situation, stored)
    return replace(
        situation, late=[index for index in _ended_before(situation) if _is_late(situation, index)]
    )


def _notice_ends(source: Source, sight: Sight, span: Span) -> None:
    """Note for replaced lives whether their address was gone before another life took it over.

    Prometheus is asked only for gaps that touch the window.
    """
    replaced = [
        life
        for life in sight.lives
        if life.successor_ms is not None
        and life.successor_ms - life.times[-1] > SILENCE_MS
        and life.times[-1] < span.end_ms
        and life.successor_ms > span.start_ms
    ]
    if not replaced:
        return
    begin = min(life.times[-1] for life in replaced) - SILENCE_MS
    end = max(life.successor_ms or 0 for life in replaced)
    ups = source.ups(sight, sorted({life.instance for life in replaced}), Span(begin, end))
    for life in replaced:
        known_ms = known_until(life, ups.get(life.instance, []))
        if known_ms is not None and _was_somebody_watching(source, sight, known_ms):
            life.gone_ms = known_ms


def _was_somebody_watching(source: Source, sight: Sight, known_ms: int) -> bool:
    """Whether anything was scraped when an address had been silent for minutes; processes in sight answer for free.

    The first minutes prove nothing: the others' last scrapes before an outage lie in them.
    """
    after_ms, until_ms = known_ms + SILENCE_MS, known_ms + 2 * SILENCE_MS
    is_seen = any(life.is_seen_within(after_ms, until_ms) for life in sight.lives)
    return is_seen or source.is_alive_at(until_ms + 1)


def _remembering(situation: Situation, stored: StoredClosings) -> Situation:
    """The same with the readings of lives that are not among those of the day before.

    One that was scraped before the window came too late for that day, or had no counter on it.
    """
    lives = (situation.sight.lives[index] for index in (*situation.seen, *_ended_before(situation)))
    unknown = [
        (life.name, life.started_at)
        for life in lives
        if situation.stored_life(life) is None
        and not situation.is_born(life)
        and (stored.previous_day or not situation.is_known(life))
    ]
    return replace(situation, stored={**situation.stored, **stored.older(unknown)}) if unknown else situation


def _ended_before(situation: Situation) -> list[int]:
    """Lives with scrapes before the window and none in it, where a whole day ends there."""
    if not situation.previous_day_is_stored:
        return []
    start_ms = situation.span.start_ms
    lives = enumerate(situation.sight.lives)
    return [index for index, life in lives if index not in situation.seen and life.times[0] <= start_ms]


def _is_late(situation: Situation, index: int) -> bool:
    life = situation.sight.lives[index]
    return situation.stored_life(life) is None or situation.late_ms(life) is not None
