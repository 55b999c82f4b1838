"""Types of a scan: its parts, progress and health."""

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class PartState(StrEnum):
    """The state of a part of a scan."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    """A process scans it, or died while it did."""
    DONE = "done"
    FAILED = "failed"
    """It could not be scanned; the next scan of the day tries again."""


class ScanPart(NamedTuple):
    """A part of the scan of a day: the series of the tenants that its matcher selects."""

    day: date
    part: int
    matcher: str
    state: str
    series: int
    """Number of series at the end of the day."""
    findings: int
    duration_s: float
    finished_at: datetime | None
    reason: str
    scrapes: int | None
    """Scrapes of processes that Prometheus held before the part was scanned; None of a scan by an older version."""

    def has_missed(self, scrapes: int) -> bool:
        """Whether more samples of the day have come since the part was scanned."""
        return self.state == PartState.DONE and self.scrapes is not None and self.scrapes < scrapes


class DayScan(NamedTuple):
    """Progress of the scan of a day."""

    day: date
    parts: int
    waiting: int
    """Parts that are not scanned yet, or are being scanned."""
    done: int
    failed: int
    series: int
    findings: int
    duration_s: float
    """Seconds that all queries took, without the pauses between them."""

    @property
    def is_whole(self) -> bool:
        """Whether every part is scanned."""
        return 0 < self.parts == self.done


class ScanHealth(NamedTuple):
    """State of the scans, for alarms and metrics."""

    overdue_days: int
    """Closed days that should have been scanned by now: 0 or 1."""
    last: DayScan | None
    """The newest day of which every part is scanned."""
    last_finished_at: datetime | None
