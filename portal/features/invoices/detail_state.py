"""State of the page of an invoice."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import reflex as rx

from backend.actor import Actor
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from portal import routes
from portal.features.invoices import paper_rows, payment_rows, rows, standing_rows
from portal.features.invoices.check_state import CheckingPayments
from portal.features.invoices.paper_rows import Paper, ReceiptRow
from portal.features.invoices.payment_rows import AttemptRow, Offer
from portal.features.invoices.rows import FallRow, FigureLine, FlagLine, InvoiceView, LineRow, ReadingRow
from portal.features.invoices.standing_rows import Check, MovementRow
from portal.guard import EVERYBODY, STAFF, allow
from portal.ids import uuid_of
from portal.place import Pager, Place, page_of, place_of

FIRST = Place(path=routes.INVOICES)
# Lists of the page by their names in the address.
READINGS, MOVEMENTS, ATTEMPTS = "readings", "movements", "attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDetailView:
    """Everything on the page: pages of its long lists, and whole the readings of the ``annex``, which is printed."""

    invoice: InvoiceView = field(default_factory=InvoiceView)
    lines: list[LineRow] = field(default_factory=list)
    readings: list[ReadingRow] = field(default_factory=list)
    readings_pager: Pager = field(default_factory=Pager)
    annex: list[ReadingRow] = field(default_factory=list)
    flags: list[FlagLine] = field(default_factory=list)
    falls: list[FallRow] = field(default_factory=list)
    figures: list[FigureLine] = field(default_factory=list)
    paid: str = ""
    outstanding: str = ""
    paper: Paper = field(default_factory=Paper)
    receipts: list[ReceiptRow] = field(default_factory=list)
    offer: Offer = field(default_factory=Offer)
    check: Check = field(default_factory=Check)
    movements: list[MovementRow] = field(default_factory=list)
    movements_pager: Pager = field(default_factory=Pager)
    attempts: list[AttemptRow] = field(default_factory=list)
    attempts_pager: Pager = field(default_factory=Pager)


class InvoiceState(CheckingPayments, rx.State):
    """A tab's invoice. The address that names it may be forged: the service checks the owner."""

    view: InvoiceDetailView = InvoiceDetailView()
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
        named, place = self._named(), place_of(self, others=(READINGS, MOVEMENTS, ATTEMPTS))
        await self._show(lambda actor, lang: detail_view(actor, named, lang, place))
        self._shown = named


def detail_view(actor: Actor, named: str, lang: Lang, place: Place = FIRST) -> InvoiceDetailView:
    """Read an invoice, with a page of its payments and of its readings, and the offer to pay."""
    invoice_id = InvoiceId(uuid_of(named))
    found = invoices.invoice(actor, invoice_id)
    standing = payments.standings(actor, [invoice_id])[invoice_id]
    view = rows.to_view(found, standing, lang)
    history = payments.history(actor, invoice_id)
    is_issued = found.invoice.number is not None
    can_be_paid = view.is_payable and not standing.is_blocked
    annex = rows.to_readings(found, lang)
    readings, readings_pager = page_of(place.of(READINGS), annex, lang)
    movements, movements_pager = page_of(place.of(MOVEMENTS), standing_rows.to_movements(history, lang), lang)
    attempts, attempts_pager = page_of(
        place.of(ATTEMPTS), payment_rows.to_attempts(history, lang, leads=actor.role in STAFF), lang
    )
    return InvoiceDetailView(
        invoice=view,
        lines=rows.to_lines(found.lines, lang, is_held=view.is_held),
        readings=readings,
        readings_pager=readings_pager,
        annex=annex,
        flags=rows.to_flags(found.usage, lang),
        falls=[rows.to_fall(fall, lang) for fall in found.falls],
        figures=rows.to_figures(found, lang),
        paid=fmt.toman_in_column(history.paid_rial, lang) if is_issued else "",
        outstanding=fmt.toman_in_column(history.outstanding_rial, lang) if is_issued else "",
        offer=payment_rows.read_offer(actor, [invoice_id], lang, at_bank=standing.at_bank)
        if can_be_paid
        else Offer(),
        check=standing_rows.to_check(standing, lang),
        movements=movements,
        movements_pager=movements_pager,
        paper=paper_rows.to_paper(found, history, lang),
        receipts=paper_rows.to_receipts(history, lang),
        attempts=attempts,
        attempts_pager=attempts_pager,
    )
