"""What the staff's list of everybody's invoices knows."""

from dataclasses import dataclass

import reflex as rx

from backend.actor import Actor, TenantId
from backend.days import read_day
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices.types import InvoiceStatus
from backend.payments import service as payments
from backend.payments.search_types import InvoiceQuery
from backend.tenants import service as tenants
from portal import bridge, session
from portal.bridge import Problem
from portal.features.invoices.staff_rows import FoundRow, to_found
from portal.guard import STAFF, allow
from portal.i18n import language
from portal.ids import uuid_of
from portal.place import PAGE_SIZE, SEARCH, Choice, Pager, Place, choices, place_of, to_pager
from portal.routes import COMPANY, DAY, STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundView:
    """A page of the list. ``narrowed`` says in words which company and day it is narrowed to."""

    rows: list[FoundRow]
    pager: Pager
    choices: list[Choice]
    narrowed: list[Choice]


class AllInvoicesState(rx.State):
    """One tab's view of everybody's invoices. Where in the list it is, the address says."""

    phase: str = "loading"
    problem: Problem = Problem(text="")
    rows: list[FoundRow] = []
    pager: Pager = Pager()
    choices: list[Choice] = []
    narrowed: list[Choice] = []
    wanted: str = ""
    company: str = ""
    day: str = ""
    status: str = ""

    @rx.event
    @allow(STAFF)
    async def load(self) -> None:
        """The page of the list that the address names."""
        actor, lang = (await session.current(self)).actor, language(self)
        place = place_of(self, {SEARCH: None, STATUS: tuple(InvoiceStatus), COMPANY: None, DAY: None})
        outcome = await bridge.attempt(lang, lambda: found_view(actor, place, lang))
        self.wanted, self.status = place.word(SEARCH), place.word(STATUS)
        self.company, self.day = place.word(COMPANY), place.word(DAY)
        if isinstance(outcome, Problem):
            self.phase, self.problem = "problem", outcome
            return
        self.rows, self.pager = outcome.rows, outcome.pager
        self.choices, self.narrowed = outcome.choices, outcome.narrowed
        self.phase = "ready"


def found_view(actor: Actor, place: Place, lang: Lang) -> FoundView:
    """Read a page of everybody's invoices.

    Raises:
        NotFound: the address names a company that does not exist.
        Invalid: the address names no day.
    """
    query = query_of(place)
    found = payments.search_invoices(actor, query, limit=PAGE_SIZE, offset=place.first())
    if (nearest := place.within(found.total)) != place:
        place = nearest
        found = payments.search_invoices(actor, query, limit=PAGE_SIZE, offset=place.first())
    standings = payments.standings(actor, [each.id for each in found.rows])
    return FoundView(
        rows=[to_found(each, standings.get(each.id), lang) for each in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
        choices=choices(place, STATUS, _statuses(lang)),
        narrowed=_narrowed(actor, place, query, lang),
    )


def query_of(place: Place) -> InvoiceQuery:
    """What an address asks for. Raises Invalid or NotFound for a day or a company that it cannot mean."""
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


def _statuses(lang: Lang) -> list[tuple[str, str]]:
    return [
        ("", text("pager.all", lang)),
        *((each, text(f"invoice.status.{each}", lang)) for each in InvoiceStatus),
    ]
