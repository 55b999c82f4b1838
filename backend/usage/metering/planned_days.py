"""Days that were measured one after the other and not stored: a plan measures the next as if they were. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from backend.usage.metering.incarnations import EPOCH
from backend.usage.types import (
    DayMeasurement,
    EarlierClosing,
    LifeKey,
    MeterKey,
    StoredLife,
    StoredLives,
    Values,
)


@dataclass(slots=True)
class Unstored:
    """Measured days that are not stored, in the form of stored readings; only the last closings of each life."""

    days: set[date] = field(default_factory=set)
    last: DayMeasurement | None = None
    _lives: dict[LifeKey, tuple[date, StoredLife]] = field(default_factory=dict)
    _gone: dict[MeterKey, EarlierClosing] = field(default_factory=dict)
    """The last closings of meters that a later day of their life did not show."""

    def add(self, measured: DayMeasurement) -> None:
        """Remember a day; days come in order."""
        self.days.add(measured.day)
        self.last = measured
        for life, stored in closings_of(measured).items():
            day, before = self._lives.get(life, (measured.day, stored))
            for key in before.closings.keys() - stored.closings.keys():
                self._gone[*life, key] = EarlierClosing(day, before.closings[key], before.closed_at)
            self._lives[life] = (measured.day, stored)

    def closings(self, day: date) -> StoredLives:
        """The closing readings of the last day."""
        return {life: stored for life, (seen, stored) in self._lives.items() if seen == day}

    def last_days(self, wanted: Sequence[LifeKey], first: date) -> dict[LifeKey, tuple[date, StoredLife]]:
        """The last day, from one on, on which each of some lives has readings, with its closings."""
        found = {life: self._lives[life] for life in wanted if life in self._lives}
        return {life: told for life, told in found.items() if told[0] >= first}

    def earlier(self, wanted: Sequence[MeterKey], first: date) -> dict[MeterKey, EarlierClosing]:
        """The last closings, from a day on, of some meters."""
        found = {}
        for meter in wanted:
            instance, start, key = meter
            day, last = self._lives.get((instance, start), (first, None))
            if last is not None and key in last.closings:
                found[meter] = EarlierClosing(day, last.closings[key], last.closed_at)
            elif meter in self._gone:
                found[meter] = self._gone[meter]
        return {meter: told for meter, told in found.items() if told.day >= first}

    def was_stranger(self, instance: str, after: date) -> bool:
        """Whether an instance told no start time on a later day than that."""
        day, _ = self._lives.get((instance, EPOCH), (after, None))
        return day > after


def closings_of(measured: DayMeasurement) -> StoredLives:
    """The closing readings of a measurement, by life, as they are read back when it is stored."""
    values: dict[LifeKey, Values] = {}
    for reading in measured.readings:
        values.setdefault((reading.instance, reading.life_start), {})[reading[:3]] = reading.closing
    return {
        (life.instance, life.life_start): StoredLife(
            life.closed_at, values.get((life.instance, life.life_start), {})
        )
        for life in measured.lives
    }
