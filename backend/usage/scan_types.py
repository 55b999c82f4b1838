"""Types of the parts of a scan, and of how far it has come."""

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class PartState(StrEnum):
    """The state of a part of a scan."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    """Somebody looks at it, or died while looking."""
    DONE = "done"
    FAILED = "failed"
    """It could not be looked at; the next scan of the day tries again."""


class ScanPart(NamedTuple):
    """A part of the scan of a day: the series that a matcher of the tenants chooses."""

    day: date
    part: int
    matcher: str
    state: str
    series: int
    """How many series there were at the end of the day."""
    findings: int
    duration_s: float
    finished_at: datetime | None
    reason: str
    scrapes: int | None
    """Scrapes of processes that Prometheus held before the part was looked at; unknown of an older version."""

    def has_missed(self, scrapes: int) -> bool:
        """Whether more of the day has come since the part was looked at."""
        return self.state == PartState.DONE and self.scrapes is not None and self.scrapes < scrapes


class DayScan(NamedTuple):
    """Progress of the scan of a day."""

    day: date
    parts: int
    waiting: int
    """Those that nobody has looked at, or that somebody looks at now."""
    done: int
    failed: int
    series: int
    findings: int
    duration_s: float
    """Seconds that Prometheus was asked; the pauses between the questions do not count."""

    @property
    def is_whole(self) -> bool:
        """Whether every part was looked at."""
        return 0 < self.parts == self.done


class ScanHealth(NamedTuple):
    """State of the scans, for its alarm and its metrics."""

    overdue_days: int
    """Closed days that should have been looked at by now."""
    last: DayScan | None
    """The newest day that was looked at, whole."""
    last_finished_at: datetime | None
