"""Turns the raw samples of suspected series into findings. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from backend.clients.prometheus import whole
from backend.money import LARGEST_STORED
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import EPOCH, instant_of
from backend.usage.metering.labels import storable, with_storable_labels
from backend.usage.metering.vectors import LabelNames, TargetTable, key_of
from backend.usage.scanning.incarnations import Incarnations
from backend.usage.scanning.rules import CounterSample, Course, Shape, course_of
from backend.usage.scanning.types import Finding, FindingKind
from backend.usage.types import Key

Labels = frozenset[tuple[str, str]]

_KINDS = {Shape.FELL: FindingKind.FELL, Shape.ALTERNATES: FindingKind.ALTERNATES}


class ProcessSeries(NamedTuple):
    """A meter: a billed series of one process incarnation. ``start_us`` is 0 without a start time."""

    instance: str
    start_us: int
    key: Key


class Piece(NamedTuple):
    """The samples of one meter in one series of Prometheus: of one server, one job and one set of further labels."""

    course: Course
    is_read: bool
    """Whether it has a boundary sample."""
    is_read_last: bool
    """Whether it has the one at the end."""
    was_used: bool
    """Whether it has a sample within the window."""
    is_begun: bool
    """Whether it has one before the window."""


def findings_in(
    rows: Iterable[Mapping[str, Any]],
    table: TargetTable,
    names: LabelNames,
    incarnations: Incarnations,
    span: Span,
) -> list[Finding]:
    """The findings in the raw samples of some series.

    Series of one meter that differ in job or replica only are copies; series with other further labels add up.
    """
    meters: dict[ProcessSeries, dict[Labels, list[Piece]]] = {}
    for row in rows:
        labels = row["metric"]
        instance, key = labels.get("instance", ""), key_of(labels, names)
        target = next(iter(table.targets_of(labels, names)), None)
        own = table.own_target_of(labels)
        known = {} if target is None else incarnations.labels_of(target)
        apart = frozenset((n, v) for n, v in labels.items() if n not in names.ignored and n not in known)
        samples = [CounterSample(round(at_s * 1000), whole(value)) for at_s, value in row["values"]]
        for start_us, part in incarnations.by_start(samples, own, instance).items():
            piece = Piece(
                course_of(part, span.start_ms),
                incarnations.is_read(part, target, start_us),
                incarnations.is_read_last(part, target, start_us),
                part[-1].at_ms > span.start_ms,
                part[0].at_ms <= span.start_ms,
            )
            meters.setdefault(ProcessSeries(instance, start_us, key), {}).setdefault(apart, []).append(piece)
    return [found for meter, pieces in meters.items() for found in _findings(meter, list(pieces.values()))]


def _findings(meter: ProcessSeries, apart: Sequence[Sequence[Piece]]) -> Iterable[Finding]:
    """The findings of one meter. Of the copies of a series the highest counts, and different series add up.

    A fall counts if one copy shows it. Another server may have scraped before and after the fall only, so its samples
    do not refute it. The sum of several series also falls if one is gone before the end and another one is not.
    """
    used = [pieces for each in apart if (pieces := [piece for piece in each if piece.was_used])]
    counted = [
        pieces for each in apart if (pieces := [piece for piece in each if piece.was_used or piece.is_read])
    ]
    shapes = {piece.course.shape for pieces in used for piece in pieces}
    if Shape.ALTERNATES in shapes:
        yield _finding(FindingKind.ALTERNATES, meter, used)
    elif Shape.FELL in shapes or _gone(counted):
        yield _finding(FindingKind.FELL, meter, counted)
    is_read = any(piece.is_read for each in apart for piece in each)
    if used and meter.start_us and not is_read:
        yield _finding(FindingKind.CAME_AND_WENT, meter, used)


def _gone(apart: Sequence[Sequence[Piece]]) -> int:
    """The number of series that have no sample at the end, if another one of the meter has one."""
    read = sum(map(_is_read_last, apart))
    return len(apart) - read if read else 0


def _is_read_last(pieces: Sequence[Piece]) -> bool:
    return any(piece.is_read_last for piece in pieces)


def _finding(kind: FindingKind, meter: ProcessSeries, apart: Sequence[Sequence[Piece]]) -> Finding:
    copies = [_telling([piece.course for piece in pieces]) for pieces in apart]
    begin_ms = min(each.first.at_ms for some in copies for each in some)
    first = [max(each.first.value for each in some) for some in copies]
    opens = [
        any(piece.is_begun for piece in pieces) or min(each.first.at_ms for each in some) == begin_ms
        for some, pieces in zip(copies, apart, strict=True)
    ]
    # What the closing reading does not show is no part of it.
    last = [
        some for some, pieces in zip(copies, apart, strict=True) if not _gone(apart) or _is_read_last(pieces)
    ]
    opening = sum(value for value, is_open in zip(first, opens, strict=True) if is_open)
    rose = sum(max(each.rose_tokens for each in some) for some in copies)
    most = sum(max(each.rose_tokens + each.restarted_tokens for each in some) for some in copies)
    # The first value of a later series was counted on the day, unless the series had been there before.
    most += sum(first) - opening
    [key] = with_storable_labels({meter.key: 0})
    return Finding(
        kind=kind,
        instance=storable(meter.instance),
        incarnation_start=EPOCH + timedelta(microseconds=meter.start_us),
        key=key,
        first_value=_bounded(opening),
        first_at=instant_of(begin_ms),
        last_value=_bounded(sum(max(each.last.value for each in some) for some in last)),
        last_at=instant_of(max(each.last.at_ms for some in last for each in some)),
        falls=sum(max(each.falls for each in some) for some in copies) + _gone(apart),
        rose_tokens=_bounded(rose),
        restarted_tokens=_bounded(most - rose),
    )


def _telling(courses: Sequence[Course]) -> Sequence[Course]:
    """Courses that prove usage: if processes alternate, copies that do not show it are left out."""
    return [each for each in courses if each.shape is Shape.ALTERNATES] or courses


def _bounded(tokens: int) -> int:
    """The number, or the largest one that the database can store. A meter above that is held anyway."""
    return min(tokens, LARGEST_STORED)
