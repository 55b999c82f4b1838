"""What the list of companies knows."""

from dataclasses import dataclass

import reflex as rx

from backend.actor import Actor
from backend.i18n.catalog import Lang
from backend.payments import service as payments
from backend.tenants import service as tenants
from portal import bridge, session
from portal.bridge import Problem
from portal.features.companies.rows import CompanyRow, to_company
from portal.guard import STAFF, allow
from portal.i18n import language
from portal.place import PAGE_SIZE, SEARCH, Pager, Place, place_of, to_pager


@dataclass(frozen=True, slots=True, kw_only=True)
class CompaniesView:
    """A page of the list."""

    rows: list[CompanyRow]
    pager: Pager


class CompaniesState(rx.State):
    """One tab's view of the companies. Where in the list it is, the address says."""

    phase: str = "loading"
    problem: Problem = Problem(text="")
    rows: list[CompanyRow] = []
    pager: Pager = Pager()
    wanted: str = ""

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The page of the list that the address names."""
        actor, lang = (await session.current(self)).actor, language(self)
        place = place_of(self, {SEARCH: None})
        outcome = await bridge.attempt(lang, lambda: companies_view(actor, place, lang))
        if isinstance(outcome, Problem):
            self.phase, self.problem = "problem", outcome
            return
        self.rows, self.pager, self.wanted = outcome.rows, outcome.pager, place.word(SEARCH)
        self.phase = "ready"


def companies_view(actor: Actor, place: Place, lang: Lang) -> CompaniesView:
    """Read a page of the companies, and what each of them owes."""
    found = tenants.search(actor, place.word(SEARCH), limit=PAGE_SIZE, offset=place.first())
    if (nearest := place.within(found.total)) != place:
        place = nearest
        found = tenants.search(actor, place.word(SEARCH), limit=PAGE_SIZE, offset=place.first())
    accounts = payments.accounts(actor, [each.id for each in found.rows])
    return CompaniesView(
        rows=[to_company(each, accounts[each.id], lang) for each in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
    )
