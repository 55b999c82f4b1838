"""Course of one counter within a day: whether it fell, and what was used at least and at most. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

SOON = 10
"""Scrapes within which a counter that alternates is back where it was."""


class CounterSample(NamedTuple):
    """A value of a counter, and when it was scraped, in milliseconds since 1970."""

    at_ms: int
    value: int


class Shape(Enum):
    """The course of a counter within a day."""

    RISES = auto()
    FELL = auto()
    ALTERNATES = auto()


class Course(NamedTuple):
    """The course of a counter, with the tokens that its samples prove and those that may be added to them.

    A counter that fell was used for at least ``rose_tokens``, at most ``rose_tokens + restarted_tokens``; so was one
    that alternates.
    """

    shape: Shape
    first: CounterSample
    last: CounterSample
    falls: int
    rose_tokens: int
    restarted_tokens: int


def course_of(samples: Sequence[CounterSample], start_ms: int) -> Course:
    """Judge the samples of one series of one process, in order of time; those before the day tell processes apart.

    What is counted begins with the last sample at or before ``start_ms``, or with the first one after it.

    - A counter that never goes down is in order.
    - A fall may be a restart from zero, or a part of the counter that was taken away. The rises are proven either way;
      at most, all that was left after a fall was counted since it. What was counted between the last scrape before a
      fall and the fall itself, nobody saw.
    - A counter that falls and jumps back within a few scrapes, again and again, is that of several processes which
      answer in turn. They are told apart as ``tops_of`` says. Surely one of them counted the rise of the highest value;
      at most, all of them counted what their values rose. A process that never answered, and two that always show the
      same value, are not told apart: a person has to know how many there are.
    - Where a jump back could be either, the figures are the widest of both.
    """
    begin = max(0, sum(sample.at_ms <= start_ms for sample in samples) - 1)
    counted = [sample.value for sample in samples[begin:]]
    steps = list(pairwise(counted))
    falls = sum(after < before for before, after in steps)
    rose = sum(max(0, after - before) for before, after in steps)
    restarted = sum(after for before, after in steps if after < before)
    ends = samples[begin], samples[-1]
    jumps = _jumps_back(counted)
    if not jumps:
        return Course(Shape.FELL if falls else Shape.RISES, *ends, falls, rose, restarted)
    before = tops_of([sample.value for sample in samples[: begin + 1]])
    tops = tops_of(counted[1:], before)
    least, together = max(0, tops[-1] - before[-1]), sum(tops) - sum(before)
    if 2 * jumps >= falls >= 2 * len(tops):
        return Course(Shape.ALTERNATES, *ends, falls, least, max(0, together - least))
    return Course(Shape.FELL, *ends, falls, least, max(together, rose + restarted) - least)


def tops_of(values: Iterable[int], known: Sequence[int] = ()) -> list[int]:
    """The last values of the fewest counters that can have told some values, each going up only; in order of size.

    A value belongs to the counter whose last value is the nearest below it, or to a new one where all are higher.
    ``known`` are last values from before. Their sum is that of the real counters once each of these has answered
    after the last time that one overtook another.
    """
    tops = sorted(known)
    for value in values:
        nearest = bisect_right(tops, value) - 1
        if nearest < 0:
            tops.insert(0, value)
        else:
            tops[nearest] = value
    return tops


def _jumps_back(values: Sequence[int]) -> int:
    """Falls after which the counter is soon where it was, more than half of the way in a single step."""
    falls = (n for n in range(1, len(values)) if values[n] < values[n - 1])
    return sum(_is_jump_back(values, n) for n in falls)


def _is_jump_back(values: Sequence[int], fall: int) -> bool:
    high, low = values[fall - 1], values[fall]
    for before, after in pairwise(values[fall : fall + SOON + 1]):
        if after >= high:
            return 2 * (before - low) < high - low
    return False
