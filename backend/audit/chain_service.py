"""Use cases of proving the audit trail step by step, so that a page can show progress and stop at any time."""

from dataclasses import replace

from backend.actor import STAFF_ROLES, Actor, require_role
from backend.audit import repository, rules
from backend.audit.types import AuditEntry, BrokenEntry, ChainMark
from backend.log import get_logger

READ_AT_ONCE = 2000
MOST_BROKEN = 100

log = get_logger(__name__)


def begin_check(actor: Actor) -> ChainMark:
    """The mark before the first entry. For staff."""
    require_role(actor, *STAFF_ROLES)
    # Read first: entries that are appended meanwhile only make the chain longer.
    stored = repository.head()
    return ChainMark(
        entries=0,
        entry_id=0,
        at=None,
        hash=rules.BEGINNING,
        stored=stored,
        has_met_stored=stored is not None and stored.entries == 0,
    )


def check_next(actor: Actor, mark: ChainMark) -> ChainMark:
    """Check the next two thousand entries after a mark. For staff.

    Broken entries are collected, no more than a hundred, and the check goes on behind them. At the end the last hash
    must have been met that the trail stored beside itself; else its end was cut off or written anew.
    """
    require_role(actor, *STAFF_ROLES)
    batch = repository.entries_after(mark.entry_id, READ_AT_ONCE)
    for entry in batch:
        mark = _past(mark, entry)
    return mark if batch else _ended(mark)


def _past(mark: ChainMark, entry: AuditEntry) -> ChainMark:
    reason = rules.fault(entry, mark.hash)
    return replace(
        mark,
        entries=mark.entries + 1,
        entry_id=entry.id,
        at=entry.event.at,
        hash=entry.hash,
        has_met_stored=mark.has_met_stored or (mark.stored is not None and entry.hash == mark.stored.hash),
        broken=_with(mark.broken, entry.id, reason),
    )


def _ended(mark: ChainMark) -> ChainMark:
    if not mark.has_met_stored:
        is_short = mark.stored is None or mark.entries < mark.stored.entries
        reason = "cut_off" if is_short else "rewritten"
        mark = replace(
            mark, broken=_with(mark.broken, mark.entry_id + 1 if is_short else mark.entry_id, reason)
        )
    for each in mark.broken:
        log.error("audit.broken", entry=each.id, reason=each.reason)
    return replace(mark, is_end=True)


def _with(broken: tuple[BrokenEntry, ...], entry_id: int, reason: str) -> tuple[BrokenEntry, ...]:
    if not reason or len(broken) >= MOST_BROKEN:
        return broken
    return (*broken, BrokenEntry(id=entry_id, reason=reason))
