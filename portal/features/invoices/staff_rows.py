"""Rows of the staff's list of invoices: formatted strings in the reader's language."""

from dataclasses import dataclass

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices.types import Invoice
from backend.payments.standing_rules import Standing
from portal import routes
from portal.features.invoices.standing_rows import left_of, status_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    """An invoice of any company."""

    key: str
    url: str
    number: str
    company: str
    day: str
    tokens: str
    amount: str
    left: str
    status: str
    tone: str


def to_found(invoice: Invoice, standing: Standing | None, lang: Lang) -> FoundRow:
    """A line of the list. An invoice that was not issued has no amount yet."""
    status, tone = status_of(invoice, standing, lang)
    return FoundRow(
        key=str(invoice.id),
        url=routes.invoice(invoice.id),
        number=fmt.identifier(invoice.number, lang)
        if invoice.number
        else text("page.invoices.no_number", lang),
        company=invoice.tenant_name(lang),
        day=fmt.day(invoice.day, lang),
        tokens=fmt.number(invoice.tokens, lang),
        amount=fmt.toman_bare(invoice.amount_rial, lang) if invoice.number else "—",
        left=left_of(invoice, standing, lang),
        status=status,
        tone=tone,
    )
