"""Use cases of the audit trail: record actions, read them, prove that they were not rewritten."""

from datetime import datetime, timedelta

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_role, require_role_or_process
from backend.audit import chain_service, repository, rules, search_service, writing_service
from backend.audit.types import AuditEntry, Head, NotedHead, Verified
from backend.log import get_logger

log = get_logger(__name__)

record = writing_service.record
record_all = writing_service.record_all
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


def published_head(actor: Actor) -> Head | None:
    """Length and last hash of the trail at the last full hour; None where it was empty. For staff and processes.

    As cheap with a million entries. Everybody who asks within an hour gets the same, so what is noted can be compared.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    now = clock.utc_now()
    into_hour = timedelta(minutes=now.minute, seconds=now.second, microseconds=now.microsecond)
    return repository.head_before(now - into_hour)


def began_at(actor: Actor) -> datetime | None:
    """The instant of the first entry, the beginning of the installation; None before it. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.began_at()


def verify(actor: Actor, noted: NotedHead | None = None) -> Verified:
    """Read the whole chain and tell whether it is intact, else where it breaks first. For staff and processes.

    A head that was noted earlier must lie on the chain: so a cut-off end and a chain that was written anew are found
    also where the head beside the trail was changed to hide them.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    seen, last_id, head = 0, 0, rules.BEGINNING
    has_met_noted = noted is None
    # Read first: entries that are appended meanwhile only make the chain longer.
    stored = repository.head()
    while batch := repository.entries_after(last_id, _READ_AT_ONCE):
        for entry in batch:
            if reason := rules.fault(entry, head):
                return _broken(seen, head, entry.id, reason)
            seen, last_id, head = seen + 1, entry.id, entry.hash
            has_met_noted = has_met_noted or (noted is not None and rules.is_noted(noted, head))
            if reason := rules.fault_of_end(stored, seen, head) or rules.fault_of_noted(noted, seen, head):
                return _broken(seen, head, entry.id, reason)
    if stored is None or seen < stored.entries or (noted is not None and seen < (noted.entries or 0)):
        return _broken(seen, head, last_id + 1, "cut_off")
    return (
        Verified(entries=seen, head=head.hex()) if has_met_noted else _broken(seen, head, last_id, "not_met")
    )


def _broken(seen: int, head: bytes, entry_id: int, reason: str) -> Verified:
    log.error("audit.broken", entry=entry_id, reason=reason)
    return Verified(entries=seen, head=head.hex(), broken_at=entry_id, reason=reason)
