"""Survey of a window before counters are read: incarnations, each classified once, and their stored readings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from backend.usage.metering.coverage import (
    SILENCE_MS,
    ObservedTime,
    Span,
    known_until,
    observation_in,
    watched_until,
)
from backend.usage.metering.incarnations import (
    EPOCH,
    Incarnation,
    ScrapeHistory,
    milliseconds,
    point_at,
)
from backend.usage.metering.opening_rules import IncarnationFacts, IncarnationKind, kind_of
from backend.usage.metering.source import Source
from backend.usage.types import StoredClosings, StoredIncarnation, StoredIncarnations

NOT_OBSERVED = ObservedTime(0, 0, gap_across_boundary=True, ended_ms=None, tail_ms=0)
"""An incarnation that ended before the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Incarnations, observation and stored readings of a window, before counters are read."""

    span: Span
    lookback_ms: int
    history: ScrapeHistory
    observations: dict[int, ObservedTime]
    """By number of incarnation, only those with a scrape in the window."""
    late: Sequence[int] = ()
    """Incarnations that ended before the window, with scrapes that came after the day before was stored."""
    previous_day_is_stored: bool
    stored: StoredIncarnations
    no_start_before: frozenset[str]
    """Instances that told no start time on the day before, so that their tokens are stored under no incarnation."""

    kinds: Mapping[int, IncarnationKind] = field(default_factory=dict)
    """By number of incarnation, those that have readings of the window."""

    def stored_incarnation(self, incarnation: Incarnation) -> StoredIncarnation | None:
        """The stored readings of an incarnation."""
        return self.stored.get((incarnation.name, incarnation.started_at))

    def late_since_ms(self, incarnation: Incarnation) -> int | None:
        """Until when the scrapes of the incarnation were known when the day before was stored, if more came since.

        A series that has no reading at that instant was billed by nobody, and began at zero. One that has a
        reading was left out on purpose: a wider selector brings it now, and its history is nobody's.
        """
        stored, opened_ms = (
            self.stored_incarnation(incarnation),
            incarnation.last_scrape_ms(self.span.start_ms),
        )
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

    def observation_of(self, index: int) -> ObservedTime:
        """Scraped and unseen time of an incarnation within the window."""
        return self.observations.get(index, NOT_OBSERVED)

    def is_opened_before_lookback(self, incarnation: Incarnation) -> bool:
        """Whether the reading that opens it is older than all that is looked at: hours of yesterday are counted."""
        stored = self.stored_incarnation(incarnation)
        return stored is not None and milliseconds(stored.closed_at) < self.span.start_ms - self.lookback_ms


def survey_window(
    source: Source, history: ScrapeHistory, span: Span, lookback_ms: int, stored: StoredClosings
) -> Survey:
    """Survey a window from the scrapes in and around it and from the stored readings.

    Asks Prometheus again only where processes fell silent or changed their address.

    Raises:
        Unavailable: Prometheus failed, was late, or told only a part.
    """
    _notice_ends(source, history, span)
    last = history.last_ms
    is_alive = last is not None and last < span.end_ms - SILENCE_MS and source.is_alive_at(span.end_ms)
    watched = watched_until(history, span, is_alive_at_end=is_alive)
    observations = {
        index: observation_in(incarnation, span, watched)
        for index, incarnation in enumerate(history.incarnations)
        if incarnation.is_scraped_within_span(span.start_ms, span.end_ms)
    }
    survey = Survey(
        span=span,
        lookback_ms=lookback_ms,
        history=history,
        observations=observations,
        previous_day_is_stored=stored.previous_day,
        stored=stored.incarnations,
        no_start_before=frozenset(instance for instance, start in stored.incarnations if start == EPOCH),
    )
    survey = _remembering(survey, stored)
    return with_kinds(
        replace(survey, late=[index for index in _ended_before(survey) if _is_late(survey, index)])
    )


def with_kinds(survey: Survey) -> Survey:
    """The same with the kind of each incarnation that has readings of the window."""
    kinds = {index: kind_of(_facts(survey, index)) for index in (*survey.observations, *survey.late)}
    return replace(survey, kinds=kinds)


def _facts(survey: Survey, index: int) -> IncarnationFacts:
    incarnation, span = survey.history.incarnations[index], survey.span
    return IncarnationFacts(
        is_scraped_before=incarnation.times[0] <= span.start_ms,
        is_scraped_within=index in survey.observations,
        is_stored=survey.stored_incarnation(incarnation) is not None,
        is_born=_is_born(survey, incarnation),
        is_moved=incarnation.moved_within(span.start_ms, span.end_ms) is not None,
        is_day_before_stored=survey.previous_day_is_stored,
    )


def _is_born(survey: Survey, incarnation: Incarnation) -> bool:
    """Whether all that the process ever counted is ours to count.

    A process of this window always is. One that began shortly before is, if somebody was watching at that
    time, or if the day before is stored whole without it.
    """
    span = survey.span
    if incarnation.moved_within(span.start_ms, span.end_ms):
        return False
    if incarnation.start_ms > span.start_ms:
        return True
    if incarnation.start_ms <= span.start_ms - survey.lookback_ms:
        return False
    if incarnation.name in survey.no_start_before:
        return False
    first = survey.history.first_ms
    return survey.previous_day_is_stored or (first is not None and first <= incarnation.start_ms)


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
    end = max(incarnation.successor_ms or begin for incarnation in replaced)
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
    is_seen = any(
        incarnation.is_scraped_within_span(after_ms, until_ms) for incarnation in history.incarnations
    )
    return is_seen or source.is_alive_at(until_ms + 1)


def _remembering(survey: Survey, stored: StoredClosings) -> Survey:
    """The same with the readings of incarnations that are not among those of the day before.

    One that was scraped before the window came too late for that day, or had no counter on it.
    """
    incarnations = (
        survey.history.incarnations[index] for index in (*survey.observations, *_ended_before(survey))
    )
    unknown = [
        (incarnation.name, incarnation.started_at)
        for incarnation in incarnations
        if survey.stored_incarnation(incarnation) is None
        and not _is_born(survey, incarnation)
        and (stored.previous_day or incarnation.times[0] > survey.span.start_ms)
    ]
    return replace(survey, stored={**survey.stored, **stored.older(unknown)}) if unknown else survey


def _ended_before(survey: Survey) -> list[int]:
    """Incarnations with scrapes before the window and none in it, where a whole day ends there."""
    if not survey.previous_day_is_stored:
        return []
    start_ms = survey.span.start_ms
    incarnations = enumerate(survey.history.incarnations)
    return [
        index
        for index, incarnation in incarnations
        if index not in survey.observations and incarnation.times[0] <= start_ms
    ]


def _is_late(survey: Survey, index: int) -> bool:
    incarnation = survey.history.incarnations[index]
    return survey.stored_incarnation(incarnation) is None or survey.late_since_ms(incarnation) is not None
