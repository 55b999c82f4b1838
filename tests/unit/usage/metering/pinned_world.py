"""A measurement without a server: one process among others, its scrapes, and what the database knows of it."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from types import SimpleNamespace
from typing import Any, cast

from backend.clock import Window
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import NEAR_MS, Point, ScrapeHistory, history_of, milliseconds
from backend.usage.metering.meter import measure
from backend.usage.metering.source import Boundary, Shards, SharedReadings, Source
from backend.usage.metering.vectors import TargetReadings, TargetTable
from backend.usage.scanning.types import DayFindings
from backend.usage.types import DayMeasurement, Key, StoredClosings, Values

MIDNIGHT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
WINDOW = Window(start=MIDNIGHT, end=MIDNIGHT + timedelta(days=1))
DAY = date(2026, 11, 22)
STEP_MS = 300_000
LOOKBACK_H = 4
POD = "pod:1"


def at(hours: float) -> datetime:
    """An instant, in hours after the beginning of the window; whole milliseconds."""
    return MIDNIGHT + timedelta(milliseconds=round(hours * 3_600_000))


def hours_of(instant: datetime) -> float:
    """The same the other way round."""
    return round((instant - MIDNIGHT) / timedelta(hours=1), 2)


def key(name: str) -> Key:
    """A series of one tenant."""
    return ("acme", "gpt-4o", name)


@dataclass(frozen=True, kw_only=True)
class Scraped:
    """A target: the start times that it told, from when until when, and which series it shows when."""

    instance: str = POD
    job: str = "docuchat"
    runs: Sequence[tuple[float, float, float]]
    """Start time, first and last scrape of each run."""
    shows: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """From when until when each series is there."""
    borrowed: frozenset[str] = frozenset()
    tells_start: bool = True
    ahead: int = 0
    """How much more it shows of each series than others do."""

    @cached_property
    def samples(self) -> list[tuple[int, str]]:
        """Each scrape with the start time that it told, as Prometheus writes it."""
        return [
            (begin + number * STEP_MS, told)
            for start, first, last in self.runs
            for begin, told in [(milliseconds(at(first)), str(at(start).timestamp()))]
            for number in range(round((last - first) * 3_600_000 / STEP_MS) + 1)
        ]

    def times(self, since_ms: int, at_ms: int) -> list[int]:
        """The scrapes of a stretch, both ends included."""
        first, last = bisect_left(self.samples, (since_ms,)), bisect_left(self.samples, (at_ms + 1,))
        return [ms for ms, _ in self.samples[first:last]]

    def values(self, at_ms: int, since_ms: int) -> Values:
        """The last reading of each series at the last scrape of a stretch."""
        return self.within(self.times(since_ms, at_ms)[-1:])

    def within(self, times: Sequence[int]) -> Values:
        """The last reading of each series at some scrapes."""
        found: Values = {}
        for ms in times:
            hours = (ms - milliseconds(MIDNIGHT)) / 3_600_000
            shown = [name for name, (first, last) in self.shows.items() if first <= hours <= last]
            found |= {key(name): count_at(hours) + self.ahead for name in shown}
        return found


def count_at(hours: float) -> int:
    """A thousand an hour, for ever."""
    return 100_000 + round(hours * 1000)


class PinnedSource:
    """Answers as Prometheus would, from targets that are given."""

    def __init__(
        self, targets: Sequence[Scraped], *, is_alive: bool = True, has_odd_labels: bool = False
    ) -> None:
        self._targets, self._is_alive, self._has_odd_labels = targets, is_alive, has_odd_labels
        self.asked_for_counters: list[str] = []
        self.settings = SimpleNamespace(
            usage_lookback_s=LOOKBACK_H * 3600, usage_min_coverage=Decimal("0.95"), usage_selector=""
        )

    def instances(self, _span: Span) -> set[str]:
        return {target.instance for target in self._targets}

    def shared_readings(self, instances: set[str], wider: Span, window: Span) -> SharedReadings:
        matrix: list[dict[str, Any]] = []
        for target in self._targets:
            values = [
                (ms / 1000, told) for ms, told in target.samples if wider.start_ms <= ms <= wider.end_ms
            ]
            if values and target.tells_start:
                matrix.append({"metric": {"instance": target.instance, "job": target.job}, "values": values})
        history = history_of(matrix, is_wanted=instances.__contains__)
        silent = {target.instance for target in self._targets if not target.tells_start}
        opening, closing = (
            Boundary(
                {
                    index: self._told(history, index, at_ms, at_ms - NEAR_MS + 1)
                    for index in range(len(history.targets))
                },
                silent,
                sum(len(target.values(at_ms, at_ms - NEAR_MS + 1)) for target in self._targets),
            )
            for at_ms in window
        )
        return SharedReadings(
            history,
            TargetTable(history.targets),
            Shards([""], has_odd_labels=self._has_odd_labels),
            opening,
            closing,
        )

    def at_points(self, shared: SharedReadings, points: Sequence[Point]) -> list[TargetReadings]:
        return [
            self._told(
                shared.history, point.target, point.at_ms, max(point.since_ms, point.at_ms - NEAR_MS + 1)
            )
            for point in points
        ]

    def last_within(
        self, shared: SharedReadings, points: Sequence[Point], _tenants: object
    ) -> list[TargetReadings]:
        found = []
        for point in points:
            target = self._target(shared.history, point.target)
            found.append(TargetReadings(target.within(target.times(point.since_ms - 1, point.at_ms)), set()))
        return found

    def lowest_of_others(
        self, shared: SharedReadings, points: Sequence[Point], _tenants: object
    ) -> list[TargetReadings]:
        found = []
        for point in points:
            target = self._target(shared.history, point.target)
            lowest: Values = {}
            for ms in target.times(point.since_ms - 1, point.at_ms):
                lowest = {**target.within([ms]), **lowest}
            found.append(
                TargetReadings({one: n for one, n in lowest.items() if one[2] in target.borrowed}, set())
            )
        return found

    def with_counters(self, instances: Sequence[str], _span: Span) -> list[str]:
        self.asked_for_counters.extend(instances)
        return sorted({target.instance for target in self._targets if not target.tells_start} & {*instances})

    def without_start_time(self, instance: str, span: Span) -> tuple[Values, Values]:
        [target] = [one for one in self._targets if one.instance == instance]
        return target.values(span.start_ms, span.start_ms - LOOKBACK_H * 3_600_000), target.values(
            span.end_ms, span.start_ms + 1
        )

    def ups(
        self, _history: ScrapeHistory, instances: Sequence[str], span: Span, *, is_selected: bool = False
    ) -> dict[str, list[int]]:
        return {name: [span.start_ms + 6 * 3_600_000] for name in instances if is_selected}

    def is_alive_at(self, _at_ms: int) -> bool:
        return self._is_alive

    def _target(self, history: ScrapeHistory, index: int) -> Scraped:
        labels = history.targets[index].labels
        [found] = [
            one
            for one in self._targets
            if (one.instance, one.job) == (labels["instance"], labels["job"]) and one.tells_start
        ]
        return found

    def _told(self, history: ScrapeHistory, index: int, at_ms: int, since_ms: int) -> TargetReadings:
        target = self._target(history, index)
        values = target.values(at_ms, since_ms)
        return TargetReadings(values, {one for one in values if one[2] in target.borrowed})


def measured(
    targets: Sequence[Scraped],
    stored: Callable[[], StoredClosings],
    *,
    now_h: float = 28,
    findings: DayFindings | None = None,
    source: PinnedSource | None = None,
) -> DayMeasurement:
    """The day, some hours after its end or at another hour."""
    return measure(
        cast("Source", source or PinnedSource(targets)),
        DAY,
        WINDOW,
        now=at(now_h),
        stored=stored,
        findings=findings,
    )


def evidence(found: DayMeasurement, instance: str = POD) -> str:
    """Openings, closings and flags of all series of an address, on one line."""
    rows = {row[:3]: row for row in found.rows}
    told = []
    for one in sorted(found.readings):
        if one.instance != instance:
            continue
        row = rows[one[:3]]
        flags = "".join(f"!{flag}" for flag in row.flags) + ("!held" if row.held else "")
        told.append(
            f"{one.type}:{one.opening_source}={one.opening}@{hours_of(one.opened_at)}"
            f"..{one.closing}@{hours_of(one.closed_at)}~{row.unseen_estimate}{flags}"
        )
    return " ".join(told) or "nothing"
