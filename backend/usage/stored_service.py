"""Reads what is stored around a day, for a measurement of that day. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from backend.clock import Window
from backend.db.engine import read
from backend.usage import repository
from backend.usage.metering.planned_days import PlannedDays
from backend.usage.types import EarlierClosing, IncarnationKey, MeterKey, StoredClosings, StoredIncarnations

# Longer than Prometheus keeps samples by default. An incarnation without samples needs no opening reading.
REMEMBERED_DAYS = 35
DAY = timedelta(days=1)


def window_beside(window: Window, day: date, after: PlannedDays) -> Window:
    """The window (start, end] of a day, moved to the ends of the windows that are stored for the days beside it."""
    with read():
        before = repository.window_of(day - DAY)
        following = repository.window_of(day + DAY)
    if before is None and after.last is not None and after.last.day == day - DAY:
        before = after.last.window
    start = before.end if before else window.start
    end = following.start if following else window.end
    return Window(start=start, end=end) if start < end else window


def stored_beside(day: date, tenant: str | None, after: PlannedDays) -> StoredClosings:
    """Stored readings around a day, of one tenant's series or of all. The planned days ``after`` count as stored."""
    yesterday, tomorrow = day - DAY, day + DAY
    memory = _EarlierDays(until=yesterday, tenant=tenant, after=after)
    with read():
        days = repository.measured_days(yesterday, tomorrow)
        if yesterday in after.days:
            incarnations = after.closings(yesterday)
        else:
            incarnations = repository.closings(yesterday, tenant) if yesterday in days else {}
        following = repository.openings(tomorrow, tenant) if tomorrow in days else {}
    return StoredClosings(
        previous_day=yesterday in days | after.days,
        incarnations=incarnations,
        older=memory.incarnations,
        earlier=memory.meters,
        following=following,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _EarlierDays:
    """Reads older days, back to the first day that is not stored: that day may still bill what came before it."""

    until: date
    tenant: str | None
    after: PlannedDays

    def incarnations(self, wanted: Sequence[IncarnationKey]) -> StoredIncarnations:
        """Closing readings of incarnations without readings on the day before."""
        after = self.after
        with read():
            first = self._first(repository.measured_days(self._oldest, self.until))
            days = repository.last_days(wanted, first, self.until)
            days = {
                incarnation: day
                for incarnation, day in days.items()
                if not after.told_no_start(incarnation[0], day)
            }
            by_day = {day: repository.closings(day, self.tenant) for day in set(days.values())}
        stored = {
            incarnation: (day, by_day[day][incarnation])
            for incarnation, day in days.items()
            if incarnation in by_day[day]
        }
        # A planned day is newer than a stored one of the same incarnation.
        stored |= {
            incarnation: planned
            for incarnation, planned in after.last_days(wanted, first).items()
            if not after.told_no_start(incarnation[0], planned[0])
            and (incarnation not in stored or stored[incarnation][0] < planned[0])
        }
        return {incarnation: closings for incarnation, (_, closings) in stored.items()}

    def meters(self, wanted: Sequence[MeterKey]) -> dict[MeterKey, EarlierClosing]:
        """The last closing readings of meters without one on the last stored day of their incarnation."""
        after = self.after
        with read():
            first = self._first(repository.measured_days(self._oldest, self.until))
            found = repository.earlier_closings(wanted, first, self.until)
        for meter, planned in after.earlier(wanted, first).items():
            if meter not in found or found[meter].day < planned.day:
                found[meter] = planned
        return {meter: one for meter, one in found.items() if not after.told_no_start(meter[0], one.day)}

    @property
    def _oldest(self) -> date:
        return self.until - REMEMBERED_DAYS * DAY

    def _first(self, stored: set[date]) -> date:
        first, measured = self.until + DAY, stored | self.after.days
        while first - DAY in measured:
            first -= DAY
        return first
