"""Computes coverage: the share of the living time of processes that was scraped. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from statistics import median_low
from typing import NamedTuple

from backend.usage.metering.incarnations import Incarnation, ScrapeHistory

# Of a process that was scraped once, the scrape interval is not known.
UNKNOWN_INTERVAL_MS = 60_000
NEIGHBOURS = 10
"""Scrapes on each side of a gap that tell the scrape interval around it."""
# After so long without any scrape, Prometheus is asked whether it was running.
SILENCE_MS = 300_000
FOR_EVER_MS = 10**15
"""End of an incarnation that has not ended."""
STEP = Decimal("0.00001")


class Span(NamedTuple):
    """A window (start, end] in milliseconds since 1970."""

    start_ms: int
    end_ms: int


class ObservedTime(NamedTuple):
    """Living time of an incarnation within a window, and how much of it was not scraped. In milliseconds."""

    living_ms: int
    unseen_ms: int
    gap_across_boundary: bool
    ended_ms: int | None
    """Time of its last scrape, if the incarnation ended within the window."""
    tail_ms: int
    """How long it may have run after that scrape."""


def observation_in(incarnation: Incarnation, span: Span, watched_until_ms: int) -> ObservedTime:
    """The living time of an incarnation in a window, and how much of it is unseen.

    Unseen is what exceeds two scrape intervals in a gap between scrapes.

    An incarnation ends where the next one at its address starts, or earlier, where Prometheus dropped the address.
    Without a next one it ended at its last scrape if Prometheus scraped anything after that (``watched_until_ms``);
    else it counts as alive and unseen.
    """
    interval = _interval_ms(incarnation)
    end = _end_ms(incarnation, interval, watched_until_ms)
    living = Span(max(span.start_ms, incarnation.begin_ms), min(span.end_ms, end))
    unseen, across = 0, False
    for begin, finish in _long_gaps(incarnation, living, 2 * interval):
        usual = _usual_ms(incarnation, begin, interval)
        if 2 * (finish - begin) > 5 * usual:
            across |= begin < span.start_ms < finish or begin < span.end_ms < finish
        clipped = min(finish, living.end_ms) - max(begin, living.start_ms)
        unseen += max(0, clipped - 2 * usual)
    last = incarnation.times[-1]
    ended = last if last <= span.end_ms and end < FOR_EVER_MS else None
    tail = 0 if ended is None else max(0, _tail_end_ms(incarnation, ended, interval) - ended)
    return ObservedTime(max(0, living.end_ms - living.start_ms), unseen, across, ended, tail)


def coverage_of(seen: Sequence[ObservedTime]) -> Decimal:
    """The scraped share of the living time of some incarnations: from 0 to 1, rounded down to five decimals."""
    living = sum(one.living_ms for one in seen)
    unseen = sum(one.unseen_ms for one in seen)
    if living == 0:
        return Decimal(1).quantize(STEP)
    return (1 - Decimal(min(unseen, living)) / living).quantize(STEP, ROUND_DOWN)


def watched_until(history: ScrapeHistory, span: Span, *, is_alive_at_end: bool) -> int:
    """The last time, in milliseconds, at which Prometheus certainly scraped something."""
    last = history.last_ms or span.start_ms
    return max(last, span.end_ms) if is_alive_at_end else last


def known_until(incarnation: Incarnation, ups: Sequence[int]) -> int | None:
    """Last time when Prometheus still tried to scrape the address of an incarnation after its last successful scrape.

    ``ups`` are the times of all tries, in milliseconds and in order. None if no other incarnation took the address, if
    Prometheus tried without a break until the next one started, and if there are no tries to judge by.
    """
    last = incarnation.times[-1]
    if incarnation.successor_ms is None:
        return None
    index = bisect_right(ups, last)
    if index == 0 or ups[index - 1] < last - SILENCE_MS:
        return None
    tried = last
    for at in ups[index:]:
        if at - tried > SILENCE_MS:
            break
        tried = at
    return tried if incarnation.successor_ms - tried > SILENCE_MS else None


def _tail_end_ms(incarnation: Incarnation, ended: int, interval: int) -> int:
    if incarnation.gone_ms is not None:
        return incarnation.gone_ms + interval
    return incarnation.successor_ms or ended + interval


def _end_ms(incarnation: Incarnation, interval: int, watched_until_ms: int) -> int:
    last = incarnation.times[-1]
    if incarnation.gone_ms is not None:
        return max(last, incarnation.gone_ms)
    if incarnation.successor_ms is not None:
        return max(last, incarnation.successor_ms)
    return last if watched_until_ms > last + 2 * interval else FOR_EVER_MS


def _interval_ms(incarnation: Incarnation) -> int:
    """The scrape interval of an incarnation: the median of each run of scrapes by one target; the shortest of them."""
    medians = [
        median_low([later - earlier for earlier, later in pairwise(run.times)])
        for copy in incarnation.copies
        for run in copy.runs
        if len(run.times) > 1
    ]
    return min(medians, default=UNKNOWN_INTERVAL_MS)


def _usual_ms(incarnation: Incarnation, begin: int, interval: int) -> int:
    """The scrape interval around a gap: longer than the incarnation's if the setting changed while it ran."""
    index = bisect_left(incarnation.times, begin)
    near = incarnation.times[max(0, index - NEIGHBOURS) : index + NEIGHBOURS + 2]
    steps = [later - earlier for earlier, later in pairwise(near)]
    return max(interval, median_low(steps)) if len(steps) >= NEIGHBOURS else interval


def _long_gaps(incarnation: Incarnation, living: Span, longer_than: int) -> list[tuple[int, int]]:
    """Every gap longer than ``longer_than`` that touches the living time, also its part beyond a boundary."""
    first, last = (
        bisect_right(incarnation.times, living.start_ms),
        bisect_left(incarnation.times, living.end_ms),
    )
    touched = incarnation.times[max(0, first - 1) : last + 1]
    if first == 0:
        touched.insert(0, living.start_ms)
    if last == len(incarnation.times):
        touched.append(living.end_ms)
    return [(begin, finish) for begin, finish in pairwise(touched) if finish - begin > longer_than]
