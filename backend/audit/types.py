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
class AuditSearch:
    """Entries to look for; an empty field narrows nothing.

    ``who`` is a part of an actor's name, ``action`` a whole action, ``target`` a whole target such as
    ``invoice:3f2a``, its id alone, or a kind with its colon such as ``invoice:``. ``since`` is included, ``until`` not.
    """

    who: str = ""
    action: str = ""
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AuditKey:
    """Place of an entry in the order of time."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """A page of entries, newest first, and whether there are newer and older ones."""

    rows: tuple[AuditEntry, ...]
    has_newer: bool
    has_older: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenEntry:
    """An entry that does not fit into the chain, and its fault."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainMark:
    """Progress of a check of the chain: the entries so far, the last of them, and the end that must be met."""

    entries: int
    entry_id: int
    at: datetime | None
    hash: bytes
    stored: "Head | None"
    has_met_stored: bool
    broken: tuple[BrokenEntry, ...] = ()
    is_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Number of entries in a chain, and the hash of the newest."""

    entries: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedHead:
    """A head that somebody noted earlier: the beginning of its hash in hexadecimal, and its entries where known."""

    hash: str
    entries: int | None = None


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
