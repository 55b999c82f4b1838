"""Types of the scan: its findings, and how much of a day is scanned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from backend.usage.scanning.parts import is_of_part
from backend.usage.types import Key, UsageFlag


class FindingKind(StrEnum):
    """Kind of a finding: what the boundary samples of a day do not show."""

    FELL = "fell"
    """A counter went down within one process incarnation."""
    ALTERNATES = "alternates"
    """Several processes alternate at one address with one start time. Their counters look like one that falls."""
    CAME_AND_WENT = "came_and_went"
    """A series that was first used and dropped within the day."""


FLAG_OF_FINDING = {
    FindingKind.FELL: UsageFlag.COUNTER_FELL,
    FindingKind.ALTERNATES: UsageFlag.ALTERNATES,
    FindingKind.CAME_AND_WENT: UsageFlag.NOT_SCANNED,
}
"""The flag of a meter with a finding. A series that came and went is flagged only if its process is not known."""


class Finding(NamedTuple):
    """A finding in one series of one process incarnation. Tokens are whole numbers, times are aware UTC.

    ``first_value`` is the boundary sample at the start of the day, or the first sample if there is none. If the counter
    fell, it counted at least ``rose_tokens`` and at most ``rose_tokens + restarted_tokens``. If processes alternate,
    these numbers are computed from the counters that could be told apart, because the rises prove nothing.
    """

    kind: FindingKind
    instance: str
    incarnation_start: datetime
    key: Key
    first_value: int
    first_at: datetime
    last_value: int
    last_at: datetime
    falls: int
    rose_tokens: int
    """The sum of all rises from one sample to the next, in tokens."""
    restarted_tokens: int
    """The sum of the values after each fall: what a restart from zero had counted by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFindings:
    """All findings of a day. ``unscanned`` are the matchers of the tenants whose parts were not scanned."""

    findings: Sequence[Finding] = ()
    unscanned: Sequence[str] = ()
    is_scanned: bool = False
    """Whether every part was scanned after the day had ended."""

    def seen(self, tenants: Iterable[str]) -> set[str]:
        """The given tenants' labels whose parts were scanned."""
        if self.is_scanned or not self.unscanned:
            return set(tenants) if self.is_scanned else set()
        parts = [is_of_part(matcher) for matcher in self.unscanned]
        return {tenant for tenant in tenants if not any(is_in(tenant) for is_in in parts)}


NO_FINDINGS = DayFindings()
