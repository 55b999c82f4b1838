"""What the page of one invoice knows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import reflex as rx

from backend.actor import Actor
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from portal import bridge, session
from portal.bridge import Problem
from portal.features.invoices import paper_rows, payment_rows, rows, standing_rows
from portal.features.invoices.check_state import CheckingPayments
from portal.features.invoices.paper_rows import Paper, ReceiptRow
from portal.features.invoices.payment_rows import AttemptRow, Offer
from portal.features.invoices.rows import FlagLine, InvoiceView, LineRow, ReadingRow
from portal.features.invoices.standing_rows import Check, MovementRow
from portal.guard import EVERYBODY, STAFF, allow
from portal.i18n import language
from portal.ids import uuid_of


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDetailView:
    """Everything on the page."""

    invoice: InvoiceView
    lines: list[LineRow]
    readings: list[ReadingRow]
    flags: list[FlagLine]
    paid: str
    outstanding: str
    paper: Paper
    receipts: list[ReceiptRow]
    offer: Offer
    check: Check
    movements: list[MovementRow]
    attempts: list[AttemptRow]


class InvoiceState(CheckingPayments, rx.State):
    """One tab's invoice. The address that names it may be forged: the service decides whose it is."""

    phase: str = "loading"
    problem: Problem = Problem(text="")
    invoice: InvoiceView = InvoiceView()
    lines: list[LineRow] = []
    readings: list[ReadingRow] = []
    flags: list[FlagLine] = []
    paid: str = ""
    outstanding: str = ""
    movements: list[MovementRow] = []
    paper: Paper = Paper()
    receipts: list[ReceiptRow] = []
    attempts: list[AttemptRow] = []
    _shown: str = ""

    @rx.event
    @allow(EVERYBODY)
    async def load(self) -> AsyncIterator[None]:
        """The invoice that the address names."""
        if self._shown != self._named():
            # What another invoice showed must not stay under this one's address.
            self.reset()
            yield
        self._begin_paying()
        await self._show_again()

    def _named(self) -> str:
        return str(self.router.url.path.rstrip("/").rpartition("/")[2])

    def _due(self) -> str:
        return self._named()

    async def _show_again(self) -> None:
        actor, lang, named = (await session.current(self)).actor, language(self), self._named()
        outcome = await bridge.attempt(lang, lambda: detail_view(actor, named, lang))
        self._shown = named
        if isinstance(outcome, Problem):
            self.phase, self.problem = "problem", outcome
            return
        self.invoice, self.flags = outcome.invoice, outcome.flags
        self.lines, self.readings = outcome.lines, outcome.readings
        self.paid, self.outstanding = outcome.paid, outcome.outstanding
        self.paper, self.receipts = outcome.paper, outcome.receipts
        self.offer, self.attempts = outcome.offer, outcome.attempts
        self.check, self.movements = outcome.check, outcome.movements
        self.phase = "ready"


def detail_view(actor: Actor, named: str, lang: Lang) -> InvoiceDetailView:
    """Read one invoice, and what was and can be paid on it."""
    invoice_id = InvoiceId(uuid_of(named))
    found = invoices.invoice(actor, invoice_id)
    standing = payments.standings(actor, [invoice_id])[invoice_id]
    view = rows.to_view(found, standing, lang)
    history = payments.history(actor, invoice_id)
    is_issued = found.invoice.number is not None
    can_be_paid = view.is_payable and not standing.is_blocked
    return InvoiceDetailView(
        invoice=view,
        lines=rows.to_lines(found.lines, lang, is_held=view.is_held),
        readings=[rows.to_reading(reading, lang) for reading in found.readings],
        flags=rows.to_flags(found.usage, lang),
        paid=fmt.toman_in_column(history.paid_rial, lang) if is_issued else "",
        outstanding=fmt.toman_in_column(history.outstanding_rial, lang) if is_issued else "",
        offer=payment_rows.read_offer(actor, [invoice_id], lang, at_bank=standing.at_bank)
        if can_be_paid
        else Offer(),
        check=standing_rows.to_check(standing, lang),
        movements=standing_rows.to_movements(history, lang),
        paper=paper_rows.to_paper(found, history, lang),
        receipts=paper_rows.to_receipts(history, lang),
        attempts=payment_rows.to_attempts(history, lang, leads=actor.role in STAFF),
    )
