"""Rules of the audit trail: the content of an entry, and its hash over the entry before."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

import orjson

from backend.actor import Actor
from backend.audit.types import AuditEntry, AuditEvent, Head, NotedHead, Plain
from backend.errors import Invalid
from backend.free_text import written
from backend.log import redact

BEGINNING = bytes(32)
NOTED_DIGITS = 16
"""Digits of a hash that tell it from any other of a trail; a noted head has as many, at least."""
_NOTED = re.compile(rf"[0-9a-f]{{{NOTED_DIGITS},64}}")
LONGEST_TEXT = 4000
MAX_REASON = 500
"""Letters of a reason that somebody gives for what is done."""
_SECRET_NAMES = frozenset(
    {"password", "old_password", "new_password", "token", "secret", "api_key", "merchant"}
)


def checked_reason(reason: str) -> str:
    """A written reason in its stored form. Raises Invalid when nothing of it is seen, or it exceeds MAX_REASON."""
    try:
        return written(reason, longest=MAX_REASON, lines=True)
    except ValueError:
        raise Invalid(field="reason", reason="reason", max_length=MAX_REASON) from None


def actor_text(actor: Actor) -> str:
    """The actor as entries name it: ``process:nightly_billing`` or ``user:reza@example.com``."""
    return f"process:{actor.process}" if actor.process else f"user:{actor.name}"


def event_of(
    actor: Actor, action: str, target: str, detail: Mapping[str, object], now: datetime
) -> AuditEvent:
    """An event whose texts are free of secrets and storable as they are hashed."""
    return AuditEvent(
        at=now.astimezone(UTC),
        actor=_clean(actor_text(actor)),
        action=_clean(action),
        target=_clean(target),
        detail={_clean(name): _named(name, value) for name, value in detail.items()},
    )


def canonical(event: AuditEvent) -> bytes:
    """The one spelling of an event that is hashed: JSON with sorted keys, UTC to the microsecond."""
    fields = {
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor,
        "action": event.action,
        "target": event.target,
        "detail": event.detail,
    }
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def chained(previous_hash: bytes, event: AuditEvent) -> bytes:
    """The hash of an entry; it covers the entry before it, and so the whole past."""
    return sha256(previous_hash + canonical(event)).digest()


def fault(entry: AuditEntry, previous_hash: bytes) -> str:
    """The fault of an entry that should follow a hash: ``changed``, ``missing_before``, or empty for none."""
    if chained(entry.previous_hash, entry.event) != entry.hash:
        return "changed"
    if entry.previous_hash != previous_hash:
        return "missing_before"
    return ""


def fault_of_end(stored: Head | None, entries: int, own_hash: bytes) -> str:
    """The fault of a chain's end: ``rewritten`` when its last hash differs from the stored head, else empty."""
    is_end = stored is not None and stored.entries == entries
    return "rewritten" if is_end and stored is not None and stored.hash != own_hash else ""


def fault_of_noted(noted: NotedHead | None, entries: int, own_hash: bytes) -> str:
    """The fault of an entry where a noted head says how many there were: ``rewritten`` when its hash is another."""
    is_there = noted is not None and noted.entries == entries
    return "rewritten" if is_there and noted is not None and not is_noted(noted, own_hash) else ""


def is_noted(noted: NotedHead, own_hash: bytes) -> bool:
    """Whether an entry's hash is the noted one, as far as it was noted."""
    return own_hash.hex().startswith(noted.hash)


def checked_noted(written: str, entries: int | None = None) -> NotedHead:
    """A noted head. Raises Invalid for less than 16 hexadecimal digits of the hash, or for fewer than one entry."""
    plain = written.strip().lower()
    if not _NOTED.fullmatch(plain):
        raise Invalid(field="head", reason="audit_head")
    if entries is not None and entries < 1:
        raise Invalid(field="entries", reason="audit_head")
    return NotedHead(hash=plain, entries=entries)


def _named(name: str, value: object) -> Plain:
    return "***" if name.lower() in _SECRET_NAMES else _plain(value)


def _plain(value: object) -> Plain:
    match value:
        case bool() | None:
            return value
        case int() if -(2**63) <= value < 2**63:
            return int(value)
        case Mapping():
            return {_clean(str(name)): _named(str(name), inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(inner) for inner in value]
        case _:
            # Fractions too: JSON and PostgreSQL may spell the same number differently.
            return _clean(str(value))


def _clean(text: str) -> str:
    storable = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return redact(storable)[:LONGEST_TEXT]
