"""What the list of invoices knows."""

from dataclasses import dataclass

import reflex as rx

from backend.actor import Actor, own_tenant
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices import service as invoices
from portal import bridge, session
from portal.bridge import Problem
from portal.guard import TENANT, allow
from portal.i18n import language
from portal.invoices import rows
from portal.invoices.rows import InvoiceRow

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """A page of the list."""

    rows: list[InvoiceRow]
    first: int
    total: int
    due: str
    due_count: str


class InvoicesState(rx.State):
    """One tab's place in the own tenant's invoices."""

    phase: str = "loading"
    problem: Problem = Problem(text="")
    rows: list[InvoiceRow] = []
    shown: str = ""
    due: str = ""
    due_count: str = ""
    has_previous: bool = False
    has_next: bool = False
    _first: int = 0

    @rx.event
    @allow(TENANT)
    async def load(self) -> None:
        """The newest invoices."""
        await self._show(0)

    @rx.event
    @allow(TENANT)
    async def load_again(self) -> None:
        """The same place again."""
        await self._show(self._first)

    @rx.event
    @allow(TENANT)
    async def older(self) -> None:
        """The next page."""
        await self._show(self._first + PAGE_SIZE)

    @rx.event
    @allow(TENANT)
    async def newer(self) -> None:
        """The page before."""
        await self._show(max(0, self._first - PAGE_SIZE))

    async def _show(self, first: int) -> None:
        actor, lang = (await session.current(self)).actor, language(self)
        outcome = await bridge.attempt(lang, lambda: list_view(actor, first, lang))
        if isinstance(outcome, Problem):
            self.phase, self.problem = "problem", outcome
            return
        self._first, self.rows = outcome.first, outcome.rows
        self.due, self.due_count = outcome.due, outcome.due_count
        last = outcome.first + len(outcome.rows)
        self.has_previous, self.has_next = outcome.first > 0, last < outcome.total
        self.shown = text(
            "pager.shown",
            lang,
            first=fmt.number(min(outcome.first + 1, outcome.total), lang),
            last=fmt.number(last, lang),
            total=fmt.number(outcome.total, lang),
        )
        self.phase = "ready"


def list_view(actor: Actor, first: int, lang: Lang) -> ListView:
    """Read a page of the actor's own tenant's invoices, and what is due in all."""
    tenant_id = own_tenant(actor)
    found = invoices.invoices_of(actor, tenant_id, limit=PAGE_SIZE, offset=first)
    due = invoices.owed_by(actor, tenant_id)
    return ListView(
        rows=[rows.to_row(each, lang) for each in found.rows],
        first=first,
        total=found.total,
        due=fmt.toman(due.amount_rial, lang),
        due_count=fmt.number(due.count, lang),
    )
