"""Chooses the readings to ask for and keeps the answers: near the boundaries the shared queries hold them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from backend.usage.metering.coverage import ObservedTime
from backend.usage.metering.incarnations import (
    Copy,
    Incarnation,
    Point,
    first_point,
    is_in_boundary_vector,
    point_at,
)
from backend.usage.metering.opening_rules import IncarnationKind, OpeningPlace, rule_of
from backend.usage.metering.source import SharedReadings, Source
from backend.usage.metering.survey import Survey
from backend.usage.metering.tally_rules import RATE_MS
from backend.usage.metering.vectors import TargetReadings
from backend.usage.types import Key, Values

# Nobody watched their birth, and no day has counted them.
_UNCOUNTED = frozenset({IncarnationKind.KNOWN, IncarnationKind.COLD})


class ReadingPurpose(Enum):
    """Purpose of a reading."""

    OPENING = auto()
    CLOSING = auto()
    VANISHED = auto()
    FIRST = auto()
    LOWEST = auto()
    BEFORE_END = auto()


class ReadingQuery(NamedTuple):
    """A reading of an incarnation that the queries over everybody do not give."""

    asked: ReadingPurpose
    incarnation: int
    point: Point


class FoundReadings:
    """The readings of each incarnation, by purpose and target."""

    def __init__(self) -> None:
        self._values: dict[tuple[ReadingPurpose, int], dict[int, Values]] = {}
        self._borrowed: dict[tuple[ReadingPurpose, int], set[Key]] = {}

    def add(self, asked: ReadingPurpose, incarnation: int, target: int, told: TargetReadings) -> None:
        """Keep the readings of a target; earlier ones stand."""
        by_target = self._values.setdefault((asked, incarnation), {})
        known = by_target.get(target)
        by_target[target] = {**told.values, **known} if known else told.values
        if told.borrowed:
            self._borrowed.setdefault((asked, incarnation), set()).update(told.borrowed)

    def borrowed(self, asked: ReadingPurpose, incarnation: int) -> set[Key]:
        """Series shown only by counters without a target of their own."""
        return self._borrowed.get((asked, incarnation), set())

    def by_target(self, asked: ReadingPurpose, incarnation: int) -> dict[int, Values]:
        """Readings by target."""
        return self._values.get((asked, incarnation), {})

    def copies(self, asked: ReadingPurpose, incarnation: int) -> list[Values]:
        """Readings of all targets."""
        return list(self.by_target(asked, incarnation).values())


def readings_of(source: Source, survey: Survey, shared: SharedReadings) -> FoundReadings:
    """Every reading that is needed.

    Raises:
        Unavailable: Prometheus failed, was late, or told only a part.
    """
    found = FoundReadings()
    questions: list[ReadingQuery] = []
    for index in (*survey.observations, *survey.late):
        questions += _sort_out(survey, index, shared, found)
    answers = source.at_points(shared, [question.point for question in questions])
    _note(questions, answers, found)
    lowest = _of_incarnations(ReadingPurpose.LOWEST, _borrowed(survey, found), survey)
    _note_some(lowest, source.lowest_of_others(shared, _points(lowest), _tenants(lowest)), found)
    vanished = _of_incarnations(ReadingPurpose.VANISHED, _vanished(survey, found), survey)
    _note_some(vanished, source.last_within(shared, _points(vanished), _tenants(vanished)), found)
    return found


def _note(questions: Iterable[ReadingQuery], answers: Iterable[TargetReadings], found: FoundReadings) -> None:
    for (asked, incarnation, point), told in zip(questions, answers, strict=True):
        found.add(asked, incarnation, point.target, told)


def _of_incarnations(
    asked: ReadingPurpose, tenants_of: Mapping[int, set[str]], survey: Survey
) -> list[tuple[ReadingQuery, set[str]]]:
    """Questions about some tenants of some incarnations."""
    return [
        (ReadingQuery(asked, index, point), tenants)
        for index, tenants in tenants_of.items()
        for point in _whole(survey, survey.history.incarnations[index])
    ]


def _points(some: Sequence[tuple[ReadingQuery, set[str]]]) -> list[Point]:
    return [question.point for question, _ in some]


def _tenants(some: Sequence[tuple[ReadingQuery, set[str]]]) -> list[str]:
    return sorted(set[str]().union(*(tenants for _, tenants in some)))


def _note_some(
    some: Sequence[tuple[ReadingQuery, set[str]]], answers: Iterable[TargetReadings], found: FoundReadings
) -> None:
    """Keep of each answer only the tenants that were asked for: those of other incarnations must not come along."""
    for ((asked, incarnation, point), tenants), told in zip(some, answers, strict=True):
        values = {key: value for key, value in told.values.items() if key[0] in tenants}
        found.add(asked, incarnation, point.target, told._replace(values=values))


def _sort_out(
    survey: Survey, index: int, shared: SharedReadings, found: FoundReadings
) -> Iterator[ReadingQuery]:
    """Note which boundary readings the queries over everybody give for an incarnation; ask for all others."""
    history, span = survey.history, survey.span
    incarnation = history.incarnations[index]
    boundaries = [
        (ReadingPurpose.OPENING, span.start_ms, shared.opening),
        (ReadingPurpose.CLOSING, span.end_ms, shared.closing),
    ]
    late_since_ms, is_over = survey.late_since_ms(incarnation), index not in survey.observations
    if is_over:
        boundaries = [(ReadingPurpose.CLOSING, span.start_ms, shared.opening)]
    if late_since_ms is not None:
        boundaries = boundaries[-1:]
        known = _as_stored(survey, incarnation, late_since_ms)
        yield from (ReadingQuery(ReadingPurpose.OPENING, index, point) for point in known)
    for asked, at_ms, boundary in boundaries:
        for copy in incarnation.copies:
            point = point_at(copy, at_ms)
            if point is None or (
                asked is ReadingPurpose.CLOSING and not is_over and point.at_ms <= span.start_ms
            ):
                continue
            if is_in_boundary_vector(history.targets[copy.target], point.at_ms, at_ms):
                found.add(asked, index, copy.target, boundary.by_target[copy.target])
            else:
                yield ReadingQuery(asked, index, point)
    for point in _first_points(survey, index):
        yield ReadingQuery(ReadingPurpose.FIRST, index, point)
    before = before_end(incarnation, survey.observation_of(index))
    if before is not None:
        yield ReadingQuery(ReadingPurpose.BEFORE_END, index, before)


def _as_stored(survey: Survey, incarnation: Incarnation, late_since_ms: int) -> Iterator[Point]:
    """The last scrape of each copy that was known when the incarnation was stored last.

    A copy that was not known at all opens with its first scrape: what it had counted by then is nobody's. What was
    known longer ago than anything that is looked at is asked for at the very instant.
    """
    start_ms = survey.span.start_ms
    for copy in incarnation.copies:
        if copy.runs[0].times[0] > start_ms:
            continue
        if late_since_ms < start_ms - survey.lookback_ms:
            yield Point(copy.target, late_since_ms, min(late_since_ms, incarnation.start_ms))
        else:
            yield point_at(copy, late_since_ms) or first_point(copy)


def _first_points(survey: Survey, index: int) -> list[Point]:
    """First scrapes of targets that are new to an incarnation whose count until then is not known.

    That others scraped it before proves nothing: they may have kept none of its counters.
    """
    incarnation, span, kind = survey.history.incarnations[index], survey.span, survey.kinds[index]
    if kind is IncarnationKind.MOVED:
        move = incarnation.moved_within(span.start_ms, span.end_ms)
        return [] if move is None else [move]
    if OpeningPlace.FIRST_SEEN not in rule_of(kind).places:
        return []
    new = [copy for copy in incarnation.copies if span.start_ms < _first_ms(copy) <= span.end_ms]
    return [first_point(copy) for copy in new]


def _borrowed(survey: Survey, found: FoundReadings) -> dict[int, set[str]]:
    """The tenants of each incarnation with series that nothing opens and a job without start times shows.

    When such a job first saw an incarnation is told by nothing but its counters.
    """
    missing = {}
    for index in survey.observations:
        borrowed = found.borrowed(ReadingPurpose.CLOSING, index)
        if not borrowed or survey.kinds[index] not in _UNCOUNTED:
            continue
        opened = [*found.copies(ReadingPurpose.OPENING, index), *found.copies(ReadingPurpose.FIRST, index)]
        keys = _missing(found.copies(ReadingPurpose.CLOSING, index), opened) & borrowed
        if keys:
            missing[index] = {key[0] for key in keys}
    return missing


def _vanished(survey: Survey, found: FoundReadings) -> dict[int, set[str]]:
    """The tenants of each incarnation with series that opened in it and did not close in it."""
    missing = {}
    for index in survey.observations:
        if survey.kinds[index] is IncarnationKind.MOVED:
            continue
        stored = survey.stored_incarnation(survey.history.incarnations[index])
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


def _whole(survey: Survey, incarnation: Incarnation) -> Iterator[Point]:
    """The last scrape of each copy within the window, as far back as the window and the incarnation reach."""
    for copy in incarnation.copies:
        point = point_at(copy, survey.span.end_ms)
        if point is not None and point.at_ms > survey.span.start_ms:
            # A sample of the boundary itself is the day's before, also where ranges are closed on the left.
            yield point._replace(since_ms=max(point.since_ms, survey.span.start_ms + 2))


def before_end(incarnation: Incarnation, seen: ObservedTime) -> Point | None:
    """The scrape some minutes before the last one of an incarnation that ended."""
    if seen.ended_ms is None or not seen.tail_ms:
        return None
    last_copy = max(incarnation.copies, key=lambda copy: copy.runs[-1].times[-1])
    return point_at(last_copy, seen.ended_ms - RATE_MS)


def firsts_of(incarnation: Incarnation, index: int, found: FoundReadings) -> tuple[Values, dict[Key, int]]:
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
    for copy in sorted(incarnation.copies, key=_first_ms):
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
