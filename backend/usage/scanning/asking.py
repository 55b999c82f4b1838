"""Queries of a scan: which series fell or vanished, of all processes at once; then the raw samples of those only."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from backend.clients.prometheus import instant_text, quoted
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import NEAR_MS, ScrapeHistory
from backend.usage.metering.promql import (
    LONGEST_QUERY_BYTES,
    any_of,
    groups_of,
    one_of,
    range_of,
    reach_of,
    selector,
)
from backend.usage.metering.source import LARGEST_BATCH, START_TIME, Source
from backend.usage.metering.vectors import TargetTable
from backend.usage.scanning.findings import findings_in
from backend.usage.scanning.incarnations import Incarnations, Stretch
from backend.usage.scanning.parts import part_matchers
from backend.usage.scanning.types import Finding

AskedFor = TypeVar("AskedFor")
Rows = Sequence[Mapping[str, Any]]

JOIN_BYTES = 10
"""Bytes around each query of a union: brackets, and the operator that joins them."""
RAW_TENANTS = 20
"""Tenants of one address whose raw samples one query fetches. A hundred series have half a million samples a day."""
LONGEST_PAUSE_S = 60.0


class ScanOutOfTime(Exception):
    """The deadline of a scan has passed; no query is run any more."""


@dataclass(slots=True)
class ScanPace:
    """Limits the scan to a share of the time: it waits after each query.

    ``share`` is above 0 and at most 1; with 1 it never waits.
    """

    share: float
    wait: Callable[[float], object] = time.sleep
    ends_at_s: float | None = None
    """The deadline as a monotonic instant: no query begins after it."""
    asked_s: float = field(default=0, init=False)
    """Seconds that all queries took, without the pauses."""

    def keep(self, ask: Callable[[], AskedFor]) -> AskedFor:
        """Run a query and wait, at most a minute. Returns the answer.

        Raises:
            ScanOutOfTime: the deadline has passed.
        """
        began = time.monotonic()
        if self.ends_at_s is not None and began >= self.ends_at_s:
            raise ScanOutOfTime
        try:
            return ask()
        finally:
            took_s = time.monotonic() - began
            self.asked_s += took_s
            if self.share < 1:
                self.wait(min(LONGEST_PAUSE_S, took_s * (1 / self.share - 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The window of a scan, and the incarnations in it and in the look-back before it. All parts share them."""

    source: Source
    span: Span
    table: TargetTable
    incarnations: Incarnations
    unknown_labels: Sequence[str] = ()
    """Labels of the counters that no target has and no bill knows: they tell the series of one meter apart."""
    pace: ScanPace

    @classmethod
    def of_window(cls, source: Source, span: Span, pace: ScanPace) -> "Scan":
        """Read the scrape history of a window.

        Raises:
            Unavailable: Prometheus failed, timed out, or answered only in part.
        """
        wider = Span(span.start_ms - source.settings.usage_lookback_s * 1000, span.end_ms)
        instances = pace.keep(lambda: source.instances(span))
        history = pace.keep(lambda: source.history(instances, wider)) if instances else ScrapeHistory([], [])
        counter = selector(source.settings.usage_metric, [source.settings.usage_selector])
        labels = (
            pace.keep(lambda: source.client.label_names(counter, span.start_ms, span.end_ms))
            if instances
            else ()
        )
        known = source.names.ignored.union({"instance"}, *(target.labels for target in history.targets))
        return cls(
            source=source,
            span=span,
            table=TargetTable(history.targets),
            incarnations=Incarnations(history, span),
            unknown_labels=sorted(set(labels) - known),
            pace=pace,
        )

    def series_at_end(self, matcher: str) -> int:
        """Number of series of a part at the end of the window."""
        counter = f"last_over_time({self._counter(matcher)}[{NEAR_MS}ms])"
        return _number(self._instant(f"count({counter})"))

    def findings(self, matcher: str) -> list[Finding]:
        """Find the series of a part that fell, alternated, or came and went within the window.

        Raises:
            Unavailable: Prometheus failed, timed out, or answered only in part.
        """
        suspects = self._suspects(matcher)
        found: list[Finding] = []
        for instance, keys in sorted(suspects.items()):
            tenants = sorted({tenant for tenant, *_ in keys})
            for start in range(0, len(tenants), RAW_TENANTS):
                rows = self._raw(instance, tenants[start : start + RAW_TENANTS])
                suspected = [row for row in rows if self._key(row) in keys]
                found += findings_in(suspected, self.table, self.source.names, self.incarnations, self.span)
        return sorted(found)

    def _suspects(self, matcher: str) -> dict[str, set[tuple[str, ...]]]:
        """The series that may have a finding, by address. At a shared address each process is asked for by itself,
        because a restart is no fall.
        """
        fell, found = set[str](), dict[str, set[tuple[str, ...]]]()
        by_process = {stretch.instance for stretch in self.incarnations.stretches()}
        for row in self._instant(f"resets({self._counter(matcher)}{self._reach()}) > 0"):
            instance = row["metric"].get("instance", "")
            fell.add(instance)
            if instance not in by_process or self.incarnations.is_single(instance):
                found.setdefault(instance, set()).add(self._key(row))
        siblings = self._instant(self._gone_siblings(matcher)) if self.unknown_labels else ()
        for row in chain(self._instant(self._gone(matcher)), siblings, self._by_stretch(matcher, fell)):
            found.setdefault(row["metric"].get("instance", ""), set()).add(self._key(row))
        return found

    def _gone(self, matcher: str) -> str:
        """A query for series in the window without a boundary sample, of processes that are alive at its end."""
        counter, near = self._counter(matcher), f"[{NEAR_MS}ms]"
        alive = f"last_over_time({selector(START_TIME, [self.source.settings.usage_selector])}{near})"
        length = f"[{self.span.end_ms - self.span.start_ms}ms]"
        return (
            f"(last_over_time({counter}{length}) unless last_over_time({counter}{near})"
            f" unless last_over_time({counter}{near} @ {instant_text(self.span.start_ms)}))"
            f" and on (instance) {alive}"
        )

    def _gone_siblings(self, matcher: str) -> str:
        """Series that are gone at the end of the window although another one of their meter is there.

        Both boundaries show the meter, and its sum may have risen all the same. Copies by job or target count as one.
        """
        counter, meter = self._counter(matcher), ("instance", *self.source.names.key)
        shown = range_of(self.span.start_ms - NEAR_MS + 1, self.span.end_ms)

        def by(labels: Sequence[str], reach: str) -> str:
            return f"group by ({', '.join(labels)}) (last_over_time({counter}{reach}))"

        each, near = (*meter, *self.unknown_labels), f"[{NEAR_MS}ms]"
        return f"({by(each, shown)} unless {by(each, near)}) and on ({', '.join(meter)}) {by(meter, near)}"

    def _by_stretch(self, matcher: str, fell: set[str]) -> Iterable[Mapping[str, Any]]:
        queries = (
            query for each in self.incarnations.stretches() for query in self._of_stretch(matcher, each, fell)
        )
        for group in groups_of(queries, 2 * LARGEST_BATCH, LONGEST_QUERY_BYTES, _joined_bytes):
            # Several queries may return the same series, and a union keeps it once.
            yield from self._instant(any_of(group))

    def _of_stretch(self, matcher: str, one: Stretch, fell: set[str]) -> Iterable[str]:
        """Queries for series that fell during one process incarnation, or vanished before its end."""
        counter = self._counter(matcher, f"instance={quoted(one.instance)}")
        if one.instance in fell and not self.incarnations.is_single(one.instance):
            yield f"(resets({counter}{range_of(one.first_ms, one.last_ms)}) > 0)"
        begin_ms = max(one.first_ms, self.span.start_ms + 1)
        if one.last_ms - NEAR_MS >= begin_ms:
            whole, near = range_of(begin_ms, one.last_ms), range_of(one.last_ms - NEAR_MS + 1, one.last_ms)
            yield f"(last_over_time({counter}{whole}) unless last_over_time({counter}{near}))"

    def _raw(self, instance: str, tenants: Sequence[str]) -> Rows:
        counter = self._counter(
            f"instance={quoted(instance)}", one_of(self.source.settings.usage_tenant_label, tenants)
        )
        return self.pace.keep(
            lambda: self.source.client.ranges(f"{counter}{self._reach()}", self.span.end_ms)
        )

    def _key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(row["metric"].get(name, "") for name in self.source.names.key)

    def _instant(self, query: str) -> Rows:
        return self.pace.keep(lambda: self.source.client.instant(query, self.span.end_ms))

    def _reach(self) -> str:
        return reach_of(self.span, self.source.settings.usage_lookback_s * 1000)

    def _counter(self, *more: str) -> str:
        settings = self.source.settings
        return selector(settings.usage_metric, [settings.usage_selector, *more])


def plan(source: Source, span: Span, pace: ScanPace) -> list[str]:
    """Matchers that split a scan into parts of about ``USAGE_SCAN_SERIES`` series.

    The number of series is estimated from the label values in the index, from above: counting the series would cost as
    much as scanning them.

    Raises:
        Unavailable: Prometheus failed, timed out, or answered only in part.
    """
    settings = source.settings
    counter = selector(settings.usage_metric, [settings.usage_selector])

    def values(label: str) -> list[str]:
        return pace.keep(lambda: source.client.label_values(label, counter, span.start_ms, span.end_ms))

    tenants, *others = (values(label) for label in (*source.names.key, source.names.replica, "instance"))
    bound = len(tenants)
    for labels in others:
        bound *= max(1, len(labels))
    return part_matchers(settings.usage_tenant_label, tenants, -(-bound // settings.usage_scan_series))


def _joined_bytes(query: str) -> int:
    return len(query.encode()) + JOIN_BYTES


def scrapes_of(source: Source, span: Span, pace: ScanPace) -> int:
    """Number of scrapes that Prometheus holds of the window and the look-back before it, by the samples of start times.

    Each scrape has one such sample. So a higher number on another day tells cheaply that more samples have come.

    Raises:
        Unavailable: Prometheus failed, timed out, or answered only in part.
    """
    started = selector(START_TIME, [source.settings.usage_selector])
    query = f"sum(count_over_time({started}{reach_of(span, source.settings.usage_lookback_s * 1000)}))"
    return _number(pace.keep(lambda: source.client.instant(query, span.end_ms)))


def _number(rows: Rows) -> int:
    # Each of several Prometheus servers answers with a row of its own.
    return sum(int(row["value"][1]) for row in rows)
