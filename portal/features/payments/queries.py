"""Queries of the payments page; each is one call for the bridge."""

from dataclasses import dataclass, field

from backend.actor import Actor
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.payments import service as payments
from backend.payments.types import AttemptId
from backend.tenants import service as tenants
from portal import routes
from portal.features.payments.event_rows import EventRow, to_event
from portal.features.payments.rows import EntryRow, FileView, PaymentRow, to_entry, to_file, to_payment
from portal.ids import uuid_of
from portal.place import PAGE_SIZE, Pager, Place, page_at, to_pager

FIRST = Place(path=routes.PAYMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsView:
    """Both lists, how payments stand, and what a list leaves out."""

    undecided: list[PaymentRow] = field(default_factory=list)
    flagged: list[PaymentRow] = field(default_factory=list)
    undecided_rest: str = ""
    flagged_rest: str = ""
    undecided_count: str = ""
    flagged_count: str = ""
    open_count: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryPayment:
    """A page of all payments, the newest first."""

    rows: list[PaymentRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvidence:
    """A payment with its events and bookings; empty where none is open."""

    file: FileView = field(default_factory=FileView)
    events: list[EventRow] = field(default_factory=list)
    events_pager: Pager = field(default_factory=Pager)
    booked: list[EntryRow] = field(default_factory=list)


def overview(actor: Actor, lang: Lang) -> PaymentsView:
    """Payments that wait for an operator."""
    undecided, flagged = payments.undecided(actor), payments.flagged(actor)
    health = payments.health(actor)
    names = {tenant.id: tenant.name(lang) for tenant in tenants.all_tenants(actor)}
    return PaymentsView(
        undecided=[to_payment(each, names[each.tenant_id], lang) for each in undecided],
        flagged=[to_payment(each, names[each.tenant_id], lang) for each in flagged],
        undecided_rest=_rest(len(undecided), health.undecided, lang),
        flagged_rest=_rest(len(flagged), health.flagged, lang),
        undecided_count=fmt.number(health.undecided, lang),
        flagged_count=fmt.number(health.flagged, lang),
        open_count=fmt.number(health.open, lang),
    )


def find(actor: Actor, wanted: str, lang: Lang) -> list[PaymentRow]:
    """The payments that have all words that somebody reads out, the newest first."""
    found = payments.search_payments(actor, wanted, limit=100).rows if wanted.strip() else []
    names = {tenant.id: tenant.name(lang) for tenant in tenants.all_tenants(actor)} if found else {}
    return [to_payment(each, names[each.tenant_id], lang) for each in found]


def every(actor: Actor, place: Place, lang: Lang) -> EveryPayment:
    """A page of all payments."""
    place, found = page_at(
        place, lambda limit, offset: payments.search_payments(actor, "", limit=limit, offset=offset)
    )
    names = {tenant.id: tenant.name(lang) for tenant in tenants.all_tenants(actor)}
    return EveryPayment(
        rows=[to_payment(each, names[each.tenant_id], lang) for each in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
    )


def _rest(shown: int, total: int, lang: Lang) -> str:
    if shown >= total:
        return ""
    return text("page.payments.first_of", lang, shown=fmt.number(shown, lang), total=fmt.number(total, lang))


def evidence(actor: Actor, key: str, lang: Lang, place: Place = FIRST) -> PaymentEvidence:
    """The evidence of one payment, with a page of its events."""
    attempt_id = AttemptId(uuid_of(key))
    found = payments.file_of(actor, attempt_id, limit=PAGE_SIZE, offset=place.first())
    if (nearest := place.within(found.event_count)) != place:
        place = nearest
        found = payments.file_of(actor, attempt_id, limit=PAGE_SIZE, offset=place.first())
    return PaymentEvidence(
        file=to_file(found, lang),
        events=[to_event(number, event, lang) for number, event in enumerate(found.events, place.first())],
        events_pager=to_pager(place, shown=len(found.events), total=found.event_count, lang=lang),
        booked=[to_entry(entry, found.attempt, lang) for entry in found.entries],
    )
