"""Everything that the page of the audit trail reads, in one call."""

from backend.actor import Actor
from backend.audit import service as audit
from backend.audit.types import AuditPage, AuditSearch
from backend.errors import Invalid
from backend.i18n.catalog import Lang
from backend.i18n.errors import error_text
from portal import routes
from portal.audit_search import (
    ACTION,
    AFTER,
    BEFORE,
    SINCE,
    TARGET,
    UNTIL,
    WHO,
    WORDS,
    key_in,
    key_of,
    search_in,
    written,
)
from portal.audit_words import action_words
from portal.features.audit.rows import ActionChoice, AuditView, bounds, to_entry
from portal.place import PAGE_SIZE, Pager, Place

_NOTHING = AuditPage(rows=(), has_newer=False, has_older=False)


def entries(actor: Actor, lang: Lang, place: Place) -> AuditView:
    """The entries of the search that the address names, and what can be searched for."""
    words, problem, found = dict(place.words), "", _NOTHING
    try:
        found = _page(actor, search_in(words), place)
    except Invalid as wrong:
        problem = error_text(wrong, lang)
    narrowed = {name: word for name in WORDS if (word := place.word(name))}
    return AuditView(
        who=place.word(WHO),
        action=place.word(ACTION),
        target=place.word(TARGET),
        since=place.word(SINCE),
        until=place.word(UNTIL),
        problem=problem,
        choices=[ActionChoice(value=each, title=action_words(each, lang)) for each in audit.actions(actor)],
        rows=[to_entry(each, lang) for each in found.rows],
        pager=_pager(found, place, lang),
        export_url=routes.with_query(routes.AUDIT_EXPORT, narrowed),
    )


def _page(actor: Actor, wanted: AuditSearch, place: Place) -> AuditPage:
    before, after = key_in(place.word(BEFORE)), key_in(place.word(AFTER))
    return audit.search(actor, wanted, before=before, after=after, limit=PAGE_SIZE)


def _pager(found: AuditPage, place: Place, lang: Lang) -> Pager:
    rows, here = found.rows, place.with_word(BEFORE, "").with_word(AFTER, "")
    newer = here.with_word(AFTER, written(key_of(rows[0]))).address if rows and found.has_newer else ""
    older = here.with_word(BEFORE, written(key_of(rows[-1]))).address if rows and found.has_older else ""
    return Pager(
        shown=bounds(rows, lang),
        previous=newer,
        following=older,
        here=place.address,
        is_narrowed=bool(here.words),
    )
