"""Reads the meters of a window: queries Prometheus for each life's needs, and applies the rules."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from itertools import combinations

from backend.clock import Window
from backend.collector import collector_paused
from backend.usage.metering.coverage import Seen, Span
from backend.usage.metering.incarnations import (
    Life,
    instant_of,
    milliseconds,
    overlap,
)
from backend.usage.metering.neighbours import met, recalled
from backend.usage.metering.questions import FoundReadings, ReadingPurpose, before_end, firsts_of, readings_of
from backend.usage.metering.silence import alive_before, was_nobody_looking, with_silent_lives
from backend.usage.metering.source import Source
from backend.usage.metering.survey import Situation, survey
from backend.usage.metering.tally_rules import (
    LifeReadings,
    highest,
    storable_readings,
    tally,
    with_unseen_rows,
)
from backend.usage.scanning.joining import with_doubts, with_findings
from backend.usage.scanning.types import DayFindings
from backend.usage.types import (
    ClosedLife,
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
    look = source.look(instances, wider, span)
    stored = ask_stored()
    situation = survey(source, look.sight, span, lookback_ms, stored)
    found = readings_of(source, situation, look)
    strangers = look.opening.strangers | look.closing.strangers
    strangers |= (instances or {""}) - {target.instance for target in situation.sight.targets}
    lives = [_life_readings(situation, index, found) for index in situation.seen]
    lives += [_stranger(source, instance, span) for instance in source.with_counters(sorted(strangers), span)]
    is_blackout = not situation.seen and was_nobody_looking(source, span, stored)
    late = (_late_readings(situation, index, found) for index in situation.late)
    lives += [one for one in late if one.closings]
    is_odd = bool(strangers) or look.shards.has_odd_labels
    lives = [storable_readings(one) for one in lives] if is_odd else lives
    lives = lives if findings is None else with_findings(lives, findings)
    lives = recalled(lives, span, stored)
    lives = with_silent_lives(source, situation, stored, lives)
    if stored.following:
        lives = [met(one, stored.following.get((one.life.name, one.life.started_at), {})) for one in lives]
    counted = tally(lives, min_coverage=source.settings.usage_min_coverage, is_open=now < window.end)
    rows = counted.rows if findings is None else with_doubts(counted.rows, findings, lives)
    return DayMeasurement(
        day=day,
        window=window,
        measured_at=now,
        rows=with_unseen_rows(rows, alive_before(span, stored)) if is_blackout else rows,
        readings=counted.readings,
        falls=counted.falls,
        series=len(counted.readings),
        lives=[
            ClosedLife(one.life.name, one.life.started_at, one.closed_at) for one in lives if one.closings
        ],
    )


def _life_readings(situation: Situation, index: int, found: FoundReadings) -> LifeReadings:
    life, span = situation.sight.lives[index], situation.span
    move, stored = situation.moved(life), situation.stored_life(life)
    closed_ms = life.seen_by(span.end_ms)
    is_born, is_known = situation.is_born(life), situation.is_known(life)
    openings = highest(found.copies(ReadingPurpose.OPENING, index))
    is_overlooked = situation.is_overlooked(life)
    is_new = move is not None or is_overlooked
    closings = highest(found.copies(ReadingPurpose.CLOSING, index))
    late = highest(found.copies(ReadingPurpose.VANISHED, index))
    vanished = {key: value for key, value in late.items() if key not in closings}
    rate_base, rate_base_ms = _rate_base(situation, index, found)
    firsts, first_at, firsts_at = _firsts(situation, index, found)
    return LifeReadings(
        life=life,
        seen=situation.seen[index],
        closings=closings | vanished if vanished else closings,
        vanished=vanished,
        closed_at=instant_of(span.end_ms if closed_ms is None else closed_ms),
        openings={} if is_new else openings,
        opened_at=instant_of(_opened_ms(situation, life)),
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


def _late_readings(situation: Situation, index: int, found: FoundReadings) -> LifeReadings:
    """Readings of a life from before the window that came too late for the day before: its end is the closing.

    A life that began in our sight is counted whole, one that was stored from there on. Of any other nothing says
    whether the day before had left it out, so it counts nothing and is held.
    """
    life, stored = situation.sight.lives[index], situation.stored_life(situation.sight.lives[index])
    start_ms = situation.span.start_ms
    closings, is_born = highest(found.copies(ReadingPurpose.CLOSING, index)), situation.is_born(life)
    return LifeReadings(
        life=life,
        seen=situation.seen_of(index),
        closings=closings,
        closed_at=instant_of(life.seen_by(start_ms) or start_ms),
        openings=highest(found.copies(ReadingPurpose.OPENING, index)),
        opened_at=instant_of(_opened_ms(situation, life)),
        stored=stored,
        is_born=is_born,
        firsts={} if stored or is_born else closings,
        first_at=instant_of(life.times[0]),
        is_day_before_whole=True,
        flags=frozenset({UsageFlag.GAP_ACROSS_BOUNDARY}),
    )


def _opened_ms(situation: Situation, life: Life) -> int:
    """Time of the readings that open the series of a life; without any, the beginning of the window."""
    late_ms, start_ms = situation.late_ms(life), situation.span.start_ms
    return late_ms if late_ms is not None else life.seen_by(start_ms) or start_ms


def _firsts(
    situation: Situation, index: int, found: FoundReadings
) -> tuple[Values, datetime | None, dict[Key, datetime]]:
    """First readings in the place of openings that nobody knows; since when the life is known, and single meters."""
    life = situation.sight.lives[index]
    if move := situation.moved(life):
        return highest(found.copies(ReadingPurpose.FIRST, index)), instant_of(move.at_ms), {}
    firsts, since_ms = firsts_of(life, index, found)
    is_unknown = not situation.is_born(life) and not situation.is_known(life)
    first_at = instant_of(life.times[0]) if is_unknown else None
    return firsts, first_at, {key: instant_of(at_ms) for key, at_ms in since_ms.items()}


def _flagged(situation: Situation, index: int, found: FoundReadings) -> dict[UsageFlag, AbstractSet[Key]]:
    """Flags of single meters of a life, whatever else the process counts."""
    life, flagged = situation.sight.lives[index], dict[UsageFlag, AbstractSet[Key]]()
    shown = found.by_target(ReadingPurpose.CLOSING, index)
    twice = [
        shown[one.target].keys() & shown[other.target].keys()
        for one, other in combinations(life.copies, 2)
        if shown.get(one.target) and shown.get(other.target) and overlap([one, other])
    ]
    if twice:
        flagged[UsageFlag.DUPLICATE_SCRAPE] = set().union(*twice)
    if situation.is_overlooked(life):
        flagged[UsageFlag.GAP_ACROSS_BOUNDARY] = highest(found.copies(ReadingPurpose.OPENING, index)).keys()
    return flagged


def _flags(situation: Situation, index: int) -> frozenset[UsageFlag]:
    """Flags of all meters of a life."""
    life, flags = situation.sight.lives[index], set()
    if situation.moved(life):
        flags.add(UsageFlag.START_TIME_MOVED)
    if (
        situation.seen[index].gap_across_boundary
        or situation.late_ms(life) is not None
        or situation.was_away(life)
    ):
        flags.add(UsageFlag.GAP_ACROSS_BOUNDARY)
    return frozenset(flags)


def _rate_base(situation: Situation, index: int, found: FoundReadings) -> tuple[Values | None, int]:
    """The earlier readings for the rate at the end of a life, and their distance from that end."""
    life, seen = situation.sight.lives[index], situation.seen[index]
    if seen.ended_ms is None:
        return None, 0
    point = before_end(life, seen)
    if point is not None:
        return highest(found.copies(ReadingPurpose.BEFORE_END, index)), seen.ended_ms - point.at_ms
    if situation.is_born(life):
        return {}, seen.ended_ms - life.start_ms
    return None, 0


def _stranger(source: Source, instance: str, span: Span) -> LifeReadings:
    """An instance that tells no start time: what its counters grew at least, to be looked at by a person."""
    lowest, last = source.of_stranger(instance, span)
    length = span.end_ms - span.start_ms
    return LifeReadings(
        life=Life(instance, 0, [], []),
        seen=Seen(length, length, gap_across_boundary=False, ended_ms=None, tail_ms=0),
        closings=last,
        closed_at=instant_of(span.end_ms),
        openings=lowest,
        opened_at=instant_of(span.start_ms),
        was_known=True,
        flags=frozenset({UsageFlag.NO_START_TIME}),
    )
