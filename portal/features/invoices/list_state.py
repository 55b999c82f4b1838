"""State of the list of invoices."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import reflex as rx

from backend.actor import Actor, own_tenant
from backend.errors import Invalid, NotFound
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId, InvoiceStatus
from backend.payments import service as payments
from portal.bridge import Problem
from portal.features.invoices import payment_rows, rows, standing_rows
from portal.features.invoices.check_state import CheckingPayments
from portal.features.invoices.payment_rows import Credit, Offer
from portal.features.invoices.rows import InvoiceRow
from portal.features.invoices.standing_rows import Check
from portal.guard import TENANT, TENANT_ADMINS, allow
from portal.ids import uuid_of
from portal.place import Choice, Pager, Place, choices, page_at, place_of, to_pager

STATUS = "status"
# Their ids fit into the form that pays them, and into one event.
MOST_TICKED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """A page of the list, what is due in all, and what can be done about it."""

    rows: list[InvoiceRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    choices: list[Choice] = field(default_factory=list)
    due: str = ""
    due_count: str = ""
    offer: Offer = field(default_factory=Offer)
    check: Check = field(default_factory=Check)
    credit: Credit = field(default_factory=Credit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """The ticked invoices, and the offer to pay them."""

    ids: str = ""
    offer: Offer = field(default_factory=Offer)
    words: str = ""


class InvoicesState(CheckingPayments, rx.State):
    """A tab's view of its tenant's invoices. The address says the place in the list."""

    view: ListView = ListView()
    # The browser keeps the ids too, for a line that drops may leave this state behind. It sends them whenever it goes
    # to another page, even before it was told of the last tick: while this state lives, ``_ticked`` is what counts.
    ticked: str = rx.SessionStorage("", name="ticked-invoices")
    _ticked: str | None = None
    ticked_offer: Offer = Offer()
    ticked_sum: str = ""

    @rx.event
    @allow(TENANT)
    async def load(self) -> None:
        """The page of the list that the address names, and what was ticked before."""
        self._begin_paying()
        await self._show_again()

    @rx.event
    @allow(TENANT)
    async def load_again(self) -> None:
        """The same place again."""
        await self._show_again()

    @rx.event
    @allow(TENANT_ADMINS)
    async def toggle(self, key: str) -> None:
        """Choose an invoice to be paid, or choose it no more. Only one of the own that waits for money stays chosen."""
        key, before = str(key), self._ticked_before()
        wanted = [each for each in before if each != key] if key in before else [*before, key]
        outcome = await self._attempt(lambda actor, lang: read_ticked(actor, wanted, lang))
        if isinstance(outcome, Problem):
            self.pay_problem = outcome.text
            return
        self.pay_problem = ""
        self._show_ticked(outcome)

    def _due(self) -> None:
        return None

    async def _show_again(self) -> None:
        place, before = place_of(self, {STATUS: tuple(InvoiceStatus)}), self._ticked_before()
        found = await self._read(
            lambda actor, lang: (list_view(actor, place, lang), still_ticked(actor, before, lang))
        )
        if found is not None:
            self.view, ticked = found
            self._show_ticked(ticked)

    def _ticked_before(self) -> list[str]:
        return ids_in(self.ticked if self._ticked is None else self._ticked)

    def _show_ticked(self, found: Ticked) -> None:
        self._ticked = found.ids
        self.ticked, self.ticked_offer, self.ticked_sum = found.ids, found.offer, found.words


def list_view(actor: Actor, place: Place, lang: Lang) -> ListView:
    """Read a page of the actor's own tenant's invoices, and what is due in all."""
    tenant_id = own_tenant(actor)
    status = InvoiceStatus(place.word(STATUS)) if place.word(STATUS) else None
    place, found = page_at(
        place,
        lambda limit, offset: invoices.invoices_of(
            actor, tenant_id, limit=limit, offset=offset, status=status
        ),
    )
    due, preview = payments.owed_by(actor, tenant_id), payments.preview(actor)
    standings = payments.standings(actor, [each.id for each in found.rows])
    return ListView(
        rows=[rows.to_row(each, standings[each.id], lang) for each in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
        choices=choices(place, STATUS, rows.status_choices(lang)),
        due=fmt.toman(due.outstanding_rial, lang),
        due_count=fmt.number(due.count, lang),
        offer=payment_rows.to_offer(preview, lang, may_pay=actor.role in TENANT_ADMINS, is_list=True),
        check=standing_rows.to_check_of_several(preview.doubtful, lang),
        credit=payment_rows.read_credit(actor, lang),
    )


def ids_in(ticked: str) -> list[str]:
    """The ids that a browser kept, which may hold anything."""
    return [each for each in ticked.split(",") if each][: MOST_TICKED + 1]


def read_ticked(actor: Actor, keys: Sequence[str], lang: Lang) -> Ticked:
    """The offer for the ticked invoices. Ticks of invoices that are paid by now are dropped.

    Raises:
        NotFound: a ticked id is no invoice of the actor's.
        Invalid: the invoices are more than a payment takes.
    """
    if not keys:
        return Ticked()
    if len(keys) > MOST_TICKED:
        raise Invalid(field="invoice_ids", reason="too_many_invoices")
    offer = payment_rows.read_offer(actor, [InvoiceId(uuid_of(key)) for key in keys], lang)
    count = fmt.number(len(ids_in(offer.invoices)), lang)
    words = text("payment.chosen_sum", lang, count=count, amount=offer.total) if offer.invoices else ""
    # The ids reach the browser once.
    return Ticked(ids=offer.invoices, offer=replace(offer, invoices=""), words=words)


def still_ticked(actor: Actor, keys: Sequence[str], lang: Lang) -> Ticked:
    """The ticks of a browser that still hold; none where an id is another's or not an id at all."""
    try:
        return read_ticked(actor, keys, lang)
    except (NotFound, Invalid):
        return Ticked()
