"""Reads the meters of a window: asks Prometheus for what the lives in it need, and has the rules count."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum, auto
from typing import NamedTuple

from backend.clock import Window
from backend.usage.coverage import SILENCE_MS, Seen, Span
from backend.usage.lives import (
    Life,
    Point,
    first_point,
    instant_of,
    is_plain,
    milliseconds,
    point_at,
)
from backend.usage.rules import (
    RATE_MS,
    LifeReadings,
    highest,
    storable_readings,
    tally,
    unseen_rows,
)
from backend.usage.situation import Situation, survey
from backend.usage.source import Look, Source
from backend.usage.types import (
    ClosedLife,
    DayMeasurement,
    Flag,
    StoredClosings,
    StoredLife,
    Values,
)


class Asked(Enum):
    """What a reading is wanted for."""

    OPENING = auto()
    CLOSING = auto()
    FIRST = auto()
    BEFORE_END = auto()


class Question(NamedTuple):
    """A reading of a life that the queries over everybody do not give."""

    asked: Asked
    life: int
    point: Point


Found = dict[tuple[Asked, int], list[Values]]


def measure(
    source: Source, day: date, window: Window, *, now: datetime, stored: Callable[[], StoredClosings]
) -> DayMeasurement:
    """The exact usage of a window, (start, end], or of its part until now. Writes nothing.

    ``stored`` gives what the database knows, and is not asked before Prometheus has answered.

    Raises:
        Unavailable: Prometheus failed, was late, or told only a part.
    """
    with _without_collector():
        return _measure(source, day, window, now=now, ask_stored=stored)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Hundreds of thousands of rows that all stay make the cycle collector walk them again and again, for nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _measure(
    source: Source, day: date, window: Window, *, now: datetime, ask_stored: Callable[[], StoredClosings]
) -> DayMeasurement:
    span = Span(milliseconds(window.start), milliseconds(min(window.end, now)))
    lookback_ms = source.settings.usage_lookback_s * 1000
    wider = Span(span.start_ms - lookback_ms, min(span.end_ms + lookback_ms, milliseconds(now)))
    instances = source.instances(span)
    look = source.look(instances, wider, span)
    stored = ask_stored()
    situation = survey(source, look.sight, span, lookback_ms, stored)
    found = _read(source, situation, look)
    strangers = look.opening.strangers | look.closing.strangers
    strangers |= (instances or {""}) - {target.instance for target in situation.sight.targets}
    lives = [_life_readings(situation, index, found) for index in situation.seen]
    lives += [_stranger(source, instance, span) for instance in source.with_counters(sorted(strangers), span)]
    is_odd = bool(strangers) or look.shards.has_odd_labels
    lives = [storable_readings(one) for one in lives] if is_odd else lives
    counted = tally(lives, min_coverage=source.settings.usage_min_coverage, is_open=now < window.end)
    is_blackout = not any(life.closings for life in lives) and _was_nobody_looking(source, span, stored)
    return DayMeasurement(
        day=day,
        window=window,
        measured_at=now,
        rows=unseen_rows(_alive_before(span, stored)) if is_blackout else counted.rows,
        readings=counted.readings,
        series=len(counted.readings),
        lives=[
            ClosedLife(one.life.name, one.life.started_at, one.closed_at) for one in lives if one.closings
        ],
    )


def _was_nobody_looking(source: Source, span: Span, stored: StoredClosings) -> bool:
    """Whether processes were alive at the beginning, and Prometheus has not a single sample of anything at the end."""
    return bool(_alive_before(span, stored)) and not source.is_alive_at(span.end_ms)


def _alive_before(span: Span, stored: StoredClosings) -> list[StoredLife]:
    return [
        life for life in stored.lives.values() if milliseconds(life.closed_at) >= span.start_ms - SILENCE_MS
    ]


def _read(source: Source, situation: Situation, look: Look) -> Found:
    """Every reading that is needed: near the boundaries from those of everybody, the others life by life."""
    plain: dict[Asked, dict[int, int]] = {Asked.OPENING: {}, Asked.CLOSING: {}}
    questions: list[Question] = []
    for index in situation.seen:
        questions += _sort_out(situation, index, plain)
    found: Found = {}
    for asked, boundary in ((Asked.OPENING, look.opening), (Asked.CLOSING, look.closing)):
        for target, index in plain[asked].items():
            found.setdefault((asked, index), []).append(boundary.by_target[target])
    answers = source.at_points(look, [question.point for question in questions])
    for question, values in zip(questions, answers, strict=True):
        found.setdefault((question.asked, question.life), []).append(values)
    return found


def _sort_out(situation: Situation, index: int, plain: Mapping[Asked, dict[int, int]]) -> Iterable[Question]:
    """Note which boundary readings the queries over everybody give for a life; ask for all others."""
    sight, span = situation.sight, situation.span
    life = sight.lives[index]
    boundaries = [(Asked.OPENING, span.start_ms), (Asked.CLOSING, span.end_ms)]
    if (late_ms := situation.late_ms(life)) is not None:
        del boundaries[0]
        yield from (
            Question(Asked.OPENING, index, point) for point in _as_stored(life, late_ms, span.start_ms)
        )
    for copy in life.copies:
        for asked, at_ms in boundaries:
            point = point_at(copy, at_ms)
            if point is None or (asked is Asked.CLOSING and point.at_ms <= span.start_ms):
                continue
            if is_plain(sight.targets[copy.target], point, at_ms):
                plain[asked][copy.target] = index
            else:
                yield Question(asked, index, point)
    if move := situation.moved(life):
        yield Question(Asked.FIRST, index, move)
    elif not situation.is_known(life) and not situation.is_born(life):
        earliest = min(map(first_point, life.copies), key=lambda point: point.at_ms)
        yield Question(Asked.FIRST, index, earliest)
    before_end = _before_end(life, situation.seen[index])
    if before_end is not None:
        yield Question(Asked.BEFORE_END, index, before_end)


def _as_stored(life: Life, late_ms: int, start_ms: int) -> Iterable[Point]:
    """The last scrape of each copy that was known when the day before was stored.

    A copy that was not known at all opens with its first scrape: what it had counted by then is nobody's.
    """
    return [
        point_at(copy, late_ms) or first_point(copy)
        for copy in life.copies
        if copy.runs[0].times[0] <= start_ms
    ]


def _before_end(life: Life, seen: Seen) -> Point | None:
    """The scrape some minutes before the last one of a life that ended."""
    if seen.ended_ms is None or not seen.tail_ms:
        return None
    last_copy = max(life.copies, key=lambda copy: copy.runs[-1].times[-1])
    return point_at(last_copy, seen.ended_ms - RATE_MS)


def _life_readings(situation: Situation, index: int, found: Found) -> LifeReadings:
    life, seen, span = situation.sight.lives[index], situation.seen[index], situation.span
    copies = found.get((Asked.CLOSING, index), [])
    move, stored = situation.moved(life), situation.stored_life(life)
    closed_ms = life.seen_by(span.end_ms)
    is_born, is_known = situation.is_born(life), situation.is_known(life)
    openings = highest(found.get((Asked.OPENING, index), []))
    is_new = move is not None or bool(openings and situation.is_overlooked(life))
    before_end, before_end_ms = _rate_base(situation, index, found)
    return LifeReadings(
        life=life,
        seen=seen,
        closings=highest(copies),
        closed_at=instant_of(span.end_ms if closed_ms is None else closed_ms),
        openings={} if is_new else openings,
        opened_at=instant_of(_opened_ms(situation, life)),
        stored=None if is_new else stored,
        is_born=is_born,
        was_known=is_known and not is_new,
        firsts=highest(found.get((Asked.FIRST, index), [])),
        first_at=None if is_born or (is_known and not move) else instant_of(_first_ms(life, move)),
        before_end=before_end,
        before_end_ms=before_end_ms,
        flags=_flags(situation, index, found),
    )


def _opened_ms(situation: Situation, life: Life) -> int:
    """When the readings were scraped that open the series of a life; without any, the beginning of the window."""
    late_ms, start_ms = situation.late_ms(life), situation.span.start_ms
    return late_ms if late_ms is not None else life.seen_by(start_ms) or start_ms


def _first_ms(life: Life, move: Point | None) -> int:
    return move.at_ms if move else life.times[0]


def _flags(situation: Situation, index: int, found: Found) -> frozenset[Flag]:
    """What one must know about all meters of a life."""
    life, flags = situation.sight.lives[index], set()
    if sum(1 for copy in found.get((Asked.CLOSING, index), []) if copy) > 1:
        flags.add(Flag.DUPLICATE_SCRAPE)
    if situation.moved(life):
        flags.add(Flag.START_TIME_MOVED)
    if (
        situation.seen[index].gap_across_boundary
        or situation.late_ms(life) is not None
        or situation.was_away(life)
        or (situation.is_overlooked(life) and any(found.get((Asked.OPENING, index), [])))
    ):
        flags.add(Flag.GAP_ACROSS_BOUNDARY)
    return frozenset(flags)


def _rate_base(situation: Situation, index: int, found: Found) -> tuple[Values | None, int]:
    """What the end of a life is compared with to get its rate, and how long before the end that was."""
    life, seen = situation.sight.lives[index], situation.seen[index]
    if seen.ended_ms is None:
        return None, 0
    point = _before_end(life, seen)
    if point is not None:
        return highest(found.get((Asked.BEFORE_END, index), [])), seen.ended_ms - point.at_ms
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
        flags=frozenset({Flag.NO_START_TIME}),
    )
