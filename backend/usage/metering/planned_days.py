"""Days that were measured one after the other and not stored: a plan measures the next as if they were. Pure."""

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
    """Measured days that are not stored, in the form of stored readings; only the last closings of each incarnation."""

    days: set[date] = field(default_factory=set)
    last: DayMeasurement | None = None
    _incarnations: dict[IncarnationKey, tuple[date, StoredIncarnation]] = field(default_factory=dict)
    _gone: dict[MeterKey, EarlierClosing] = field(default_factory=dict)
    """The last closings of meters that a later day of their incarnation did not show."""

    def add(self, measured: DayMeasurement) -> None:
        """Remember a day; days come in order."""
        self.days.add(measured.day)
        self.last = measured
        for incarnation, stored in closings_of(measured).items():
            day, before = self._incarnations.get(incarnation, (measured.day, stored))
            for key in before.closings.keys() - stored.closings.keys():
                self._gone[*incarnation, key] = EarlierClosing(day, before.closings[key], before.closed_at)
            self._incarnations[incarnation] = (measured.day, stored)

    def closings(self, day: date) -> StoredIncarnations:
        """The closing readings of the last day."""
        return {
            incarnation: stored for incarnation, (seen, stored) in self._incarnations.items() if seen == day
        }

    def last_days(
        self, wanted: Sequence[IncarnationKey], first: date
    ) -> dict[IncarnationKey, tuple[date, StoredIncarnation]]:
        """The last day, from one on, on which each of some incarnations has readings, with its closings."""
        found = {
            incarnation: self._incarnations[incarnation]
            for incarnation in wanted
            if incarnation in self._incarnations
        }
        return {incarnation: told for incarnation, told in found.items() if told[0] >= first}

    def earlier(self, wanted: Sequence[MeterKey], first: date) -> dict[MeterKey, EarlierClosing]:
        """The last closings, from a day on, of some meters."""
        found = {}
        for meter in wanted:
            instance, start, key = meter
            day, last = self._incarnations.get((instance, start), (first, None))
            if last is not None and key in last.closings:
                found[meter] = EarlierClosing(day, last.closings[key], last.closed_at)
            elif meter in self._gone:
                found[meter] = self._gone[meter]
        return {meter: told for meter, told in found.items() if told.day >= first}

    def told_no_start(self, instance: str, after: date) -> bool:
        """Whether an instance told no start time on a later day than that."""
        day, _ = self._incarnations.get((instance, EPOCH), (after, None))
        return day > after


def closings_of(measured: DayMeasurement) -> StoredIncarnations:
    """The closing readings of a measurement, by incarnation, as they are read back when it is stored."""
    values: dict[IncarnationKey, Values] = {}
    for reading in measured.readings:
        values.setdefault((reading.instance, reading.incarnation_start), {})[reading[:3]] = reading.closing
    return {
        (incarnation.instance, incarnation.incarnation_start): StoredIncarnation(
            incarnation.closed_at, values.get((incarnation.instance, incarnation.incarnation_start), {})
        )
        for incarnation in measured.incarnations
    }
