"""Planned days: measured in order, not stored. A plan measures a day as if the days before it were stored. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from backend.usage.metering.incarnations import EPOCH
from backend.usage.types import (
    DayMeasurement,
    EarlierClosing,
    IncarnationKey,
    MeterKey,
    StoredIncarnation,
    StoredIncarnations,
    Values,
)


@dataclass(slots=True)
class PlannedDays:
    """The closing readings of planned days, in the form of stored readings. Keeps the last ones of each meter."""

    days: set[date] = field(default_factory=set)
    last: DayMeasurement | None = None
    _incarnations: dict[IncarnationKey, tuple[date, StoredIncarnation]] = field(default_factory=dict)
    _gone: dict[MeterKey, EarlierClosing] = field(default_factory=dict)
    """The last closing readings of meters that have no reading on the last day of their incarnation."""

    def add(self, measured: DayMeasurement) -> None:
        """Add a measured day. Days must be added in order."""
        self.days.add(measured.day)
        self.last = measured
        for incarnation, stored in closings_of(measured).items():
            day, before = self._incarnations.get(incarnation, (measured.day, stored))
            for key in before.closings.keys() - stored.closings.keys():
                self._gone[*incarnation, key] = EarlierClosing(day, before.closings[key], before.closed_at)
            self._incarnations[incarnation] = (measured.day, stored)

    def closings(self, day: date) -> StoredIncarnations:
        """The closing readings of the incarnations whose last day is this one."""
        return {
            incarnation: stored for incarnation, (last, stored) in self._incarnations.items() if last == day
        }

    def last_days(
        self, wanted: Sequence[IncarnationKey], first: date
    ) -> dict[IncarnationKey, tuple[date, StoredIncarnation]]:
        """The last day with readings of each wanted incarnation, not before ``first``, and its closings."""
        found = {
            incarnation: self._incarnations[incarnation]
            for incarnation in wanted
            if incarnation in self._incarnations
        }
        return {incarnation: last for incarnation, last in found.items() if last[0] >= first}

    def earlier(self, wanted: Sequence[MeterKey], first: date) -> dict[MeterKey, EarlierClosing]:
        """The last closing reading of each wanted meter, not before ``first``. Meters without one are left out."""
        found = {}
        for meter in wanted:
            instance, start, key = meter
            day, last = self._incarnations.get((instance, start), (first, None))
            if last is not None and key in last.closings:
                found[meter] = EarlierClosing(day, last.closings[key], last.closed_at)
            elif meter in self._gone:
                found[meter] = self._gone[meter]
        return {meter: closing for meter, closing in found.items() if closing.day >= first}

    def told_no_start(self, instance: str, after: date) -> bool:
        """Whether an instance had counters without a start time on a day after ``after``."""
        day, _ = self._incarnations.get((instance, EPOCH), (after, None))
        return day > after


def closings_of(measured: DayMeasurement) -> StoredIncarnations:
    """The closing readings of a measurement by incarnation, in the form in which the repository reads them back."""
    values: dict[IncarnationKey, Values] = {}
    for reading in measured.readings:
        values.setdefault((reading.instance, reading.incarnation_start), {})[reading[:3]] = reading.closing
    return {
        (incarnation.instance, incarnation.incarnation_start): StoredIncarnation(
            incarnation.closed_at, values.get((incarnation.instance, incarnation.incarnation_start), {})
        )
        for incarnation in measured.incarnations
    }
