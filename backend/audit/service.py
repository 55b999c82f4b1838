"""Use cases of the audit trail: record actions, read them, prove that they were not rewritten."""

from backend.actor import STAFF_ROLES, Actor, require_role, require_role_or_process
from backend.audit import chain_service, repository, rules, search_service, writing_service
from backend.audit.types import AuditEntry, Verified
from backend.log import get_logger

log = get_logger(__name__)

record = writing_service.record
search = search_service.search
actions = search_service.actions
begin_export = search_service.begin_export
export_next = search_service.export_next
begin_check = chain_service.begin_check
check_next = chain_service.check_next

ENTRIES_AT_MOST = 1000
_READ_AT_ONCE = 2000


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
