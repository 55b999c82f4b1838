"""Turns the vectors of Prometheus into readings by target. The inner loop of a night: it makes no object for a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from backend.clients.prometheus import whole
from backend.usage.metering.incarnations import Target
from backend.usage.types import Key, Values

NAME = "__name__"
MARK = "__incarnation"


class TargetReadings(NamedTuple):
    """Readings of one target. ``borrowed`` names those of counters whose own job exports no start time."""

    values: Values
    borrowed: set[Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelNames:
    """Names of the labels that we use. Job and replica only tell copies of one counter apart."""

    tenant: str
    replica: str
    model: str = "model"
    type: str = "type"

    @property
    def key(self) -> tuple[str, str, str]:
        """The labels that identify a billed series."""
        return (self.tenant, self.model, self.type)

    @property
    def ignored(self) -> frozenset[str]:
        """Labels by which two series are never told apart."""
        return frozenset({*self.key, "job", self.replica, NAME, MARK})


class _UnusualSeries:
    """Series with labels beyond those of the target and the bill. Of copies the highest counts; others add up."""

    def __init__(self, names: LabelNames) -> None:
        self._names = names
        self._found: dict[tuple[int, Key], dict[frozenset[tuple[str, str]], int]] = {}

    def add(self, target: int, labels: Mapping[str, str], known: Mapping[str, str], value: int) -> None:
        key = key_of(labels, self._names)
        ignored = self._names.ignored
        rest = frozenset((n, v) for n, v in labels.items() if n not in ignored and n not in known)
        apart = self._found.setdefault((target, key), {})
        apart[rest] = max(value, apart.get(rest, 0))

    def add_to(self, values: Mapping[int, Values]) -> None:
        for (target, key), apart in self._found.items():
            into = values[target]
            plain = frozenset[tuple[str, str]]()
            if key in into:
                apart[plain] = max(into[key], apart.get(plain, 0))
            into[key] = sum(apart.values())


def key_of(labels: Mapping[str, str], names: LabelNames) -> Key:
    """Tenant, model and type of a series. A missing label is empty."""
    return (labels.get(names.tenant, ""), labels.get(names.model, ""), labels.get(names.type, ""))


class TargetTable:
    """Finds the target of a counter by the labels that both have."""

    def __init__(self, targets: Sequence[Target]) -> None:
        """Index the targets by their labels."""
        self._targets = targets
        self._on_instance: dict[str, list[int]] = {}
        by_names: dict[tuple[str, ...], dict[Any, int]] = {}
        for index, target in enumerate(targets):
            self._on_instance.setdefault(target.instance, []).append(index)
            names = tuple(sorted(target.labels))
            if names:
                by_names.setdefault(names, {})[itemgetter(*names)(target.labels)] = index
        # The most labels first, because another target may have all labels of one and more. Sorted, so that the result
        # does not depend on the order of targets.
        self._groups = sorted(by_names.items(), key=lambda group: (-len(group[0]), group[0]))

    def values_by_target(
        self, vector: Sequence[Mapping[str, Any]], names: LabelNames
    ) -> tuple[dict[int, TargetReadings], set[str]]:
        """Readings of each target, and the instances of counters for which no target was found."""
        told = {index: TargetReadings({}, set()) for index in range(len(self._targets))}
        odd, unmatched = _UnusualSeries(names), set()
        rest = vector
        for label_names, table in self._groups:
            into = {labels: told[index].values for labels, index in table.items()}
            rest = _read_plain(rest, itemgetter(*label_names), len(label_names), into, names)
        for row in rest:
            labels = row["metric"]
            found = self.targets_of(labels, names)
            if not found:
                unmatched.add(labels.get("instance", ""))
            for index in found:
                odd.add(index, labels, self._targets[index].labels, whole(row["value"][1]))
                if not _is_own(labels, self._targets[index].labels):
                    told[index].borrowed.add(key_of(labels, names))
        odd.add_to({index: each.values for index, each in told.items()})
        return told, unmatched

    def targets_of(self, labels: Mapping[str, str], names: LabelNames) -> Sequence[int]:
        """The targets that scrape the process of a counter.

        That is the counter's own target. If one job scrapes the counters and another one the start times, it is every
        target that differs from the counter only in job and replica. If there is none, it is every target of the
        address.
        """
        own = self.own_target_of(labels)
        if own is not None:
            return [own]
        there = self._on_instance.get(labels.get("instance", ""), [])
        return [
            index for index in there if _agree(self._targets[index].labels, labels, names.ignored)
        ] or there

    def own_target_of(self, labels: Mapping[str, str]) -> int | None:
        """The target whose labels are all on the counter; None if there is none."""
        for names, table in self._groups:
            if all(name in labels for name in names):
                index = table.get(itemgetter(*names)(labels))
                if index is not None:
                    return index
        return None

    def is_alone(self, target: int) -> bool:
        """Whether the target is the only one of its address."""
        return len(self._on_instance[self._targets[target].instance]) == 1


def _is_own(labels: Mapping[str, str], target: Mapping[str, str]) -> bool:
    """Whether a counter has all labels of a target, with the same values."""
    return labels.items() >= target.items()


def _agree(target: Mapping[str, str], labels: Mapping[str, str], ignored: frozenset[str]) -> bool:
    return all(labels.get(name, value) == value for name, value in target.items() if name not in ignored)


def _read_plain(
    rows: Sequence[Mapping[str, Any]],
    target_of: Callable[[Mapping[str, str]], Any],
    target_labels: int,
    into: Mapping[Any, Values],
    names: LabelNames,
) -> list[Mapping[str, Any]]:
    """Read into ``into`` the rows with exactly the labels of a target and of the bill, and return the other rows."""
    key_of_row = itemgetter(*names.key)
    usual = target_labels + len(names.key) + (bool(rows) and NAME in rows[0]["metric"])
    others = []
    for row in rows:
        labels = row["metric"]
        try:
            found = into[target_of(labels)]
            key = key_of_row(labels)
            value = int(row["value"][1])
        except (KeyError, ValueError):
            others.append(row)
            continue
        if len(labels) != usual or key in found:
            others.append(row)
        else:
            found[key] = value
    return others


def values_by_mark(
    vector: Sequence[Mapping[str, Any]],
    targets: Mapping[int, Mapping[str, str]],
    names: LabelNames,
) -> dict[int, TargetReadings]:
    """Readings of each query in a batch. The label ``MARK`` of a row holds the number of its query."""
    told = {mark: TargetReadings({}, set()) for mark in targets}
    extra = len(names.key) + 1 + (bool(vector) and NAME in vector[0]["metric"])
    usual = {mark: len(labels) + extra for mark, labels in targets.items()}
    odd = _UnusualSeries(names)
    for row in vector:
        labels = row["metric"]
        mark, key, value = int(labels[MARK]), key_of(labels, names), whole(row["value"][1])
        values, borrowed = told[mark]
        is_own = _is_own(labels, targets[mark])
        if not is_own:
            borrowed.add(key)
        if is_own and len(labels) == usual[mark] and key not in values:
            values[key] = value
        else:
            odd.add(mark, labels, targets[mark], value)
    odd.add_to({mark: each.values for mark, each in told.items()})
    return told
