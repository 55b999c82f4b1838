"""Queries Prometheus for the readings of meters: by few instant queries, and never for raw samples of counters."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from backend.clients.prometheus import instant_text, quoted
from backend.clients.prometheus_servers import PrometheusClient
from backend.config import UsageSettings
from backend.threads import side_by_side
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import NEAR_MS, Point, ScrapeHistory, history_of
from backend.usage.metering.labels import LONGEST_TENANT_BYTES, is_storable
from backend.usage.metering.promql import (
    AROUND_BYTES,
    LONGEST_QUERY_BYTES,
    any_of,
    groups_of,
    one_of,
    reach,
    selector,
)
from backend.usage.metering.shards import shard_matchers
from backend.usage.metering.vectors import MARK, LabelNames, TargetReadings, TargetTable, values_by_mark
from backend.usage.types import Values

AT_ONCE = 2
"""Queries at a time."""
LARGEST_BATCH = 50
"""Scrapes, or addresses, that one query asks for."""
# For more instances than this, a matcher costs Prometheus more than reading the start times of all programs.
NAMED_INSTANCES = 200
NAMED_TENANTS = 200
START_TIME = "process_start_time_seconds"

Fetched = TypeVar("Fetched")
Vector = Sequence[Mapping[str, Any]]
RowFilter = Callable[[Vector, Mapping[int, int]], Vector]
"""Selects rows of an answer. The mapping holds the number of the target that each query of the batch asks about."""


class Boundary(NamedTuple):
    """Boundary samples: the last readings of all incarnations at or before one instant."""

    by_target: dict[int, TargetReadings]
    unmatched: set[str]
    """Instances of counters without a target."""
    series: int = 0
    """Number of series in the answer, also of those that are no meter of their own."""


class SharedReadings(NamedTuple):
    """The answers of the boundary queries, which read all incarnations, and the shards by which they were asked."""

    history: ScrapeHistory
    table: TargetTable
    shards: "Shards"
    opening: Boundary
    closing: Boundary


class Shards(NamedTuple):
    """Matchers that split the series, and whether any of their labels must be shortened before it is stored."""

    matchers: list[str]
    has_odd_labels: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Reads the billed counters of a Prometheus, by a selector, and optionally of a single tenant."""

    client: PrometheusClient
    settings: UsageSettings
    tenant: str | None = None

    @property
    def names(self) -> LabelNames:
        """Names of the labels that we use."""
        return LabelNames(tenant=self.settings.usage_tenant_label, replica=self.settings.usage_replica_label)

    def instances(self, span: Span) -> set[str]:
        """The instances that may have such a counter, of any tenant, in the window or within the look-back before it.

        Also for one tenant the instances of all tenants are read, so that its usage is the same in both measurements.
        """
        counter = selector(self.settings.usage_metric, [self.settings.usage_selector])
        start_ms = span.start_ms - self.settings.usage_lookback_s * 1000
        return set(self.client.label_values("instance", counter, start_ms, span.end_ms))

    def shared_readings(self, instances: set[str], wider: Span, window: Span) -> SharedReadings:
        """The scrape history over ``wider``, and the boundary samples of all incarnations at both ends of ``window``.

        The queries run at the same time. The boundary samples are sorted by target when the history has come.
        """
        if not instances:
            nothing = Boundary({}, set())
            return SharedReadings(
                ScrapeHistory([], []), TargetTable([]), Shards([""], has_odd_labels=False), nothing, nothing
            )
        with side_by_side(self._history_and_table, instances, wider) as answer:
            shards = self.shards(window, len(instances))
            instants = (window.start_ms, window.end_ms)
            opening, closing = self.boundaries(lambda: answer()[1], shards.matchers, instants)
            history, table = answer()
            return SharedReadings(history, table, shards, opening, closing)

    def _history_and_table(self, instances: set[str], span: Span) -> tuple[ScrapeHistory, TargetTable]:
        history = self.history(instances, span)
        return history, TargetTable(history.targets)

    def shards(self, span: Span, instances: int) -> Shards:
        """Matchers that split the series into shards of ``USAGE_SHARD_SERIES``; one empty matcher if one shard will do.

        The shards cover every series, also of tenants that appear meanwhile. The number of series is estimated from the
        label values in the index, from above: counting the series would cost as much as reading them.
        """
        if self.tenant is not None:
            return Shards([""], has_odd_labels=True)
        tenants, models, types, replicas = (
            self.client.label_values(label, self._counter(), span.start_ms, span.end_ms)
            for label in (*self.names.key, self.names.replica)
        )
        bound = len(tenants) * instances
        for labels in (models, types, replicas):
            bound *= max(1, len(labels))
        parts = -(-bound // self.settings.usage_shard_series)
        are_storable = all(map(is_storable, chain(models, types))) and all(
            is_storable(tenant, LONGEST_TENANT_BYTES) for tenant in tenants
        )
        matchers = shard_matchers(self.names.tenant, tenants, parts) if parts > 1 else [""]
        return Shards(matchers, has_odd_labels=not are_storable)

    def history(self, instances: set[str], span: Span) -> ScrapeHistory:
        """The scrape history of some instances, from the raw samples of the start times."""
        matchers = [self.settings.usage_selector]
        if len(self._instance_groups(sorted(instances))) <= 1:
            matchers.append(one_of("instance", sorted(instances)))
        query = f"{selector(START_TIME, matchers)}[{span.end_ms - span.start_ms + 1}ms]"
        matrix = self.client.ranges(query, span.end_ms)
        return history_of(matrix, is_wanted=lambda instance: instance in instances)

    def boundaries(
        self, table: Callable[[], TargetTable], shards: Sequence[str], instants: Sequence[int]
    ) -> list[Boundary]:
        """The boundary samples of all incarnations at each of some instants."""
        asked = [(at_ms, shard) for at_ms in instants for shard in shards]

        def read(one: tuple[int, str]) -> Boundary:
            at_ms, shard = one
            vector = self.client.instant(f"last_over_time({self._counter(shard)}[{NEAR_MS}ms])", at_ms)
            return Boundary(*table().values_by_target(vector, self.names), len(vector))

        parts = _side_by_side(read, asked)
        width = len(shards)
        return [_joined(parts[start : start + width]) for start in range(0, len(parts), width)]

    def at_points(self, shared: SharedReadings, points: Sequence[Point]) -> list[TargetReadings]:
        """For each point, the readings of its incarnation at that scrape."""

        def reading(counter: str, point: Point) -> str:
            return f"last_over_time({counter}{reach(point, NEAR_MS)})"

        return self._readings_at(
            shared, points, shared.shards.matchers, reading, self._of_own_targets(shared)
        )

    def last_within(
        self, shared: SharedReadings, points: Sequence[Point], tenants: Sequence[str]
    ) -> list[TargetReadings]:
        """For each point, the last readings of its incarnation since ``since_ms``, of some tenants."""

        def reading(counter: str, point: Point) -> str:
            return f"last_over_time({counter}{reach(point)})"

        return self._readings_at(
            shared, points, self._tenant_matchers(tenants), reading, self._of_own_targets(shared)
        )

    def lowest_of_others(
        self, shared: SharedReadings, points: Sequence[Point], tenants: Sequence[str]
    ) -> list[TargetReadings]:
        """For each point, the lowest readings since ``since_ms`` of counters whose own job exports no start time."""

        def reading(counter: str, point: Point) -> str:
            return f"min_over_time({counter}{reach(point)})"

        def others(vector: Vector, asked: Mapping[int, int]) -> Vector:
            rest = [row for row in vector if shared.table.own_target_of(row["metric"]) is None]
            return self._rows_of(rest, shared.table, asked)

        return self._readings_at(shared, points, self._tenant_matchers(tenants), reading, others)

    def _readings_at(
        self,
        shared: SharedReadings,
        points: Sequence[Point],
        matchers: Sequence[str],
        reading: Callable[[str, Point], str],
        wanted: RowFilter,
    ) -> list[TargetReadings]:
        """The readings at each point, from the rows that ``wanted`` selects. One query asks for many points."""

        def read(batch: tuple[str, range]) -> dict[int, TargetReadings]:
            matcher, marks = batch
            targets = {mark: shared.history.targets[points[mark].target] for mark in marks}
            # Another job may scrape the counters than the start time, so all counters of the address are asked for.
            counters = {
                mark: self._counter(matcher, f"instance={quoted(target.instance)}")
                for mark, target in targets.items()
            }
            parts = [
                f'label_replace({reading(counters[mark], points[mark])}, "{MARK}", "{mark}", "", "")'
                for mark in marks
            ]
            vector = self.client.instant(any_of(parts), points[marks[-1]].at_ms)
            rows = wanted(vector, {mark: points[mark].target for mark in marks})
            return values_by_mark(rows, {mark: target.labels for mark, target in targets.items()}, self.names)

        found = [TargetReadings({}, set()) for _ in points]
        for answer in _side_by_side(read, self._batches(shared, points, matchers)):
            for mark, readings in answer.items():
                _merge(readings, found[mark])
        return found

    def _batches(
        self, shared: SharedReadings, points: Sequence[Point], matchers: Sequence[str]
    ) -> list[tuple[str, range]]:
        """A matcher and the numbers of the points for each query, as many points as fit into one."""
        fitting = LONGEST_QUERY_BYTES // self._longest_part_bytes(shared, points, matchers)
        size = max(1, min(LARGEST_BATCH // max(1, len(matchers)), fitting))
        return [
            (matcher, range(start, min(start + size, len(points))))
            for start in range(0, len(points), size)
            for matcher in matchers
        ]

    def _longest_part_bytes(
        self, shared: SharedReadings, points: Sequence[Point], matchers: Sequence[str]
    ) -> int:
        instances = {shared.history.targets[point.target].instance for point in points}
        longest = [max(texts, key=len, default="") for texts in (matchers, instances)]
        counter = self._counter(longest[0], f"instance={quoted(longest[1])}")
        return len(counter.encode()) + AROUND_BYTES

    def _instance_groups(self, instances: Sequence[str]) -> list[list[str]]:
        around = len(self._counter().encode()) + AROUND_BYTES
        return groups_of(instances, NAMED_INSTANCES, max(1, LONGEST_QUERY_BYTES - around))

    def _tenant_matchers(self, tenants: Sequence[str]) -> list[str]:
        # A query asks about several incarnations, and names these tenants for each.
        groups = groups_of(tenants, NAMED_TENANTS, LONGEST_QUERY_BYTES // 4)
        return [one_of(self.names.tenant, group) for group in groups]

    def _of_own_targets(self, shared: SharedReadings) -> RowFilter:
        """A filter for the rows of the targets that the queries ask about, where several targets share an address."""

        def own(vector: Vector, asked: Mapping[int, int]) -> Vector:
            crowded = {mark: target for mark, target in asked.items() if not shared.table.is_alone(target)}
            return self._rows_of(vector, shared.table, crowded) if crowded else vector

        return own

    def _rows_of(self, vector: Vector, table: TargetTable, asked: Mapping[int, int]) -> Vector:
        """The rows of the target that their query asks about, and all rows of queries that are not in ``asked``."""
        names = self.names
        return [
            row
            for row in vector
            if (target := asked.get(int(row["metric"][MARK]))) is None
            or target in table.targets_of(row["metric"], names)
        ]

    def with_counters(self, instances: Sequence[str], span: Span) -> list[str]:
        """The given instances that have a counter in the window; the index only tells that they may have one."""
        found: set[str] = set()
        for group in self._instance_groups(instances):
            counter = self._counter(one_of("instance", group))
            window = f"[{span.end_ms - span.start_ms}ms]"
            vector = self.client.instant(
                f"count by (instance) (last_over_time({counter}{window}))", span.end_ms
            )
            found.update(row["metric"].get("instance", "") for row in vector)
        return sorted(found)

    def without_start_time(self, instance: str, span: Span) -> tuple[Values, Values]:
        """Opening and closing readings of an instance without a start time.

        The opening is the last sample before the window, or the lowest one in it, if a restart made that lower. So the
        difference is never above what the counters really rose.
        """
        counter = self._counter(f"instance={quoted(instance)}")
        window = f"[{span.end_ms - span.start_ms}ms]"
        lookback = f"[{self.settings.usage_lookback_s}s] @ {instant_text(span.start_ms)}"
        lowest, last, before = (
            self._of_all(f"{question})", instance, span.end_ms)
            for question in (
                f"min_over_time({counter}{window}",
                f"last_over_time({counter}{window}",
                f"last_over_time({counter}{lookback}",
            )
        )
        return {key: min(value, before.get(key, value)) for key, value in lowest.items()}, last

    def ups(
        self, history: ScrapeHistory, instances: Sequence[str], span: Span, *, is_selected: bool = False
    ) -> dict[str, list[int]]:
        """Times in milliseconds at which Prometheus tried to scrape some instances, successful or not, in order.

        ``is_selected`` applies the selector of the counters to ``up``, too.
        """
        matchers = [self.settings.usage_selector] if is_selected else []
        targets: dict[str, list[Mapping[str, str]]] = {}
        for target in history.targets:
            targets.setdefault(target.instance, []).append(target.labels)
        found: dict[str, set[int]] = {}
        for start in range(0, len(instances), LARGEST_BATCH):
            asked = selector("up", [*matchers, one_of("instance", instances[start : start + LARGEST_BATCH])])
            for series in self.client.ranges(f"{asked}[{span.end_ms - span.start_ms + 1}ms]", span.end_ms):
                labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
                instance = labels.get("instance", "")
                # Meanwhile the address may have belonged to another program, with other labels.
                known = targets.get(instance, [])
                if not known or any(_agree(labels, each) for each in known):
                    found.setdefault(instance, set()).update(round(at * 1000) for at, _ in series["values"])
        return {instance: sorted(times) for instance, times in found.items()}

    def is_alive_at(self, at_ms: int) -> bool:
        """Whether Prometheus scraped anything in the five minutes before an instant."""
        return bool(self.client.instant("count(up)", at_ms))

    def _of_all(self, query: str, instance: str, at_ms: int) -> Values:
        vector = self.client.instant(f'label_replace({query}, "{MARK}", "0", "", "")', at_ms)
        return values_by_mark(vector, {0: {"instance": instance}}, self.names)[0].values

    def _counter(self, *more: str) -> str:
        matchers = [self.settings.usage_selector, *more]
        if self.tenant is not None:
            matchers.append(f"{self.settings.usage_tenant_label}={quoted(self.tenant)}")
        return selector(self.settings.usage_metric, matchers)


def _agree(some: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether no label has different values on both."""
    return all(others.get(name, value) == value for name, value in some.items())


def _joined(parts: Sequence[Boundary]) -> Boundary:
    first = parts[0]
    for part in parts[1:]:
        for target, told in part.by_target.items():
            _merge(told, first.by_target[target])
        first.unmatched.update(part.unmatched)
    return first._replace(series=sum(part.series for part in parts))


def _merge(told: TargetReadings, into: TargetReadings) -> None:
    into.values.update(told.values)
    into.borrowed.update(told.borrowed)


def _side_by_side(read: Callable[[Any], Fetched], asked: Sequence[Any]) -> list[Fetched]:
    if len(asked) <= 1:
        return [read(one) for one in asked]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [task.result() for task in [threads.submit(copy_context().run, read, one) for one in asked]]
