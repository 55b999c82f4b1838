"""Nouns of the audit."""

from dataclasses import dataclass
from datetime import datetime

Plain = str | int | bool | None | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """What somebody did, before it has a place in the chain."""

    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Plain]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One link of the chain."""

    id: int
    event: AuditEvent
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How many entries a chain has, and the hash of the newest."""

    entries: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What reading the whole chain found.

    ``head`` is the last hash that fits, for whoever compares it with one noted earlier: only so can it be
    seen that somebody cut off the newest entries and hid it by changing the stored head as well.
    """

    entries: int
    head: str
    broken_at: int | None = None
    reason: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether every entry is what it was when it was written, and none in between is missing."""
        return self.broken_at is None
