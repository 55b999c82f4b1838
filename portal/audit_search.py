"""A search of the audit trail as an address writes it. The page reads it there, and the export, too."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from backend.audit import search_rules
from backend.audit.types import AuditEntry, AuditKey, AuditSearch
from backend.free_text import storable
from portal.place import LONGEST_WORD

WHO, ACTION, TARGET, SINCE, UNTIL = "who", "what", "target", "since", "until"
WORDS = (WHO, ACTION, TARGET, SINCE, UNTIL)
BEFORE, AFTER = "before", "after"
_KEY = re.compile(r"([0-9]{1,17})-([0-9]{1,18})")
_MICROSECONDS = 1_000_000


def search_in(words: Mapping[str, str]) -> AuditSearch:
    """The search that an address names. Raises Invalid for a time that is none."""
    told = {name: storable(words.get(name, "")).strip()[:LONGEST_WORD] for name in WORDS}
    return AuditSearch(
        who=told[WHO],
        action=told[ACTION],
        target=told[TARGET],
        since=search_rules.instant(told[SINCE], is_end=False),
        until=search_rules.instant(told[UNTIL], is_end=True),
    )


def key_in(written: str) -> AuditKey | None:
    """The place in the trail that an address names; None for anything else."""
    found = _KEY.fullmatch(written)
    if found is None:
        return None
    at_us, entry_id = int(found[1]), int(found[2])
    at = datetime.fromtimestamp(at_us // _MICROSECONDS, UTC).replace(microsecond=at_us % _MICROSECONDS)
    return AuditKey(at=at, id=entry_id)


def key_of(entry: AuditEntry) -> AuditKey:
    """The place of an entry."""
    return AuditKey(at=entry.event.at, id=entry.id)


def written(key: AuditKey) -> str:
    """A place as addresses name it."""
    at = key.at.astimezone(UTC)
    return f"{int(at.timestamp()) * _MICROSECONDS + at.microsecond}-{key.id}"
