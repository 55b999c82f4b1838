"""State of the list of companies."""

from dataclasses import dataclass, field

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang
from backend.payments import service as payments
from backend.tenants import service as tenants
from portal.features.companies.rows import CompanyRow, to_company
from portal.guard import STAFF, allow
from portal.loaded import LoadedPage
from portal.place import SEARCH, Pager, Place, page_at, place_of, to_pager


@dataclass(frozen=True, slots=True, kw_only=True)
class CompaniesView:
    """A page of the list, and what it is searched for."""

    rows: list[CompanyRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    wanted: str = ""


class CompaniesState(LoadedPage, rx.State):
    """A tab's view of the companies. The address says the place in the list."""

    view: CompaniesView = CompaniesView()

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The page of the list that the address names."""
        place = place_of(self, {SEARCH: None})
        await self._show(lambda actor, lang: companies_view(actor, place, lang))


def companies_view(actor: Actor, place: Place, lang: Lang) -> CompaniesView:
    """Read a page of the companies, and what each of them owes."""
    place, found = page_at(
        place, lambda limit, offset: tenants.search(actor, place.word(SEARCH), limit=limit, offset=offset)
    )
    accounts = payments.accounts(actor, [each.id for each in found.rows])
    return CompaniesView(
        rows=[to_company(each, accounts[each.id], lang) for each in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
        wanted=place.word(SEARCH),
    )
