"""The paper's additions to the screen: the seller, the sum in words, and the receipts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices.types import InvoiceDetail, InvoiceStatus, Seller
from backend.payments.types import Attempt, AttemptId, InvoicePayments, LedgerEntry
from portal import routes


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerView:
    """The seller's block. Empty strings stand for fields that are not set."""

    name: str = ""
    economic_code: str = ""
    national_id: str = ""
    registration_number: str = ""
    address: str = ""
    postal_code: str = ""
    phone: str = ""
    logo: str = routes.OWN_MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The sheet's own words. A held invoice has no sums yet, so its strings are empty."""

    seller: SellerView = SellerView()
    annex: str = ""
    tokens: str = ""
    net: str = ""
    tax: str = ""
    total: str = ""
    in_words: str = ""
    paid: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRow:
    """Money that paid the invoice, or a part of it."""

    key: str
    at: str
    method: str
    track_id: str
    reference: str
    amount: str


def to_paper(detail: InvoiceDetail, history: InvoicePayments, lang: Lang) -> Paper:
    """The sheet of one invoice."""
    invoice = detail.invoice
    number = fmt.identifier(invoice.number, lang) if invoice.number else ""
    annex = text(
        "page.invoice.paper.annex" if number else "page.invoice.paper.annex_held", lang, number=number
    )
    if invoice.status is InvoiceStatus.HELD:
        return Paper(
            seller=to_seller(detail.seller, lang), annex=annex, tokens=fmt.number(invoice.tokens, lang)
        )
    return Paper(
        seller=to_seller(detail.seller, lang),
        annex=annex,
        tokens=fmt.number(invoice.tokens, lang),
        net=fmt.toman_bare(invoice.net_rial, lang),
        tax=fmt.toman_bare(invoice.tax_rial, lang),
        total=fmt.toman_bare(invoice.amount_rial, lang),
        in_words=fmt.toman_in_words(invoice.amount_rial, lang),
        paid=fmt.toman(history.paid_rial, lang) if history.paid_rial else "",
        left=fmt.toman(history.outstanding_rial, lang) if number else "",
    )


def to_seller(seller: Seller, lang: Lang) -> SellerView:
    """The seller's block; a name and an address stay as they are registered."""
    return SellerView(
        name=seller.legal_name,
        economic_code=fmt.digits(seller.economic_code, lang),
        national_id=fmt.digits(seller.national_id, lang),
        registration_number=fmt.digits(seller.registration_number, lang),
        address=seller.address,
        postal_code=fmt.digits(seller.postal_code, lang),
        phone=fmt.identifier(seller.phone, lang) if seller.phone else "",
        logo=routes.SELLER_LOGO if seller.has_logo else routes.OWN_MARK,
    )


def to_receipts(history: InvoicePayments, lang: Lang) -> list[ReceiptRow]:
    """Receipts of an invoice in order of time: each payment with its numbers, and all credit as a single line."""
    attempts = {each.id: each for each in history.attempts}
    paid = sorted(_paid_by(history.entries, attempts).items(), key=lambda each: each[1][1])
    return [
        _to_receipt(attempts.get(attempt_id) if attempt_id else None, amount_rial, at, lang)
        for attempt_id, (amount_rial, at) in paid
        if amount_rial > 0
    ]


def _paid_by(
    entries: Iterable[LedgerEntry], attempts: Mapping[AttemptId, Attempt]
) -> dict[AttemptId | None, tuple[int, datetime]]:
    """Amount and last time of each payment after all reversals; the key None is credit."""
    paid: dict[AttemptId | None, tuple[int, datetime]] = {}
    for entry in entries:
        # A payment of other invoices that took credit back from this one has paid nothing here.
        payer = entry.attempt_id if entry.attempt_id in attempts else None
        amount_rial, at = paid.get(payer, (0, entry.at))
        paid[payer] = (amount_rial - entry.amount_rial, max(at, entry.at) if entry.amount_rial < 0 else at)
    return paid


def _to_receipt(attempt: Attempt | None, amount_rial: int, at: datetime, lang: Lang) -> ReceiptRow:
    method = "page.invoice.paper.by_gateway" if attempt else "page.invoice.paper.by_credit"
    return ReceiptRow(
        key=str(attempt.id) if attempt else "credit",
        at=fmt.moment(at, lang),
        method=text(method, lang),
        # What one tells a bank stays in the bank's own digits.
        track_id=str(attempt.track_id) if attempt and attempt.track_id else "—",
        reference=(attempt.check.ref_number if attempt else None) or "—",
        amount=fmt.toman_bare(amount_rial, lang),
    )
