"""What the list of invoices knows."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

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
from portal.invoices import payment_rows, rows
from portal.invoices.payment_rows import Credit, Offer
from portal.invoices.rows import InvoiceRow
from portal.payment_words import refusal_in

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
    credit: Credit


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
    offer: Offer = Offer()
    credit: Credit = Credit()
    chosen: list[str] = []
    chosen_offer: Offer = Offer()
    chosen_sum: str = ""
    pay_problem: str = ""
    pay_done: str = ""
    is_asking_credit: bool = False
    is_using_credit: bool = False
    _first: int = 0

    @rx.event
    @allow(TENANT)
    async def load(self) -> None:
        """The newest invoices."""
        self.pay_problem = refusal_in(self.router.url.query_parameters, language(self))
        self.pay_done = ""
        self.is_asking_credit = self.is_using_credit = False
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

    @rx.event
    @allow(TENANT_ADMINS)
    def ask_credit(self) -> None:
        """Open the question, where there is credit to use."""
        self.is_asking_credit = self.offer.can_use_credit

    @rx.event
    @allow(TENANT_ADMINS)
    def close_credit(self) -> None:
        """The payer thought better of it."""
        self.is_asking_credit = False

    @rx.event
    @allow(TENANT_ADMINS)
    async def use_credit(self) -> AsyncIterator[None]:
        """Pay what is due from credit, as far as it reaches. A second click has its answer in the first."""
        actor, lang = (await session.current(self)).actor, language(self)
        if not self.is_asking_credit:
            return
        self.is_using_credit = True
        yield
        outcome = await bridge.attempt(
            lang, lambda: payment_rows.credit_words(payments.use_credit(actor), lang)
        )
        self.is_asking_credit = self.is_using_credit = False
        if isinstance(outcome, Problem):
            self.pay_problem, self.pay_done = outcome.text, ""
        else:
            self.pay_problem, self.pay_done = "", outcome
        await self._show(self._first)

    async def _show(self, first: int) -> None:
        actor, lang = (await session.current(self)).actor, language(self)
        outcome = await bridge.attempt(lang, lambda: list_view(actor, first, lang))
        if isinstance(outcome, Problem):
            self.phase, self.problem = "problem", outcome
            return
        self._first, self.rows = outcome.first, outcome.rows
        self.due, self.due_count = outcome.due, outcome.due_count
        self.offer, self.credit = outcome.offer, outcome.credit
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
    due = invoices.owed_by(actor, tenant_id)
    return ListView(
        rows=[rows.to_row(each, lang) for each in found.rows],
        first=first,
        total=found.total,
        due=fmt.toman(due.amount_rial, lang),
        due_count=fmt.number(due.count, lang),
        offer=payment_rows.read_offer(actor, None, lang),
        credit=payment_rows.read_credit(actor, lang),
    )


def chosen_offer(actor: Actor, keys: Sequence[str], lang: Lang) -> Offer:
    """What a click would do with the chosen invoices."""
    return payment_rows.read_offer(actor, [InvoiceId(UUID(key)) for key in keys], lang)
