"""Assigns the samples of a series to the process incarnations that had its address one after the other. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import (
    NEAR_MS,
    Incarnation,
    Run,
    ScrapeHistory,
    Target,
    is_in_boundary_vector,
)
from backend.usage.scanning.rules import CounterSample

MANY_RUNS = 20
"""More runs than this at one target are two alternating processes, whose runs are not asked for one by one."""


class Stretch(NamedTuple):
    """A run of scrapes of one incarnation by one target, in the window or its look-back: first and last scrape."""

    instance: str
    first_ms: int
    last_ms: int


class Incarnations:
    """The process incarnations of each address within a window."""

    def __init__(self, history: ScrapeHistory, span: Span) -> None:
        """Sort the scrape history by address. Scrapes after the end of the window are left out."""
        self._targets = history.targets
        self._span = span
        self._incarnations: dict[str, list[Incarnation]] = {}
        for incarnation in history.incarnations:
            if incarnation.times[0] <= span.end_ms:
                self._incarnations.setdefault(incarnation.instance, []).append(incarnation)
        self._runs = [_until(target, span.end_ms) for target in history.targets]

    def labels_of(self, target: int) -> Mapping[str, str]:
        """The labels of a target."""
        return self._targets[target].labels

    def is_single(self, instance: str) -> bool:
        """Whether at most one incarnation had the address."""
        return len(self._incarnations.get(instance, ())) <= 1

    def is_read_at_end(self, target: int) -> bool:
        """Whether the boundary query at the end of the window reads exactly the last incarnation of this target."""
        runs, end_ms = self._runs[target], self._span.end_ms
        return bool(runs) and is_in_boundary_vector(self._targets[target], runs[-1].times[-1], end_ms)

    def stretches(self) -> list[Stretch]:
        """Stretches that need queries of their own: at shared addresses, and at targets that are gone at the end."""
        return [
            Stretch(self._targets[index].instance, run.times[0], run.times[-1])
            for index, runs in enumerate(self._runs)
            if len(runs) <= MANY_RUNS
            and not (self.is_single(self._targets[index].instance) and self.is_read_at_end(index))
            for run in runs
            if run.times[-1] > self._span.start_ms
        ]

    def by_start(
        self, samples: Sequence[CounterSample], target: int | None, instance: str
    ) -> Mapping[int, list[CounterSample]]:
        """The samples of a series by the start time, in microseconds, of their incarnation; by 0 without a start time.

        A sample belongs to the incarnation whose start time the same scrape shows. If another job scrapes the start
        times, it belongs to the newest incarnation that had started.
        """
        incarnations = self._incarnations.get(instance)
        if not incarnations:
            return {0: list(samples)}
        if len(incarnations) == 1:
            return {incarnations[0].start_us: list(samples)}
        found: dict[int, list[CounterSample]] = {}
        starts = self._starts_of(target) if target is not None else {}
        for sample in samples:
            start = starts.get(sample.at_ms)
            found.setdefault(_newest(incarnations, sample.at_ms) if start is None else start, []).append(
                sample
            )
        return found

    def is_read(self, samples: Sequence[CounterSample], target: int | None, start_us: int) -> bool:
        """Whether a series of an incarnation has a boundary sample, at the start or at the end of the window."""
        if target is None:
            return False
        return any(
            _has_sample(samples, at_ms - NEAR_MS, at_ms)
            for boundary_ms in (self._span.start_ms, self._span.end_ms)
            if (at_ms := self._read_at(target, start_us, boundary_ms)) is not None
        )

    def is_read_last(self, samples: Sequence[CounterSample], target: int | None, start_us: int) -> bool:
        """Whether a series of a process has a sample where the process is read at the end."""
        at_ms = None if target is None else self._read_at(target, start_us, self._span.end_ms)
        return at_ms is not None and _has_sample(samples, at_ms - NEAR_MS, at_ms)

    def _read_at(self, target: int, start_us: int, boundary_ms: int) -> int | None:
        for run in reversed(self._runs[target]):
            if run.start_us == start_us and run.times[0] <= boundary_ms:
                seen_ms = run.times[bisect_right(run.times, boundary_ms) - 1]
                return (
                    boundary_ms
                    if is_in_boundary_vector(self._targets[target], seen_ms, boundary_ms)
                    else seen_ms
                )
        return None

    def _starts_of(self, target: int) -> Mapping[int, int]:
        return {at_ms: run.start_us for run in self._runs[target] for at_ms in run.times}


def _until(target: Target, end_ms: int) -> list[Run]:
    runs = [run._replace(times=run.times[: bisect_right(run.times, end_ms)]) for run in target.runs]
    return [run for run in runs if run.times]


def _newest(incarnations: Sequence[Incarnation], at_ms: int) -> int:
    begun = (one.start_us for one in reversed(incarnations) if one.begin_ms <= at_ms)
    return next(begun, incarnations[0].start_us)


def _has_sample(samples: Sequence[CounterSample], after_ms: int, until_ms: int) -> bool:
    index = bisect_right(samples, until_ms, key=lambda sample: sample.at_ms)
    return index > 0 and samples[index - 1].at_ms > after_ms
