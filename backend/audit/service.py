"""Use cases of the audit trail: record actions, read them, prove that they were not rewritten."""

from collections.abc import Mapping

from backend.actor import STAFF_ROLES, Actor, require_role, require_role_or_process
from backend.audit import repository, rules
from backend.audit.types import AuditEntry, Verified
from backend.clock import utc_now
from backend.db.engine import transaction
from backend.log import get_logger

log = get_logger(__name__)

ENTRIES_AT_MOST = 1000
_READ_AT_ONCE = 2000


def record(actor: Actor, action: str, target: str, detail: Mapping[str, object] | None = None) -> None:
    """Append an action; it is kept if, and only if, the open transaction is. For every actor.

    Entries are written one after the other, so record last in a long transaction: others wait until it ends.
    Secrets in the detail are blacked out; fractions, dates and ids are kept as text.
    """
    event = rules.event_of(actor, action, target, detail or {}, utc_now())
    with transaction():
        repository.lock_chain()
        previous_hash = repository.last_hash() or rules.BEGINNING
        repository.append(event, previous_hash, rules.chained(previous_hash, event))


def entries(actor: Actor, target: str | None = None, limit: int = 100) -> list[AuditEntry]:
    """The newest entries, newest first, of one target or of all. For staff."""
    require_role(actor, *STAFF_ROLES)
    return repository.latest(target, max(1, min(limit, ENTRIES_AT_MOST)))


def verify(actor: Actor) -> Verified:
    """Read the whole chain and tell whether it is intact, else where it breaks first. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    seen, last_id, head = 0, 0, rules.BEGINNING
    # Read first: entries that are appended meanwhile only make the chain longer.
    stored = repository.head()
    while batch := repository.entries_after(last_id, _READ_AT_ONCE):
        for entry in batch:
            if reason := rules.fault(entry, head):
                log.error("audit.broken", entry=entry.id, reason=reason)
                return Verified(entries=seen, head=head.hex(), broken_at=entry.id, reason=reason)
            seen, last_id, head = seen + 1, entry.id, entry.hash
            if reason := rules.fault_of_end(stored, seen, head):
                log.error("audit.broken", entry=entry.id, reason=reason)
                return Verified(entries=seen, head=head.hex(), broken_at=entry.id, reason=reason)
    if stored is None or seen < stored.entries:
        log.error("audit.broken", entry=last_id + 1, reason="cut_off")
        return Verified(entries=seen, head=head.hex(), broken_at=last_id + 1, reason="cut_off")
    return Verified(entries=seen, head=head.hex())
