"""State of the staff's list of all invoices."""

from dataclasses import dataclass, field

import reflex as rx

from backend.actor import Actor, TenantId
from backend.days import read_day
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang
from backend.invoices.types import InvoiceStatus
from backend.payments import service as payments
from backend.payments.search_types import InvoiceQuery
from backend.tenants import service as tenants
from portal.features.invoices.rows import status_choices
from portal.features.invoices.staff_rows import FoundRow, to_found
from portal.guard import STAFF, allow
from portal.ids import uuid_of
from portal.loaded import LoadedPage
from portal.place import SEARCH, Choice, Pager, Place, choices, page_at, place_of, to_pager
from portal.routes import COMPANY, DAY, STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundView:
    """A page of the list. ``narrowed`` says in words which company and day it is narrowed to."""

    rows: list[FoundRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    choices: list[Choice] = field(default_factory=list)
    narrowed: list[Choice] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFilter:
    """The address's search and filters; the search form keeps them even where nothing can be shown for them."""

    wanted: str = ""
    company: str = ""
    day: str = ""
    status: str = ""


class AllInvoicesState(LoadedPage, rx.State):
    """A tab's view of all invoices. The address says the place in the list."""

    view: FoundView = FoundView()
    filtered: InvoiceFilter = InvoiceFilter()

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The page of the list that the address names."""
        place = place_of(self, {SEARCH: None, STATUS: tuple(InvoiceStatus), COMPANY: None, DAY: None})
        self.filtered = InvoiceFilter(
            wanted=place.word(SEARCH),
            company=place.word(COMPANY),
            day=place.word(DAY),
            status=place.word(STATUS),
        )
        await self._show(lambda actor, lang: found_view(actor, place, lang))


def found_view(actor: Actor, place: Place, lang: Lang) -> FoundView:
    """Read a page of everybody's invoices.

    Raises:
        NotFound: the address names a company that does not exist.
        Invalid: the address names no day.
    """
    query = query_of(place)
    place, found = page_at(
        place, lambda limit, offset: payments.search_invoices(actor, query, limit=limit, offset=offset)
    )
    standings = payments.standings(actor, [each.id for each in found.rows])
    return FoundView(
        rows=[to_found(each, standings.get(each.id), lang) for each in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
        choices=choices(place, STATUS, status_choices(lang)),
        narrowed=_narrowed(actor, place, query, lang),
    )


def query_of(place: Place) -> InvoiceQuery:
    """The query in an address. Raises Invalid or NotFound for a day or a company that it cannot mean."""
    status, company, day = place.word(STATUS), place.word(COMPANY), place.word(DAY)
    return InvoiceQuery(
        wanted=place.word(SEARCH),
        status=InvoiceStatus(status) if status else None,
        tenant_id=TenantId(uuid_of(company)) if company else None,
        day=read_day(day) if day else None,
    )


def _narrowed(actor: Actor, place: Place, query: InvoiceQuery, lang: Lang) -> list[Choice]:
    """The company and the day of the address, each with the link that leaves it out."""
    names = {}
    if query.tenant_id:
        names[COMPANY] = tenants.get(actor, query.tenant_id).name(lang)
    if query.day:
        names[DAY] = fmt.day(query.day, lang)
    return [
        Choice(title=title, url=place.with_word(name, "").address, is_chosen=True)
        for name, title in names.items()
    ]
