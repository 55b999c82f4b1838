"""Types of the audit trail."""

from dataclasses import dataclass
from datetime import datetime

Plain = str | int | bool | None | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """An action before it has a place in the chain."""

    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Plain]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A link of the chain."""

    id: int
    event: AuditEvent
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Number of entries in a chain, and the hash of the newest."""

    entries: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Result of verifying the whole chain.

    ``head`` is the last hash that fits. Compare it with a head noted earlier: only so does it show that the newest
    entries
    were cut off and the stored head was changed to hide it.
    """

    entries: int
    head: str
    broken_at: int | None = None
    reason: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether every entry is what it was when it was written, and none in between is missing."""
        return self.broken_at is None
