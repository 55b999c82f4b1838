"""Chooses the readings to ask for and keeps the answers: near the boundaries the shared queries hold them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from backend.usage.metering.coverage import Seen
from backend.usage.metering.incarnations import Copy, Life, Point, first_point, is_plain, point_at
from backend.usage.metering.source import Look, Source
from backend.usage.metering.survey import Situation
from backend.usage.metering.tally_rules import RATE_MS
from backend.usage.metering.vectors import TargetReadings
from backend.usage.types import Key, Values


class ReadingPurpose(Enum):
    """Purpose of a reading."""

    OPENING = auto()
    CLOSING = auto()
    VANISHED = auto()
    FIRST = auto()
    LOWEST = auto()
    BEFORE_END = auto()


class ReadingQuery(NamedTuple):
    """A reading of a life that the queries over everybody do not give."""

    asked: ReadingPurpose
    life: int
    point: Point


class FoundReadings:
    """The readings of each life, by purpose and target."""

    def __init__(self) -> None:
        self._values: dict[tuple[ReadingPurpose, int], dict[int, Values]] = {}
        self._borrowed: dict[tuple[ReadingPurpose, int], set[Key]] = {}

    def add(self, asked: ReadingPurpose, life: int, target: int, told: TargetReadings) -> None:
        """Keep the readings of a target; earlier ones stand."""
        by_target = self._values.setdefault((asked, life), {})
        known = by_target.get(target)
        by_target[target] = {**told.values, **known} if known else told.values
        if told.borrowed:
            self._borrowed.setdefault((asked, life), set()).update(told.borrowed)

    def borrowed(self, asked: ReadingPurpose, life: int) -> set[Key]:
        """Series shown only by counters without a target of their own."""
        return self._borrowed.get((asked, life), set())

    def by_target(self, asked: ReadingPurpose, life: int) -> dict[int, Values]:
        """Readings by target."""
        return self._values.get((asked, life), {})

    def copies(self, asked: ReadingPurpose, life: int) -> list[Values]:
        """Readings of all targets."""
        return list(self.by_target(asked, life).values())


def readings_of(source: Source, situation: Situation, look: Look) -> FoundReadings:
    """Every reading that is needed.

    Raises:
        Unavailable: Prometheus failed, was late, or told only a part.
    """
    found = FoundReadings()
    questions: list[ReadingQuery] = []
    for index in (*situation.seen, *situation.late):
        questions += _sort_out(situation, index, look, found)
    answers = source.at_points(look, [question.point for question in questions])
    _note(questions, answers, found)
    lowest = _of_lives(ReadingPurpose.LOWEST, _borrowed(situation, found), situation)
    _note_some(lowest, source.lowest_of_others(look, _points(lowest), _tenants(lowest)), found)
    vanished = _of_lives(ReadingPurpose.VANISHED, _vanished(situation, found), situation)
    _note_some(vanished, source.last_within(look, _points(vanished), _tenants(vanished)), found)
    return found


def _note(questions: Iterable[ReadingQuery], answers: Iterable[TargetReadings], found: FoundReadings) -> None:
    for (asked, life, point), told in zip(questions, answers, strict=True):
        found.add(asked, life, point.target, told)


def _of_lives(
    asked: ReadingPurpose, tenants_of: Mapping[int, set[str]], situation: Situation
) -> list[tuple[ReadingQuery, set[str]]]:
    """Questions about some tenants of some lives."""
    return [
        (ReadingQuery(asked, index, point), tenants)
        for index, tenants in tenants_of.items()
        for point in _whole(situation, situation.sight.lives[index])
    ]


def _points(some: Sequence[tuple[ReadingQuery, set[str]]]) -> list[Point]:
    return [question.point for question, _ in some]


def _tenants(some: Sequence[tuple[ReadingQuery, set[str]]]) -> list[str]:
    return sorted(set[str]().union(*(tenants for _, tenants in some)))


def _note_some(
    some: Sequence[tuple[ReadingQuery, set[str]]], answers: Iterable[TargetReadings], found: FoundReadings
) -> None:
    """Keep of each answer only the tenants that the life was asked for: other lives' must not come along."""
    for ((asked, life, point), tenants), told in zip(some, answers, strict=True):
        values = {key: value for key, value in told.values.items() if key[0] in tenants}
        found.add(asked, life, point.target, told._replace(values=values))


def _sort_out(situation: Situation, index: int, look: Look, found: FoundReadings) -> Iterator[ReadingQuery]:
    """Note which boundary readings the queries over everybody give for a life; ask for all others."""
    sight, span = situation.sight, situation.span
    life = sight.lives[index]
    boundaries = [
        (ReadingPurpose.OPENING, span.start_ms, look.opening),
        (ReadingPurpose.CLOSING, span.end_ms, look.closing),
    ]
    late_ms, is_over = situation.late_ms(life), index not in situation.seen
    if is_over:
        boundaries = [(ReadingPurpose.CLOSING, span.start_ms, look.opening)]
    if late_ms is not None:
        boundaries = boundaries[-1:]
        known = _as_stored(situation, life, late_ms)
        yield from (ReadingQuery(ReadingPurpose.OPENING, index, point) for point in known)
    for asked, at_ms, boundary in boundaries:
        for copy in life.copies:
            point = point_at(copy, at_ms)
            if point is None or (
                asked is ReadingPurpose.CLOSING and not is_over and point.at_ms <= span.start_ms
            ):
                continue
            if is_plain(sight.targets[copy.target], point, at_ms):
                found.add(asked, index, copy.target, boundary.by_target[copy.target])
            else:
                yield ReadingQuery(asked, index, point)
    for point in _first_points(situation, life):
        yield ReadingQuery(ReadingPurpose.FIRST, index, point)
    before = before_end(life, situation.seen_of(index))
    if before is not None:
        yield ReadingQuery(ReadingPurpose.BEFORE_END, index, before)


def _as_stored(situation: Situation, life: Life, late_ms: int) -> Iterator[Point]:
    """The last scrape of each copy that was known when the life was stored last.

    A copy that was not known at all opens with its first scrape: what it had counted by then is nobody's. What was
    known longer ago than anything that is looked at is asked for at the very instant.
    """
    start_ms = situation.span.start_ms
    for copy in life.copies:
        if copy.runs[0].times[0] > start_ms:
            continue
        if late_ms < start_ms - situation.lookback_ms:
            yield Point(copy.target, late_ms, min(late_ms, life.start_ms))
        else:
            yield point_at(copy, late_ms) or first_point(copy)


def _first_points(situation: Situation, life: Life) -> list[Point]:
    """First scrapes of targets that are new to a life: the life's earlier count is unknown."""
    move = situation.moved(life)
    if move is not None:
        return [move]
    return [first_point(copy) for copy in life.copies if situation.is_stranger_to(life, copy)]


def _borrowed(situation: Situation, found: FoundReadings) -> dict[int, set[str]]:
    """The tenants of each life with series that nothing opens and a job without start times shows.

    When such a job first saw a life is told by nothing but its counters.
    """
    missing = {}
    for index in situation.seen:
        borrowed = found.borrowed(ReadingPurpose.CLOSING, index)
        life = situation.sight.lives[index]
        if not borrowed or situation.is_born(life) or situation.moved(life) or situation.stored_life(life):
            continue
        opened = [*found.copies(ReadingPurpose.OPENING, index), *found.copies(ReadingPurpose.FIRST, index)]
        keys = _missing(found.copies(ReadingPurpose.CLOSING, index), opened) & borrowed
        if keys:
            missing[index] = {key[0] for key in keys}
    return missing


def _vanished(situation: Situation, found: FoundReadings) -> dict[int, set[str]]:
    """The tenants of each life with series that opened in it and did not close in it."""
    missing = {}
    for index in situation.seen:
        life = situation.sight.lives[index]
        if situation.moved(life):
            continue
        stored = situation.stored_life(life)
        keys = _missing(
            [*found.copies(ReadingPurpose.OPENING, index), stored.closings if stored else {}],
            found.copies(ReadingPurpose.CLOSING, index),
        )
        if keys:
            missing[index] = {key[0] for key in keys}
    return missing


def _missing(openings: Sequence[Values], closings: Sequence[Values]) -> set[Key]:
    """The series of some readings that others do not have. As a rule there are none, and no set is made."""
    keys = [opening.keys() for opening in openings if opening]
    if all(any(closing.keys() >= each for closing in closings) for each in keys):
        return set()
    return set().union(*keys).difference(*closings)


def _whole(situation: Situation, life: Life) -> Iterator[Point]:
    """The last scrape of each copy within the window, as far back as the window and the life reach."""
    for copy in life.copies:
        point = point_at(copy, situation.span.end_ms)
        if point is not None and point.at_ms > situation.span.start_ms:
            # A sample of the boundary itself is the day's before, also where ranges are closed on the left.
            yield point._replace(since_ms=max(point.since_ms, situation.span.start_ms + 2))


def before_end(life: Life, seen: Seen) -> Point | None:
    """The scrape some minutes before the last one of a life that ended."""
    if seen.ended_ms is None or not seen.tail_ms:
        return None
    last_copy = max(life.copies, key=lambda copy: copy.runs[-1].times[-1])
    return point_at(last_copy, seen.ended_ms - RATE_MS)


def firsts_of(life: Life, index: int, found: FoundReadings) -> tuple[Values, dict[Key, int]]:
    """The first readings that stand in for unknown openings, and since when each series is known.

    The oldest target that ever shows a series decides: it was there at its first scrape, or it was used since.
    """
    firsts, shown = (
        found.by_target(ReadingPurpose.FIRST, index),
        found.by_target(ReadingPurpose.CLOSING, index),
    )
    known: set[Key] = set()
    merged: Values = {}
    since_ms: dict[Key, int] = {}
    for copy in sorted(life.copies, key=_first_ms):
        new = {key: value for key, value in firsts.get(copy.target, {}).items() if key not in known}
        merged |= new
        shows = new.keys() | shown.get(copy.target, {}).keys()
        if copy.target in firsts:
            since_ms |= dict.fromkeys(shows - known, _first_ms(copy))
        known |= shows
    borrowed: Values = {}
    for values in found.copies(ReadingPurpose.LOWEST, index):
        borrowed = {**values, **{key: min(each, values.get(key, each)) for key, each in borrowed.items()}}
    return borrowed | merged, since_ms


def _first_ms(copy: Copy) -> int:
    return copy.runs[0].times[0]
