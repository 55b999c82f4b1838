"""What the page of one invoice knows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import reflex as rx

from backend.actor import Actor
from backend.errors import NotFound
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from portal import bridge, session
from portal.bridge import Problem
from portal.guard import EVERYBODY, STAFF, TENANT_ADMINS, allow
from portal.i18n import language
from portal.invoices import payment_rows, rows
from portal.invoices.payment_rows import AttemptRow, Offer
from portal.invoices.rows import FlagLine, InvoiceView, LineRow, ReadingRow
from portal.payment_words import refusal_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Everything on the page."""

    invoice: InvoiceView
    lines: list[LineRow]
    readings: list[ReadingRow]
    flags: list[FlagLine]
    paid: str
    outstanding: str
    offer: Offer
    attempts: list[AttemptRow]


class InvoiceState(rx.State):
    """One tab's invoice. The address that names it may be forged: the service decides whose it is."""

    phase: str = "loading"
    problem: Problem = Problem(text="")
    invoice: InvoiceView = InvoiceView()
    lines: list[LineRow] = []
    readings: list[ReadingRow] = []
    flags: list[FlagLine] = []
    paid: str = ""
    outstanding: str = ""
    offer: Offer = Offer()
    attempts: list[AttemptRow] = []
    pay_problem: str = ""
    pay_done: str = ""
    is_asking_credit: bool = False
    is_using_credit: bool = False
    _shown: str = ""

    @rx.event
    @allow(EVERYBODY)
    async def load(self) -> AsyncIterator[None]:
        """The invoice that the address names."""
        if self._shown != self._named():
            # What another invoice showed must not stay under this one's address.
            self.reset()
            yield
        self.pay_problem = refusal_in(self.router.url.query_parameters, language(self))
        self.pay_done = ""
        self.is_asking_credit = self.is_using_credit = False
        await self._show()

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
        """Pay this invoice from credit, as far as it reaches. A second click has its answer in the first."""
        actor, lang, named = (await session.current(self)).actor, language(self), self._named()
        if not self.is_asking_credit:
            return
        self.is_using_credit = True
        yield
        outcome = await bridge.attempt(
            lang,
            lambda: payment_rows.credit_words(payments.use_credit(actor, [invoice_id_of(named)]), lang),
        )
        self.is_asking_credit = self.is_using_credit = False
        if isinstance(outcome, Problem):
            self.pay_problem, self.pay_done = outcome.text, ""
        else:
            self.pay_problem, self.pay_done = "", outcome
        await self._show()

    def _named(self) -> str:
        return str(self.router.url.path.rstrip("/").rpartition("/")[2])

    async def _show(self) -> None:
        actor, lang, named = (await session.current(self)).actor, language(self), self._named()
        outcome = await bridge.attempt(lang, lambda: detail_view(actor, named, lang))
        self._shown = named
        if isinstance(outcome, Problem):
            self.phase, self.problem = "problem", outcome
            return
        self.invoice, self.flags = outcome.invoice, outcome.flags
        self.lines, self.readings = outcome.lines, outcome.readings
        self.paid, self.outstanding = outcome.paid, outcome.outstanding
        self.offer, self.attempts = outcome.offer, outcome.attempts
        self.phase = "ready"


def invoice_id_of(named: str) -> InvoiceId:
    """The invoice that an address names. One that names none is no different from one that names another tenant's."""
    try:
        return InvoiceId(UUID(named))
    except ValueError as wrong:
        raise NotFound from wrong


def detail_view(actor: Actor, named: str, lang: Lang) -> Detail:
    """Read one invoice, and what was and can be paid on it."""
    invoice_id = invoice_id_of(named)
    found = invoices.invoice(actor, invoice_id)
    view = rows.to_view(found, lang)
    history = payments.history(actor, invoice_id)
    is_part_paid = bool(history.paid_rial and history.outstanding_rial)
    return Detail(
        invoice=view,
        lines=[rows.to_line(line, lang, is_held=view.is_held) for line in found.lines],
        readings=[rows.to_reading(reading, lang) for reading in found.readings],
        flags=rows.to_flags(found.usage, lang),
        paid=fmt.toman(history.paid_rial, lang) if is_part_paid else "",
        outstanding=fmt.toman(history.outstanding_rial, lang) if is_part_paid else "",
        offer=payment_rows.read_offer(actor, [invoice_id], lang) if view.is_payable else Offer(),
        attempts=payment_rows.to_attempts(history, lang, leads=actor.role in STAFF),
    )
