"""Measures the usage of a window: reads the counters of each incarnation from Prometheus, and applies the rules."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from itertools import combinations

from backend.clock import Window
from backend.collector import collector_paused
from backend.usage.metering.coverage import ObservedTime, Span
from backend.usage.metering.incarnations import (
    Incarnation,
    instant_of,
    milliseconds,
    overlap,
)
from backend.usage.metering.neighbours import closed_at_next_opening, with_earlier_closings
from backend.usage.metering.opening_rules import IncarnationKind, OpeningPlace, OpeningReadings, rule_of
from backend.usage.metering.questions import FoundReadings, ReadingPurpose, before_end, firsts_of, readings_of
from backend.usage.metering.silence import (
    alive_before,
    meters_read,
    was_nothing_scraped,
    with_silent_incarnations,
)
from backend.usage.metering.source import SharedReadings, Source
from backend.usage.metering.survey import Survey, survey_window
from backend.usage.metering.tally_rules import (
    IncarnationReadings,
    highest,
    storable_readings,
    tally,
    with_unseen_rows,
)
from backend.usage.metering.turns import keys_of_several_processes, with_alternating_flagged
from backend.usage.scanning.joining import with_doubts, with_findings
from backend.usage.scanning.types import DayFindings
from backend.usage.types import (
    ClosedIncarnation,
    DayMeasurement,
    Key,
    StoredClosings,
    UsageFlag,
    Values,
)


def measure(
    source: Source,
    day: date,
    window: Window,
    *,
    now: datetime,
    stored: Callable[[], StoredClosings],
    findings: DayFindings | None = None,
) -> DayMeasurement:
    """The exact usage of a window (start, end], or of its part until ``now``. Writes nothing.

    ``stored`` returns the stored readings around the window; it is called after Prometheus has answered. ``findings``
    are those of the scan of the window: a counter that fell gets two figures, and a series that was not scanned is
    held. With None, falls within the window go unnoticed.

    Raises:
        Unavailable: Prometheus failed, timed out, or answered only in part.
    """
    with collector_paused():
        return _measure(source, day, window, now=now, ask_stored=stored, findings=findings)


def _measure(
    source: Source,
    day: date,
    window: Window,
    *,
    now: datetime,
    ask_stored: Callable[[], StoredClosings],
    findings: DayFindings | None,
) -> DayMeasurement:
    span = Span(milliseconds(window.start), milliseconds(min(window.end, now)))
    lookback_ms = source.settings.usage_lookback_s * 1000
    wider = Span(span.start_ms - lookback_ms, min(span.end_ms + lookback_ms, milliseconds(now)))
    instances = source.instances(span)
    shared = source.shared_readings(instances, wider, span)
    stored = ask_stored()
    survey = survey_window(source, shared.history, span, lookback_ms, stored)
    incarnations = _scraped_readings(source, survey, shared, instances)
    is_blackout = not survey.observations and was_nothing_scraped(source, span, stored)
    incarnations = incarnations if findings is None else with_findings(incarnations, findings)
    incarnations = _joined_with_stored(source, survey, stored, incarnations)
    counted = tally(incarnations, min_coverage=source.settings.usage_min_coverage, is_open=now < window.end)
    rows = counted.rows if findings is None else with_doubts(counted.rows, findings, incarnations)
    return DayMeasurement(
        day=day,
        window=window,
        measured_at=now,
        rows=with_unseen_rows(rows, alive_before(span, stored)) if is_blackout else rows,
        readings=counted.readings,
        falls=counted.falls,
        meters=meters_read(span, stored, incarnations),
        series=len(counted.readings),
        series_at_end=shared.closing.series,
        is_scanned=findings is not None and findings.is_scanned,
        incarnations=[
            ClosedIncarnation(one.incarnation.name, one.incarnation.started_at, one.closed_at)
            for one in incarnations
            if one.closings
        ],
    )


def _scraped_readings(
    source: Source, survey: Survey, shared: SharedReadings, instances: set[str]
) -> list[IncarnationReadings]:
    """Readings of all incarnations that Prometheus shows, under labels that the database can store."""
    found = readings_of(source, survey, shared)
    unmatched = shared.opening.unmatched | shared.closing.unmatched
    unmatched |= (instances or {""}) - {target.instance for target in survey.history.targets}
    scraped = [_incarnation_readings(survey, index, found) for index in survey.observations]
    scraped = with_alternating_flagged(scraped, survey.history.targets, survey.span)
    scraped += [
        _without_start_time(source, instance, survey.span)
        for instance in source.with_counters(sorted(unmatched), survey.span)
    ]
    late = (_late_readings(survey, index, found) for index in survey.late)
    scraped += [one for one in late if one.closings]
    is_odd = bool(unmatched) or shared.shards.has_odd_labels
    return [storable_readings(one) for one in scraped] if is_odd else scraped


def _joined_with_stored(
    source: Source, survey: Survey, stored: StoredClosings, incarnations: list[IncarnationReadings]
) -> list[IncarnationReadings]:
    """The same readings, joined with those that are stored for the days before the window and for the next day."""
    incarnations = with_earlier_closings(incarnations, survey.span, stored)
    incarnations = with_silent_incarnations(source, survey, stored, incarnations)
    if not stored.following:
        return incarnations
    return [
        closed_at_next_opening(one, stored.following.get(one.incarnation.key, {})) for one in incarnations
    ]


def _incarnation_readings(survey: Survey, index: int, found: FoundReadings) -> IncarnationReadings:
    incarnation, span = survey.history.incarnations[index], survey.span
    closed_ms = incarnation.last_scrape_ms(span.end_ms)
    closings = highest(found.copies(ReadingPurpose.CLOSING, index))
    late = highest(found.copies(ReadingPurpose.VANISHED, index))
    vanished = {key: value for key, value in late.items() if key not in closings}
    rate_base, rate_base_ms = _rate_base(survey, index, found)
    return IncarnationReadings(
        incarnation=incarnation,
        observation=survey.observations[index],
        closings=closings | vanished if vanished else closings,
        vanished=vanished,
        closed_at=instant_of(span.end_ms if closed_ms is None else closed_ms),
        opening=_opening_readings(survey, index, found),
        before_end=rate_base,
        before_end_ms=rate_base_ms,
        flags=_flags(survey, index),
        flagged=_flagged(survey, index, found),
    )


def _late_readings(survey: Survey, index: int, found: FoundReadings) -> IncarnationReadings:
    """Readings of an incarnation that ended before the window, with scrapes that came too late for the day before.

    Its last reading is its closing. If its start was watched, it counts from zero; if it is stored, from its stored
    closing. Any other one may have been left out of the day before on purpose: it counts nothing and is held.
    """
    incarnation, start_ms = survey.history.incarnations[index], survey.span.start_ms
    return IncarnationReadings(
        incarnation=incarnation,
        observation=survey.observation_of(index),
        closings=highest(found.copies(ReadingPurpose.CLOSING, index)),
        closed_at=instant_of(incarnation.last_scrape_ms(start_ms) or start_ms),
        opening=_opening_readings(survey, index, found),
        flags=frozenset({UsageFlag.GAP_ACROSS_BOUNDARY}),
    )


def _opening_readings(survey: Survey, index: int, found: FoundReadings) -> OpeningReadings:
    """The readings that can open the series of an incarnation: those that its kind looks for."""
    incarnation, kind = survey.history.incarnations[index], survey.kinds[index]
    places = rule_of(kind).places
    scraped = highest(found.copies(ReadingPurpose.OPENING, index)) if OpeningPlace.SCRAPED in places else {}
    firsts, first_at, firsts_at = _firsts(survey, index, found)
    return OpeningReadings(
        kind=kind,
        started_at=incarnation.started_at,
        stored=survey.stored_incarnation(incarnation) if OpeningPlace.STORED in places else None,
        scraped=scraped,
        scraped_at=instant_of(_opened_ms(survey, incarnation)),
        firsts=firsts,
        first_at=first_at,
        firsts_at=firsts_at,
        is_day_before_stored=survey.previous_day_is_stored,
    )


def _opened_ms(survey: Survey, incarnation: Incarnation) -> int:
    """Time of the boundary samples of an incarnation; without any, the start of the window."""
    late_since_ms, start_ms = survey.late_since_ms(incarnation), survey.span.start_ms
    return late_since_ms if late_since_ms is not None else incarnation.last_scrape_ms(start_ms) or start_ms


def _firsts(
    survey: Survey, index: int, found: FoundReadings
) -> tuple[Values, datetime | None, dict[Key, datetime]]:
    """First samples in place of unknown openings, the time when they were scraped, and that of single series."""
    incarnation, kind, span = survey.history.incarnations[index], survey.kinds[index], survey.span
    begun_at = instant_of(incarnation.times[0])
    match kind:
        case IncarnationKind.MOVED:
            move = incarnation.moved_within(span.start_ms, span.end_ms)
            moved_at = None if move is None else instant_of(move.at_ms)
            return highest(found.copies(ReadingPurpose.FIRST, index)), moved_at, {}
        case IncarnationKind.LATE_COLD:
            return highest(found.copies(ReadingPurpose.CLOSING, index)), begun_at, {}
        case IncarnationKind.LATE:
            return {}, begun_at, {}
        case _:
            firsts, since_ms = firsts_of(incarnation, index, found)
            firsts_at = {key: instant_of(at_ms) for key, at_ms in since_ms.items()}
            return firsts, begun_at if kind is IncarnationKind.COLD else None, firsts_at


def _flagged(survey: Survey, index: int, found: FoundReadings) -> dict[UsageFlag, AbstractSet[Key]]:
    """Flags of some meters of an incarnation, not of all."""
    incarnation, flagged = survey.history.incarnations[index], dict[UsageFlag, AbstractSet[Key]]()
    shown = found.by_target(ReadingPurpose.CLOSING, index)
    twice = [
        shown[one.target].keys() & shown[other.target].keys()
        for one, other in combinations(incarnation.copies, 2)
        if shown.get(one.target) and shown.get(other.target) and overlap([one, other])
    ]
    if twice:
        flagged[UsageFlag.DUPLICATE_SCRAPE] = set().union(*twice)
        readings = found.by_target(ReadingPurpose.OPENING, index), shown
        apart = keys_of_several_processes(incarnation.copies, survey.history.targets, readings, survey.span)
        flagged |= {UsageFlag.SEVERAL_PROCESSES: apart} if apart else {}
    if survey.kinds[index] is IncarnationKind.OVERLOOKED:
        flagged[UsageFlag.GAP_ACROSS_BOUNDARY] = highest(found.copies(ReadingPurpose.OPENING, index)).keys()
    return flagged


def _flags(survey: Survey, index: int) -> frozenset[UsageFlag]:
    """Flags of all meters of an incarnation."""
    incarnation, flags = survey.history.incarnations[index], set()
    if survey.kinds[index] is IncarnationKind.MOVED:
        flags.add(UsageFlag.START_TIME_MOVED)
    if (
        survey.observations[index].gap_across_boundary
        or survey.late_since_ms(incarnation) is not None
        or survey.is_opened_before_lookback(incarnation)
    ):
        flags.add(UsageFlag.GAP_ACROSS_BOUNDARY)
    return frozenset(flags)


def _rate_base(survey: Survey, index: int, found: FoundReadings) -> tuple[Values | None, int]:
    """Readings some minutes before the last scrape of an ended incarnation, and the milliseconds between; else None."""
    incarnation, seen = survey.history.incarnations[index], survey.observations[index]
    if seen.ended_ms is None:
        return None, 0
    point = before_end(incarnation, seen)
    if point is not None:
        return highest(found.copies(ReadingPurpose.BEFORE_END, index)), seen.ended_ms - point.at_ms
    if survey.kinds[index].is_born:
        return {}, seen.ended_ms - incarnation.start_ms
    return None, 0


def _without_start_time(source: Source, instance: str, span: Span) -> IncarnationReadings:
    """Readings of an instance without a start time: the least that its counters rose. The row is always held."""
    lowest, last = source.without_start_time(instance, span)
    length, incarnation = span.end_ms - span.start_ms, Incarnation(instance, 0, [], [])
    return IncarnationReadings(
        incarnation=incarnation,
        observation=ObservedTime(length, length, gap_across_boundary=False, ended_ms=None, tail_ms=0),
        closings=last,
        closed_at=instant_of(span.end_ms),
        opening=OpeningReadings(
            kind=IncarnationKind.NO_START,
            started_at=incarnation.started_at,
            scraped=lowest,
            scraped_at=instant_of(span.start_ms),
        ),
        flags=frozenset({UsageFlag.NO_START_TIME}),
    )
