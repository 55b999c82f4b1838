"""Shared parts of the plain payment pages: ids in a form, invoice numbers, and a page with a single sentence."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from backend.actor import Actor
from backend.errors import Invalid, NotFound
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.payments.types import AttemptId
from portal import routes
from portal.http.plain_page import language_of, render
from portal.ids import uuid_of

MOST_NUMBERS = 10


def numbers_of(actor: Actor, invoice_ids: Sequence[InvoiceId]) -> list[str]:
    """The numbers of invoices, in the given order. Raises NotFound for one of another tenant."""
    dues = {due.id: due.number for due in invoices.dues(actor, invoice_ids)}
    return [dues[each] for each in invoice_ids]


def more_words(count: int, lang: Lang) -> str:
    """The number of further items that are not named, in words; empty for none."""
    return " " + text("page.hand_off.more", lang, count=fmt.number(count, lang)) if count > 0 else ""


def sentence_page(request: Request, sentence: str, *, status: int = 200) -> Response:
    """A page that only says something, and leads to the invoices."""
    lang = language_of(request)
    return render(
        request,
        "returned",
        status=status,
        title=text("page.hand_off.plain", lang),
        tone="warn",
        outcome="",
        sentence=sentence,
        remarks=[],
        facts=[],
        onward=routes.INVOICES,
        onward_name=text("payment.to_invoices", lang),
    )


def invoice_ids_in(chosen: str) -> list[InvoiceId]:
    """The invoices that a form names. Raises Invalid."""
    try:
        return [InvoiceId(uuid_of(each)) for each in filter(None, chosen.split(","))]
    except NotFound as wrong:
        raise Invalid(field="invoices") from wrong


def attempt_ids_in(named: str) -> list[AttemptId]:
    """The payments named in a form or an address. Raises NotFound for text that is no id."""
    return [AttemptId(uuid_of(each)) for each in filter(None, named.split(","))]


def page_of(chosen: str) -> str:
    """The page that a click with these invoices came from."""
    try:
        return page_of_ids(invoice_ids_in(chosen))
    except Invalid:
        return routes.INVOICES


def page_of_ids(invoice_ids: Sequence[InvoiceId]) -> str:
    """The page of the only invoice, or the list of all."""
    return routes.invoice(invoice_ids[0]) if len(invoice_ids) == 1 else routes.INVOICES
