"""Collects the readings that incarnations need: from the boundary queries, and by queries of their own for the rest."""

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

# Their start was not watched, and no stored day has counted them.
_UNCOUNTED = frozenset({IncarnationKind.KNOWN, IncarnationKind.COLD})


class ReadingPurpose(Enum):
    """Purpose of a reading."""

    OPENING = auto()
    """The boundary sample at the start of the window."""
    CLOSING = auto()
    """The boundary sample at its end."""
    VANISHED = auto()
    """The last sample of a series that vanished before the end of the window."""
    FIRST = auto()
    """The first sample, in place of an unknown opening."""
    LOWEST = auto()
    """The lowest sample of a counter whose job exports no start time, in place of an unknown opening."""
    BEFORE_END = auto()
    """A sample some minutes before the end of an incarnation, for the rate of its last minutes."""


class ReadingQuery(NamedTuple):
    """A query for the readings of an incarnation at one scrape, which the boundary queries do not hold."""

    purpose: ReadingPurpose
    incarnation: int
    point: Point


class FoundReadings:
    """The readings of each incarnation, by purpose and target."""

    def __init__(self) -> None:
        self._values: dict[tuple[ReadingPurpose, int], dict[int, Values]] = {}
        self._borrowed: dict[tuple[ReadingPurpose, int], set[Key]] = {}

    def add(self, purpose: ReadingPurpose, incarnation: int, target: int, answer: TargetReadings) -> None:
        """Add the readings of a target. A series that has a reading already keeps it."""
        by_target = self._values.setdefault((purpose, incarnation), {})
        known = by_target.get(target)
        by_target[target] = {**answer.values, **known} if known else answer.values
        if answer.borrowed:
            self._borrowed.setdefault((purpose, incarnation), set()).update(answer.borrowed)

    def borrowed(self, purpose: ReadingPurpose, incarnation: int) -> set[Key]:
        """Series of counters whose own job exports no start time."""
        return self._borrowed.get((purpose, incarnation), set())

    def by_target(self, purpose: ReadingPurpose, incarnation: int) -> dict[int, Values]:
        """Readings by target."""
        return self._values.get((purpose, incarnation), {})

    def copies(self, purpose: ReadingPurpose, incarnation: int) -> list[Values]:
        """Readings of each target."""
        return list(self.by_target(purpose, incarnation).values())


def readings_of(source: Source, survey: Survey, shared: SharedReadings) -> FoundReadings:
    """Every reading that the incarnations of a survey need.

    Raises:
        Unavailable: Prometheus failed, timed out, or answered only in part.
    """
    found = FoundReadings()
    queries: list[ReadingQuery] = []
    for index in (*survey.observations, *survey.late):
        queries += _boundary_queries(survey, index, shared, found)
        queries += _other_queries(survey, index)
    answers = source.at_points(shared, [query.point for query in queries])
    _add_answers(queries, answers, found)
    lowest = _queries_over_window(ReadingPurpose.LOWEST, _borrowed(survey, found), survey)
    _add_answers_of_tenants(lowest, source.lowest_of_others(shared, _points(lowest), _tenants(lowest)), found)
    vanished = _queries_over_window(ReadingPurpose.VANISHED, _vanished(survey, found), survey)
    _add_answers_of_tenants(
        vanished, source.last_within(shared, _points(vanished), _tenants(vanished)), found
    )
    return found


def _add_answers(
    queries: Iterable[ReadingQuery], answers: Iterable[TargetReadings], found: FoundReadings
) -> None:
    for (purpose, incarnation, point), answer in zip(queries, answers, strict=True):
        found.add(purpose, incarnation, point.target, answer)


def _queries_over_window(
    purpose: ReadingPurpose, tenants_of: Mapping[int, set[str]], survey: Survey
) -> list[tuple[ReadingQuery, set[str]]]:
    """Queries for the series of some tenants of each incarnation, over all its scrapes in the window."""
    return [
        (ReadingQuery(purpose, index, point), tenants)
        for index, tenants in tenants_of.items()
        for point in _points_over_window(survey, survey.history.incarnations[index])
    ]


def _points(some: Sequence[tuple[ReadingQuery, set[str]]]) -> list[Point]:
    return [query.point for query, _ in some]


def _tenants(some: Sequence[tuple[ReadingQuery, set[str]]]) -> list[str]:
    return sorted(set[str]().union(*(tenants for _, tenants in some)))


def _add_answers_of_tenants(
    some: Sequence[tuple[ReadingQuery, set[str]]], answers: Iterable[TargetReadings], found: FoundReadings
) -> None:
    """Add of each answer only the tenants of its own query: one request asks for the tenants of all queries."""
    for ((purpose, incarnation, point), tenants), answer in zip(some, answers, strict=True):
        values = {key: value for key, value in answer.values.items() if key[0] in tenants}
        found.add(purpose, incarnation, point.target, answer._replace(values=values))


def _boundary_queries(
    survey: Survey, index: int, shared: SharedReadings, found: FoundReadings
) -> Iterator[ReadingQuery]:
    """Add an incarnation's samples that the boundary queries hold to ``found``; yield queries for the others."""
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
        stored = _points_as_stored(survey, incarnation, late_since_ms)
        yield from (ReadingQuery(ReadingPurpose.OPENING, index, point) for point in stored)
    for purpose, at_ms, boundary in boundaries:
        for copy in incarnation.copies:
            point = point_at(copy, at_ms)
            if point is None or (
                purpose is ReadingPurpose.CLOSING and not is_over and point.at_ms <= span.start_ms
            ):
                continue
            if is_in_boundary_vector(history.targets[copy.target], point.at_ms, at_ms):
                found.add(purpose, index, copy.target, boundary.by_target[copy.target])
            else:
                yield ReadingQuery(purpose, index, point)


def _other_queries(survey: Survey, index: int) -> Iterator[ReadingQuery]:
    """Queries for the first samples of an incarnation, and for those some minutes before its end."""
    incarnation = survey.history.incarnations[index]
    for point in _first_points(survey, index):
        yield ReadingQuery(ReadingPurpose.FIRST, index, point)
    before = before_end(incarnation, survey.observation_of(index))
    if before is not None:
        yield ReadingQuery(ReadingPurpose.BEFORE_END, index, before)


def _points_as_stored(survey: Survey, incarnation: Incarnation, late_since_ms: int) -> Iterator[Point]:
    """The scrape of each copy of a late incarnation at which its stored closing was read.

    A copy without a scrape by then opens with its first scrape: what it had counted before is not billed. If the stored
    closing is older than the look-back, the history does not show the scrape; then the time of the closing itself is
    asked for.
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
    """The first scrape in the window by each target that is new to an incarnation with an unknown past.

    An earlier scrape by another target proves nothing: that target may not have scraped these counters.
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
    """The tenants of each incarnation with series that nothing opens, from a job that exports no start time.

    Only the counters themselves tell when such a job first scraped the incarnation.
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
    """The tenants of each incarnation with series that have an opening reading and no closing reading."""
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
    """The series with an opening and without a closing. Mostly there are none, and then no set is built."""
    keys = [opening.keys() for opening in openings if opening]
    if all(any(closing.keys() >= each for closing in closings) for each in keys):
        return set()
    return set().union(*keys).difference(*closings)


def _points_over_window(survey: Survey, incarnation: Incarnation) -> Iterator[Point]:
    """The last scrape of each copy within the window, with a range over all its scrapes in the window."""
    for copy in incarnation.copies:
        point = point_at(copy, survey.span.end_ms)
        if point is not None and point.at_ms > survey.span.start_ms:
            # A sample at the boundary itself belongs to the day before, and Prometheus 2 includes it in a range.
            yield point._replace(since_ms=max(point.since_ms, survey.span.start_ms + 2))


def before_end(incarnation: Incarnation, seen: ObservedTime) -> Point | None:
    """The last scrape that is five minutes or more before the end of an ended incarnation; None if there is none."""
    if seen.ended_ms is None or not seen.tail_ms:
        return None
    last_copy = max(incarnation.copies, key=lambda copy: copy.runs[-1].times[-1])
    return point_at(last_copy, seen.ended_ms - RATE_MS)


def firsts_of(incarnation: Incarnation, index: int, found: FoundReadings) -> tuple[Values, dict[Key, int]]:
    """First readings in place of unknown openings, and the time in milliseconds since which each series is scraped.

    Of each series the oldest target that ever shows it decides. If its first scrape shows the series, that is its first
    reading; if not, the series was first used later and began at zero.
    """
    firsts = found.by_target(ReadingPurpose.FIRST, index)
    closings = found.by_target(ReadingPurpose.CLOSING, index)
    known: set[Key] = set()
    merged: Values = {}
    since_ms: dict[Key, int] = {}
    for copy in sorted(incarnation.copies, key=_first_ms):
        new = {key: value for key, value in firsts.get(copy.target, {}).items() if key not in known}
        merged |= new
        shows = new.keys() | closings.get(copy.target, {}).keys()
        if copy.target in firsts:
            since_ms |= dict.fromkeys(shows - known, _first_ms(copy))
        known |= shows
    borrowed: Values = {}
    for values in found.copies(ReadingPurpose.LOWEST, index):
        borrowed = {**values, **{key: min(each, values.get(key, each)) for key, each in borrowed.items()}}
    return borrowed | merged, since_ms


def _first_ms(copy: Copy) -> int:
    return copy.runs[0].times[0]
