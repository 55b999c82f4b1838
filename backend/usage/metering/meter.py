"""Reads the meters of a window: queries Prometheus for each incarnation's needs, and applies the rules."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from itertools import combinations

from backend.clock import Window
from backend.collector import collector_paused
from backend.usage.metering.coverage import Seen, Span
from backend.usage.metering.incarnations import (
    Incarnation,
    instant_of,
    milliseconds,
    overlap,
)
from backend.usage.metering.neighbours import met, recalled
from backend.usage.metering.questions import FoundReadings, ReadingPurpose, before_end, firsts_of, readings_of
from backend.usage.metering.silence import (
    alive_before,
    meters_read,
    was_nothing_scraped,
    with_silent_incarnations,
)
from backend.usage.metering.source import Source
from backend.usage.metering.survey import Situation, survey
from backend.usage.metering.tally_rules import (
    IncarnationReadings,
    highest,
    storable_readings,
    tally,
    with_unseen_rows,
)
from backend.usage.metering.turns import side_by_side, with_turns
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
    """The exact usage of a window, (start, end], or of its part until now. Writes nothing.

    ``stored`` gives what the database knows, and is not asked before Prometheus has answered. ``findings`` are those
    of a scan; what it did not look at is held. None asks for no scan, and says nothing of what happened inside.

    Raises:
        Unavailable: Prometheus failed, was late, or told only a part.
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
    situation = survey(source, shared.history, span, lookback_ms, stored)
    found = readings_of(source, situation, shared)
    unmatched = shared.opening.unmatched | shared.closing.unmatched
    unmatched |= (instances or {""}) - {target.instance for target in situation.history.targets}
    incarnations = [_incarnation_readings(situation, index, found) for index in situation.seen]
    incarnations = with_turns(incarnations, situation.history.targets, span)
    incarnations += [
        _without_start_time(source, instance, span)
        for instance in source.with_counters(sorted(unmatched), span)
    ]
    is_blackout = not situation.seen and was_nothing_scraped(source, span, stored)
    late = (_late_readings(situation, index, found) for index in situation.late)
    incarnations += [one for one in late if one.closings]
    is_odd = bool(unmatched) or shared.shards.has_odd_labels
    incarnations = [storable_readings(one) for one in incarnations] if is_odd else incarnations
    incarnations = incarnations if findings is None else with_findings(incarnations, findings)
    incarnations = recalled(incarnations, span, stored)
    incarnations = with_silent_incarnations(source, situation, stored, incarnations)
    if stored.following:
        incarnations = [
            met(one, stored.following.get((one.incarnation.name, one.incarnation.started_at), {}))
            for one in incarnations
        ]
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
        incarnations=[
            ClosedIncarnation(one.incarnation.name, one.incarnation.started_at, one.closed_at)
            for one in incarnations
            if one.closings
        ],
    )


def _incarnation_readings(situation: Situation, index: int, found: FoundReadings) -> IncarnationReadings:
    incarnation, span = situation.history.incarnations[index], situation.span
    move, stored = situation.moved(incarnation), situation.stored_incarnation(incarnation)
    closed_ms = incarnation.seen_by(span.end_ms)
    is_born, is_known = situation.is_born(incarnation), situation.is_known(incarnation)
    openings = highest(found.copies(ReadingPurpose.OPENING, index))
    is_overlooked = situation.is_overlooked(incarnation)
    is_new = move is not None or is_overlooked
    closings = highest(found.copies(ReadingPurpose.CLOSING, index))
    late = highest(found.copies(ReadingPurpose.VANISHED, index))
    vanished = {key: value for key, value in late.items() if key not in closings}
    rate_base, rate_base_ms = _rate_base(situation, index, found)
    firsts, first_at, firsts_at = _firsts(situation, index, found)
    return IncarnationReadings(
        incarnation=incarnation,
        seen=situation.seen[index],
        closings=closings | vanished if vanished else closings,
        vanished=vanished,
        closed_at=instant_of(span.end_ms if closed_ms is None else closed_ms),
        openings={} if is_new else openings,
        opened_at=instant_of(_opened_ms(situation, incarnation)),
        stored=None if is_new else stored,
        is_born=is_born,
        was_known=is_known and not is_new,
        firsts=firsts,
        first_at=first_at,
        firsts_at=firsts_at,
        is_day_before_whole=situation.previous_day_is_stored,
        before_end=rate_base,
        before_end_ms=rate_base_ms,
        flags=_flags(situation, index),
        flagged=_flagged(situation, index, found),
    )


def _late_readings(situation: Situation, index: int, found: FoundReadings) -> IncarnationReadings:
    """Readings of an incarnation from before the window that came too late for the day before: its end is the closing.

    An incarnation that was born while we watched is counted whole, one that was stored from there on. Of any other
    nothing says whether the day before had left it out, so it counts nothing and is held.
    """
    incarnation, stored = (
        situation.history.incarnations[index],
        situation.stored_incarnation(situation.history.incarnations[index]),
    )
    start_ms = situation.span.start_ms
    closings, is_born = highest(found.copies(ReadingPurpose.CLOSING, index)), situation.is_born(incarnation)
    return IncarnationReadings(
        incarnation=incarnation,
        seen=situation.seen_of(index),
        closings=closings,
        closed_at=instant_of(incarnation.seen_by(start_ms) or start_ms),
        openings=highest(found.copies(ReadingPurpose.OPENING, index)),
        opened_at=instant_of(_opened_ms(situation, incarnation)),
        stored=stored,
        is_born=is_born,
        firsts={} if stored or is_born else closings,
        first_at=instant_of(incarnation.times[0]),
        is_day_before_whole=True,
        flags=frozenset({UsageFlag.GAP_ACROSS_BOUNDARY}),
    )


def _opened_ms(situation: Situation, incarnation: Incarnation) -> int:
    """Time of the readings that open the series of an incarnation; without any, the beginning of the window."""
    late_ms, start_ms = situation.late_ms(incarnation), situation.span.start_ms
    return late_ms if late_ms is not None else incarnation.seen_by(start_ms) or start_ms


def _firsts(
    situation: Situation, index: int, found: FoundReadings
) -> tuple[Values, datetime | None, dict[Key, datetime]]:
    """First readings in the place of unknown openings; since when the incarnation is known, and single meters."""
    incarnation = situation.history.incarnations[index]
    if move := situation.moved(incarnation):
        return highest(found.copies(ReadingPurpose.FIRST, index)), instant_of(move.at_ms), {}
    firsts, since_ms = firsts_of(incarnation, index, found)
    is_unknown = not situation.is_born(incarnation) and not situation.is_known(incarnation)
    first_at = instant_of(incarnation.times[0]) if is_unknown else None
    return firsts, first_at, {key: instant_of(at_ms) for key, at_ms in since_ms.items()}


def _flagged(situation: Situation, index: int, found: FoundReadings) -> dict[UsageFlag, AbstractSet[Key]]:
    """Flags of single meters of an incarnation, whatever else the process counts."""
    incarnation, flagged = situation.history.incarnations[index], dict[UsageFlag, AbstractSet[Key]]()
    shown = found.by_target(ReadingPurpose.CLOSING, index)
    twice = [
        shown[one.target].keys() & shown[other.target].keys()
        for one, other in combinations(incarnation.copies, 2)
        if shown.get(one.target) and shown.get(other.target) and overlap([one, other])
    ]
    if twice:
        flagged[UsageFlag.DUPLICATE_SCRAPE] = set().union(*twice)
        readings = found.by_target(ReadingPurpose.OPENING, index), shown
        apart = side_by_side(incarnation.copies, situation.history.targets, readings, situation.span)
        flagged |= {UsageFlag.SEVERAL_PROCESSES: apart} if apart else {}
    if situation.is_overlooked(incarnation):
        flagged[UsageFlag.GAP_ACROSS_BOUNDARY] = highest(found.copies(ReadingPurpose.OPENING, index)).keys()
    return flagged


def _flags(situation: Situation, index: int) -> frozenset[UsageFlag]:
    """Flags of all meters of an incarnation."""
    incarnation, flags = situation.history.incarnations[index], set()
    if situation.moved(incarnation):
        flags.add(UsageFlag.START_TIME_MOVED)
    if (
        situation.seen[index].gap_across_boundary
        or situation.late_ms(incarnation) is not None
        or situation.was_away(incarnation)
    ):
        flags.add(UsageFlag.GAP_ACROSS_BOUNDARY)
    return frozenset(flags)


def _rate_base(situation: Situation, index: int, found: FoundReadings) -> tuple[Values | None, int]:
    """The earlier readings for the rate at the end of an incarnation, and their distance from that end."""
    incarnation, seen = situation.history.incarnations[index], situation.seen[index]
    if seen.ended_ms is None:
        return None, 0
    point = before_end(incarnation, seen)
    if point is not None:
        return highest(found.copies(ReadingPurpose.BEFORE_END, index)), seen.ended_ms - point.at_ms
    if situation.is_born(incarnation):
        return {}, seen.ended_ms - incarnation.start_ms
    return None, 0


def _without_start_time(source: Source, instance: str, span: Span) -> IncarnationReadings:
    """An instance that tells no start time: what its counters grew at least, to be looked at by a person."""
    lowest, last = source.without_start_time(instance, span)
    length = span.end_ms - span.start_ms
    return IncarnationReadings(
        incarnation=Incarnation(instance, 0, [], []),
        seen=Seen(length, length, gap_across_boundary=False, ended_ms=None, tail_ms=0),
        closings=last,
        closed_at=instant_of(span.end_ms),
        openings=lowest,
        opened_at=instant_of(span.start_ms),
        was_known=True,
        flags=frozenset({UsageFlag.NO_START_TIME}),
    )
