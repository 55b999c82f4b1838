"""Queries of the payments page; each is one call for the bridge."""

from dataclasses import dataclass, field

from backend.actor import Actor
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang
from backend.payments import service as payments
from backend.payments.types import Attempt, AttemptId
from backend.tenants import service as tenants
from portal import routes
from portal.features.payments.event_rows import EventRow, to_event
from portal.features.payments.rows import EntryRow, FileView, PaymentRow, to_entry, to_file, to_payment
from portal.ids import uuid_of
from portal.place import PAGE_SIZE, Pager, Place, page_at, page_of, to_pager

FIRST = Place(path=routes.PAYMENTS)
# Lists of the page by their names in the address; the list of all payments is the first one.
UNDECIDED, FLAGGED, FOUND, EVENTS, BOOKED = "undecided", "flagged", "found", "events", "booked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentList:
    """A page of a list of payments."""

    rows: list[PaymentRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)

    @property
    def is_single(self) -> bool:
        """Whether the whole list is one payment."""
        return len(self.rows) == 1 and not self.pager.previous


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsView:
    """Both lists of what waits for an operator, and how payments stand."""

    undecided: PaymentList = field(default_factory=PaymentList)
    flagged: PaymentList = field(default_factory=PaymentList)
    undecided_count: str = ""
    flagged_count: str = ""
    open_count: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvidence:
    """A payment with its events and bookings; empty where none is open."""

    file: FileView = field(default_factory=FileView)
    events: list[EventRow] = field(default_factory=list)
    events_pager: Pager = field(default_factory=Pager)
    booked: list[EntryRow] = field(default_factory=list)
    booked_pager: Pager = field(default_factory=Pager)


def overview(actor: Actor, lang: Lang, place: Place = FIRST) -> PaymentsView:
    """Payments that wait for an operator: a page of each list."""
    health = payments.health(actor)
    undecided = place.of(UNDECIDED).in_tab("").within(health.undecided)
    flagged = place.of(FLAGGED).in_tab(FLAGGED).within(health.flagged)
    return PaymentsView(
        undecided=_listed(
            actor,
            undecided,
            payments.undecided(actor, limit=PAGE_SIZE, offset=undecided.first()),
            total=health.undecided,
            lang=lang,
        ),
        flagged=_listed(
            actor,
            flagged,
            payments.flagged(actor, limit=PAGE_SIZE, offset=flagged.first()),
            total=health.flagged,
            lang=lang,
        ),
        undecided_count=fmt.number(health.undecided, lang),
        flagged_count=fmt.number(health.flagged, lang),
        open_count=fmt.number(health.open, lang),
    )


def find(actor: Actor, wanted: str, lang: Lang, place: Place = FIRST) -> PaymentList:
    """A page of the payments that have all words that somebody reads out, the newest first; none without a word."""
    if not wanted.strip():
        return PaymentList()
    place, found = page_at(
        place, lambda limit, offset: payments.search_payments(actor, wanted, limit=limit, offset=offset)
    )
    return _listed(actor, place, found.rows, total=found.total, lang=lang)


def every(actor: Actor, place: Place, lang: Lang) -> PaymentList:
    """A page of all payments, the newest first."""
    place, found = page_at(
        place, lambda limit, offset: payments.search_payments(actor, "", limit=limit, offset=offset)
    )
    return _listed(actor, place, found.rows, total=found.total, lang=lang)


def _listed(actor: Actor, place: Place, found: list[Attempt], *, total: int, lang: Lang) -> PaymentList:
    names = {tenant.id: tenant.name(lang) for tenant in tenants.all_tenants(actor)} if found else {}
    return PaymentList(
        rows=[to_payment(each, names[each.tenant_id], lang) for each in found],
        pager=to_pager(place, shown=len(found), total=total, lang=lang),
    )


def evidence(actor: Actor, key: str, lang: Lang, place: Place = FIRST) -> PaymentEvidence:
    """The evidence of one payment, with a page of its events and one of its bookings."""
    attempt_id, place = AttemptId(uuid_of(key)), place.of(EVENTS)
    found = payments.file_of(actor, attempt_id, limit=PAGE_SIZE, offset=place.first())
    if (nearest := place.within(found.event_count)) != place:
        place = nearest
        found = payments.file_of(actor, attempt_id, limit=PAGE_SIZE, offset=place.first())
    booked, booked_pager = page_of(place.of(BOOKED), found.entries, lang)
    return PaymentEvidence(
        file=to_file(found, lang),
        events=[to_event(number, event, lang) for number, event in enumerate(found.events, place.first())],
        events_pager=to_pager(place, shown=len(found.events), total=found.event_count, lang=lang),
        booked=[to_entry(entry, found.attempt, lang) for entry in booked],
        booked_pager=booked_pager,
    )
