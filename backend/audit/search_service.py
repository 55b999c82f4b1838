"""Use cases of reading the audit trail: search it page by page, and hand out a search as a whole."""

from backend.actor import STAFF_ROLES, Actor, require_role
from backend.audit import search_repository, search_rules, writing_service
from backend.audit.types import AuditEntry, AuditKey, AuditPage, AuditSearch

PAGE_AT_MOST = 200
EXPORTED_AT_ONCE = 1000


def search(
    actor: Actor,
    wanted: AuditSearch,
    *,
    before: AuditKey | None = None,
    after: AuditKey | None = None,
    limit: int = 50,
) -> AuditPage:
    """A page of the entries of a search, newest first: those before a place, or the nearest after one. For staff."""
    require_role(actor, *STAFF_ROLES)
    limit = max(1, min(limit, PAGE_AT_MOST))
    among, targets = _among(wanted), search_rules.targets(wanted.target)
    if after is None:
        found = search_repository.older(wanted, among, targets, before, limit + 1)
        return AuditPage(
            rows=tuple(found[:limit]), has_newer=before is not None, has_older=len(found) > limit
        )
    found = search_repository.newer(wanted, among, targets, after, limit + 1)
    if len(found) <= limit:
        # The first page, filled up: a page of three lines would only look like the whole.
        return search(actor, wanted, limit=limit)
    return AuditPage(rows=tuple(reversed(found[:limit])), has_newer=True, has_older=True)


def actions(actor: Actor) -> list[str]:
    """Every action that the trail knows. For staff."""
    require_role(actor, *STAFF_ROLES)
    return search_repository.actions()


def begin_export(actor: Actor, wanted: AuditSearch) -> None:
    """Record that somebody takes the entries of a search out of the house. For staff."""
    require_role(actor, *STAFF_ROLES)
    fields = {name: getattr(wanted, name) for name in AuditSearch.__slots__}
    detail = {name: str(value) for name, value in fields.items() if value}
    writing_service.record(actor, "audit.exported", "audit:all", detail)


def export_next(actor: Actor, wanted: AuditSearch, after: AuditKey | None) -> list[AuditEntry]:
    """The next thousand entries of a search, oldest first, from behind a place; an empty list at the end. For staff."""
    require_role(actor, *STAFF_ROLES)
    targets = search_rules.targets(wanted.target)
    return search_repository.newer(wanted, _among(wanted), targets, after, EXPORTED_AT_ONCE)


def _among(wanted: AuditSearch) -> list[str] | None:
    return search_rules.actors_like(wanted.who, search_repository.actors()) if wanted.who else None
