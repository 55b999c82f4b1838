"""Judges the samples of one counter within a day: whether it fell, and how many tokens it counted. Pure."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

SOON = 10
"""Scrapes after a fall within which an alternating counter is back at its old value."""


class CounterSample(NamedTuple):
    """A sample of a counter: time in milliseconds since 1970, and value in tokens."""

    at_ms: int
    value: int


class Shape(Enum):
    """The course of a counter within a day."""

    RISES = auto()
    FELL = auto()
    ALTERNATES = auto()


class Course(NamedTuple):
    """The course of a counter, with its first and last counted sample.

    A counter that fell or alternates counted at least ``rose_tokens``, and at most ``rose_tokens + restarted_tokens``.
    """

    shape: Shape
    first: CounterSample
    last: CounterSample
    falls: int
    rose_tokens: int
    restarted_tokens: int


def course_of(samples: Sequence[CounterSample], start_ms: int) -> Course:
    """Judge the samples of one series of one process incarnation, in order of time.

    Counting begins with the last sample at or before ``start_ms``, or with the first sample if there is none. Earlier
    samples only help to tell alternating processes apart.

    - A counter that never goes down rises.
    - A fall may be a restart from zero, or a part of the counter was removed. In both cases all rises are proven. At
      most, the value after each fall was counted as well. What was counted between the last scrape before a fall and
      the fall itself is in no sample.
    - A counter that falls and jumps back within a few scrapes, again and again, belongs to several alternating
      processes, if the values after the falls go on from known counters above zero: restarts meet these by chance
      only. The least is the rise of the highest value, the most is the sum of the rises of all values;
      ``tops_of`` and ``separate_tops_of`` tell the values apart. A process that never answered a scrape cannot be
      found, and two that always show the same value count as one.
    - If the jumps back may mean either, it fell, and the figures are the widest of both.
    """
    begin = max(0, sum(sample.at_ms <= start_ms for sample in samples) - 1)
    counted = [sample.value for sample in samples[begin:]]
    steps = list(pairwise(counted))
    falls = sum(after < before for before, after in steps)
    rose = sum(max(0, after - before) for before, after in steps)
    restarted = sum(after for before, after in steps if after < before)
    ends = samples[begin], samples[-1]
    # A jump up at midnight may be the return from a fall before midnight.
    jumps = _jumps_back([sample.value for sample in samples[max(0, begin - SOON) :]])
    if not (jumps and falls):
        return Course(Shape.FELL if falls else Shape.RISES, *ends, falls, rose, restarted)
    before = tops_of([sample.value for sample in samples[: begin + 1]])
    tops = tops_of(counted[1:], before)
    least, together = max(0, tops[-1] - before[-1]), sum(separate_tops_of(counted[1:], before)) - sum(before)
    if 2 * jumps >= falls and _falls_to_known(counted, before) >= 2 * len(tops):
        return Course(Shape.ALTERNATES, *ends, falls, least, max(0, together - least))
    return Course(Shape.FELL, *ends, falls, least, max(together, rose + restarted) - least)


def tops_of(values: Iterable[int], known: Sequence[int] = ()) -> list[int]:
    """The last values of the fewest counters that can have shown these values and never went down, in ascending order.

    A value belongs to the counter with the nearest last value that is not above it, or to a new counter if all are
    above it. ``known`` are last values from before. The sum of the result is that of the real counters as soon as each
    process has answered after the last time that one counter overtook another.
    """
    tops = sorted(known)
    for value in values:
        nearest = bisect_right(tops, value) - 1
        if nearest < 0:
            tops.insert(0, value)
        else:
            tops[nearest] = value
    return tops


def separate_tops_of(values: Sequence[int], known: Sequence[int]) -> list[int]:
    """The last values of counters that keep each value until the last sample which shows it, in ascending order.

    ``tops_of`` may continue a counter by the values of another process, while its own process only did not answer for
    a while. Here a value that is shown again later stayed with its counter in between. The sum of the result is not
    below that of the real counters if each process has answered after the last change, and once more, in any order.
    """
    tops, last_shown = sorted(known), {value: number for number, value in enumerate(values)}
    for number, value in enumerate(values):
        below = reversed(tops[: bisect_right(tops, value)])
        free = next((top for top in below if top == value or last_shown.get(top, -1) < number), None)
        if free is not None:
            tops.remove(free)
        insort(tops, value)
    return tops


def _falls_to_known(values: Sequence[int], known: Sequence[int]) -> int:
    """Number of falls since a counter was last found, with the one that found it; none if one fall was to zero.

    An idle process beside a busy one shows zero as well, but so does every restart.
    """
    tops, falls = known, 0
    for before, after in pairwise(values):
        if after < before:
            if not after:
                return 0
            falls = falls + 1 if after >= tops[0] else 1
        tops = tops_of([after], tops)
    return falls


def _jumps_back(values: Sequence[int]) -> int:
    """Number of falls after which the counter is soon back at its old value, by one step of more than half the way."""
    falls = (n for n in range(1, len(values)) if values[n] < values[n - 1])
    return sum(_is_jump_back(values, n) for n in falls)


def _is_jump_back(values: Sequence[int], fall: int) -> bool:
    high, low = values[fall - 1], values[fall]
    for before, after in pairwise(values[fall : fall + SOON + 1]):
        if after >= high:
            return 2 * (before - low) < high - low
    return False
