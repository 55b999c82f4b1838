"""Types of the scan: what it finds inside a day, and how much of the day it has looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from backend.usage.types import Key, UsageFlag


class FindingKind(StrEnum):
    """A thing inside a day that no reading at a boundary shows."""

    FELL = "fell"
    """A counter went down within one process incarnation."""
    ALTERNATES = "alternates"
    """Several processes answer in turn under one address and start time: their counters look like one that falls."""
    CAME_AND_WENT = "came_and_went"
    """A series that was first used and dropped within the day."""


FLAG_OF_FINDING = {
    FindingKind.FELL: UsageFlag.COUNTER_FELL,
    FindingKind.ALTERNATES: UsageFlag.ALTERNATES,
    FindingKind.CAME_AND_WENT: UsageFlag.NOT_SCANNED,
}
"""The flag of a meter with a finding. A series that came and went is flagged only where no process explains it."""


class Finding(NamedTuple):
    """A finding in one series of one process incarnation. Tokens are whole numbers, times are aware UTC.

    The samples begin with the last one at or before the start of the day, where there is one. With ``falls`` the
    least that was used is ``rose_tokens``, the most ``rose_tokens + restarted_tokens``. Where processes alternate,
    rises prove nothing: there both figures come from the counters that were told apart.
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
    """The sum of all rises from one sample to the next."""
    restarted_tokens: int
    """The sum of the values that were left after each fall: what a restart from zero had counted by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFindings:
    """All findings of a day. ``unscanned`` are the tenants' matchers of the parts that could not be looked at."""

    findings: Sequence[Finding] = ()
    unscanned: Sequence[str] = ()
    is_scanned: bool = False
    """Whether every part was looked at after the day had ended."""


NO_FINDINGS = DayFindings()
