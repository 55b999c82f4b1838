"""Surveys a window before counters are read: classifies each incarnation once, and finds its stored readings."""

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
"""Of an incarnation that ended before the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All facts about a window before counters are read. Incarnations are named by their number in the history."""

    span: Span
    lookback_ms: int
    history: ScrapeHistory
    observations: dict[int, ObservedTime]
    """Of each incarnation with a scrape in the window."""
    late: Sequence[int] = ()
    """Incarnations that ended before the window; some of their scrapes came after the day before was stored."""
    previous_day_is_stored: bool
    stored: StoredIncarnations
    no_start_before: frozenset[str]
    """Instances without a start time on the day before. What they counted is stored under no incarnation."""

    kinds: Mapping[int, IncarnationKind] = field(default_factory=dict)
    """Of each incarnation in ``observations`` and ``late``."""

    def stored_incarnation(self, incarnation: Incarnation) -> StoredIncarnation | None:
        """The closing readings that are stored for an incarnation, if there are any."""
        return self.stored.get(incarnation.key)

    def late_since_ms(self, incarnation: Incarnation) -> int | None:
        """Time of the stored closing reading of a late incarnation, in milliseconds; None if it is not late.

        A late incarnation has scrapes after that time and before the window: they came when the day before was stored
        already. A series without a reading at that time was never billed and began at zero. A series with a reading
        that is not stored was left out on purpose; a wider selector selects it now, and its history is not billed.
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
        # A target without a scrape at that time was not selected then: its scrapes are not late.
        points = [
            point_at(copy, self.span.start_ms) for copy in incarnation.copies if copy.has_scrape_at(closed_ms)
        ]
        newest_ms = max((point.at_ms for point in points if point), default=opened_ms)
        return closed_ms if closed_ms < newest_ms else None

    def observation_of(self, index: int) -> ObservedTime:
        """Living and unseen time of an incarnation within the window."""
        return self.observations.get(index, NOT_OBSERVED)

    def is_opened_before_lookback(self, incarnation: Incarnation) -> bool:
        """Whether its stored closing is older than the look-back: its tokens of the window include hours before it."""
        stored = self.stored_incarnation(incarnation)
        return stored is not None and milliseconds(stored.closed_at) < self.span.start_ms - self.lookback_ms


def survey_window(
    source: Source, history: ScrapeHistory, span: Span, lookback_ms: int, stored: StoredClosings
) -> Survey:
    """Survey a window: its scrape history, the kinds of its incarnations, and their stored readings.

    Asks Prometheus for ``up`` only where incarnations fell silent or were replaced, and the database only for
    incarnations that are not stored for the day before.

    Raises:
        Unavailable: Prometheus failed, timed out, or answered only in part.
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
    survey = _with_older_stored(survey, stored)
    return with_kinds(
        replace(survey, late=[index for index in _ended_before(survey) if _is_late(survey, index)])
    )


def with_kinds(survey: Survey) -> Survey:
    """The same survey with the kind of each incarnation that has readings in the window."""
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
    """Whether the process was watched from its start: all that it ever counted belongs to this window or a stored day.

    True for a process that started in the window. True for one that started within the look-back before it, if
    Prometheus was scraping something by then, or if the day before is stored.
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
    """Set ``gone_ms`` of replaced incarnations whose address Prometheus dropped before the next one started there.

    Asks Prometheus only if the gap between the two touches the window.
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
    """Whether Prometheus scraped anything between five and ten minutes after the last try at an address.

    The first five minutes prove nothing: if Prometheus itself failed, the last scrapes of other addresses lie there.
    """
    after_ms, until_ms = known_ms + SILENCE_MS, known_ms + 2 * SILENCE_MS
    is_seen = any(
        incarnation.is_scraped_within_span(after_ms, until_ms) for incarnation in history.incarnations
    )
    return is_seen or source.is_alive_at(until_ms + 1)


def _with_older_stored(survey: Survey, stored: StoredClosings) -> Survey:
    """The same survey with the stored readings of incarnations that are stored for an older day only.

    Such an incarnation had no counter on the day before, or its scrapes came after that day was stored.
    """
    incarnations = (
        survey.history.incarnations[index] for index in (*survey.observations, *_ended_before(survey))
    )
    unknown = [
        incarnation.key
        for incarnation in incarnations
        if survey.stored_incarnation(incarnation) is None
        and not _is_born(survey, incarnation)
        and (stored.previous_day or incarnation.times[0] > survey.span.start_ms)
    ]
    return replace(survey, stored={**survey.stored, **stored.older(unknown)}) if unknown else survey


def _ended_before(survey: Survey) -> list[int]:
    """Incarnations with scrapes before the window and none in it; none of them if the day before is not stored."""
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
