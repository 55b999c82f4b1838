"""What the list of invoices knows."""

from collections.abc import Sequence
from dataclasses import dataclass

import reflex as rx

from backend.actor import Actor, own_tenant
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from portal import bridge, session
from portal.bridge import Problem
from portal.guard import TENANT, TENANT_ADMINS, allow
from portal.i18n import language
from portal.ids import uuid_of
from portal.invoices import payment_rows, rows, standing_rows
from portal.invoices.check_state import CheckingPayments
from portal.invoices.payment_rows import Credit, Offer
from portal.invoices.rows import InvoiceRow
from portal.invoices.standing_rows import Check

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """A page of the list."""

    rows: list[InvoiceRow]
    first: int
    total: int
    due: str
    due_count: str
    offer: Offer
    check: Check
    credit: Credit


class InvoicesState(CheckingPayments, rx.State):
    """One tab's place in the own tenant's invoices."""

    phase: str = "loading"
    problem: Problem = Problem(text="")
    rows: list[InvoiceRow] = []
    shown: str = ""
    due: str = ""
    due_count: str = ""
    has_previous: bool = False
    has_next: bool = False
    credit: Credit = Credit()
    chosen: list[str] = []
    chosen_offer: Offer = Offer()
    chosen_sum: str = ""
    _first: int = 0

    @rx.event
    @allow(TENANT)
    async def load(self) -> None:
        """The newest invoices."""
        self._begin_paying()
        await self._show(0)

    @rx.event
    @allow(TENANT)
    async def load_again(self) -> None:
        """The same place again."""
        await self._show_again()

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

    @rx.event
    @allow(TENANT_ADMINS)
    async def toggle(self, key: str) -> None:
        """Choose an invoice of this page to be paid, or choose it no more."""
        payable = [row.key for row in self.rows if row.is_payable]
        if key not in payable:
            return
        wanted = [each for each in payable if (each in self.chosen) != (each == key)]
        actor, lang = (await session.current(self)).actor, language(self)
        outcome = await bridge.attempt(lang, lambda: chosen_offer(actor, wanted, lang))
        if isinstance(outcome, Problem):
            self.pay_problem = outcome.text
            return
        self.chosen, self.chosen_offer, self.pay_problem = wanted, outcome, ""
        count = fmt.number(len(wanted), lang)
        self.chosen_sum = (
            text("payment.chosen_sum", lang, count=count, amount=outcome.total) if wanted else ""
        )

    def _due(self) -> None:
        return None

    async def _show_again(self) -> None:
        await self._show(self._first)

    async def _show(self, first: int) -> None:
        actor, lang = (await session.current(self)).actor, language(self)
        outcome = await bridge.attempt(lang, lambda: list_view(actor, first, lang))
        if isinstance(outcome, Problem):
            self.phase, self.problem = "problem", outcome
            return
        self._first, self.rows = outcome.first, outcome.rows
        self.due, self.due_count = outcome.due, outcome.due_count
        self.offer, self.credit, self.check = outcome.offer, outcome.credit, outcome.check
        self.chosen, self.chosen_offer, self.chosen_sum = [], Offer(), ""
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
    if first and first >= found.total:
        # Two quick clicks on "older" count past the end.
        first = max(0, found.total - 1) // PAGE_SIZE * PAGE_SIZE
        found = invoices.invoices_of(actor, tenant_id, limit=PAGE_SIZE, offset=first)
    due, preview = payments.owed_by(actor, tenant_id), payments.preview(actor)
    standings = payments.standings(actor, [each.id for each in found.rows])
    return ListView(
        rows=[rows.to_row(each, standings[each.id], lang) for each in found.rows],
        first=first,
        total=found.total,
        due=fmt.toman(due.outstanding_rial, lang),
        due_count=fmt.number(due.count, lang),
        offer=payment_rows.to_offer(preview, lang, may_pay=actor.role in TENANT_ADMINS, is_list=True),
        check=standing_rows.to_check_of_several(preview.doubtful, lang),
        credit=payment_rows.read_credit(actor, lang),
    )


def chosen_offer(actor: Actor, keys: Sequence[str], lang: Lang) -> Offer:
    """What a click would do with the chosen invoices."""
    return payment_rows.read_offer(actor, [InvoiceId(uuid_of(key)) for key in keys], lang)
