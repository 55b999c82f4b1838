"""Rows of payments on the pages of invoices: the offer to pay, and the attempts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from backend.actor import TENANT_ROLES, Actor, Role, own_tenant
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from backend.payments.types import Attempt, CreditUse, InvoicePayments, PaymentPreview, PreviewProblem
from portal import routes
from portal.payment_words import invoices_named, standing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Offer of a payment, shown before the click; empty where there is nothing to pay."""

    is_shown: bool = False
    can_pay: bool = False
    invoices: str = ""
    amount: str = ""
    total: str = ""
    rial: str = ""
    remarks: list[str] = field(default_factory=list)
    pay_all: str = ""
    credit: str = ""
    credit_to_use: str = ""
    can_use_credit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """An attempt to pay an invoice."""

    key: str
    at: str
    amount: str
    of_total: str
    state: str
    tone: str
    track_id: str
    reference: str
    card: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A tenant's credit, or its debt after money was taken back; empty where there is neither."""

    name: str = ""
    amount: str = ""
    note: str = ""


def read_offer(
    actor: Actor, invoice_ids: Sequence[InvoiceId], lang: Lang, *, at_bank: Sequence[Attempt] = ()
) -> Offer:
    """The offer to pay these invoices, with payments open at the bank; empty for staff."""
    if actor.role not in TENANT_ROLES:
        return Offer()
    preview = payments.preview(actor, invoice_ids)
    offer = to_offer(preview, lang, may_pay=actor.role == Role.TENANT_ADMIN, is_list=False)
    opened = [text("payment.open_at_bank", lang, at=fmt.moment(each.begun_at, lang)) for each in at_bank]
    return replace(offer, remarks=[*opened, *offer.remarks])


def to_offer(preview: PaymentPreview, lang: Lang, *, may_pay: bool, is_list: bool) -> Offer:
    """The preview in words. Invoices under check have their own card."""
    if preview.problem == PreviewProblem.NOTHING_TO_PAY:
        return Offer()
    if not may_pay:
        return Offer(is_shown=True, remarks=[text("payment.only_admins", lang)])
    first = preview.next_rial
    return Offer(
        is_shown=True,
        can_pay=preview.problem is None,
        invoices=",".join(str(each.invoice_id) for each in preview.invoices),
        amount=fmt.toman(first, lang),
        total=fmt.toman(preview.total_rial, lang),
        rial=fmt.rial(first, lang),
        remarks=_remarks(preview, lang, is_list=is_list),
        pay_all=_pay_all(preview, lang),
        credit_to_use=fmt.toman(min(preview.credit_rial, preview.total_rial), lang),
        credit=fmt.toman(preview.credit_rial, lang) if preview.credit_rial else "",
        can_use_credit=preview.credit_rial > 0 and preview.total_rial > 0,
    )


def _pay_all(preview: PaymentPreview, lang: Lang) -> str:
    """The button's words: the sum of this click, and how many more clicks follow."""
    if not preview.is_split:
        return text("payment.pay_all", lang, amount=fmt.toman(preview.total_rial, lang))
    first, more = preview.next_rial, preview.payments - 1
    return text("payment.pay_first_part", lang, amount=fmt.toman(first, lang), more=fmt.number(more, lang))


def _remarks(preview: PaymentPreview, lang: Lang, *, is_list: bool) -> list[str]:
    remarks = []
    if preview.problem == PreviewProblem.BELOW_MINIMUM:
        key = (
            "payment.below_minimum_list" if is_list or len(preview.invoices) > 1 else "payment.below_minimum"
        )
        remarks.append(text(key, lang, minimum=fmt.toman(preview.minimum_rial, lang)))
    if preview.is_split:
        remarks.append(
            text(
                "payment.split",
                lang,
                maximum=fmt.toman(preview.maximum_rial, lang),
                count=fmt.number(preview.payments, lang),
                first=fmt.toman(preview.next_rial, lang),
            )
        )
    return remarks


def read_credit(actor: Actor, lang: Lang) -> Credit:
    """The credit of the actor's own tenant."""
    return to_credit(payments.credit_balance(actor, own_tenant(actor)), lang)


def to_credit(balance_rial: int, lang: Lang) -> Credit:
    """A balance by its name, so that its amount needs no sign."""
    if not balance_rial:
        return Credit()
    name = "credit" if balance_rial > 0 else "debt"
    return Credit(
        name=text(f"payment.{name}", lang),
        amount=fmt.toman(abs(balance_rial), lang),
        note=text(f"payment.{name}_note", lang),
    )


def to_attempts(history: InvoicePayments, lang: Lang, *, leads: bool = False) -> list[AttemptRow]:
    """Every attempt at an invoice, the newest first; where it ``leads``, staff go on to the evidence."""
    return [_to_attempt(each, history.invoice_id, lang, leads=leads) for each in history.attempts]


def _to_attempt(attempt: Attempt, invoice_id: InvoiceId, lang: Lang, *, leads: bool) -> AttemptRow:
    part = next(each.amount_rial for each in attempt.allocations if each.invoice_id == invoice_id)
    state, tone = standing_of(attempt, lang)
    whole = fmt.toman(attempt.amount_rial, lang)
    return AttemptRow(
        key=str(attempt.id),
        at=fmt.moment(attempt.begun_at, lang),
        amount=fmt.toman_bare(part, lang),
        of_total=text("payment.of_total", lang, amount=whole, numbers=invoices_named(attempt.numbers, lang))
        if part != attempt.amount_rial
        else "",
        state=state,
        tone=tone,
        # What one tells a bank stays in the bank's own digits.
        track_id=str(attempt.track_id or "—"),
        reference=attempt.check.ref_number or "—",
        card=attempt.check.card_mask or "—",
        url=routes.payment(attempt.track_id) if leads and attempt.track_id else "",
    )


def credit_words(used: CreditUse, lang: Lang) -> str:
    """Result of paying from credit, in words."""
    if not used.used_rial:
        return text("payment.credit_not_used", lang)
    return text("payment.credit_used", lang, amount=fmt.toman(used.used_rial, lang))
