"""Rows of the staff's payment lists: formatted strings in the reader's language."""

from dataclasses import dataclass, field

from backend import clock
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.payments import rules
from backend.payments.types import Attempt, AttemptVerdict, LedgerEntry, PaymentFile, PaymentFlag
from portal import routes
from portal.components.reasons import Reason
from portal.features.payments.reasons import undecided_why
from portal.payment_words import invoices_named, standing_of

# Refunds on their way stand on the list of what is undecided, too.
_IN_DOUBT = rules.NOT_DECIDED | {AttemptVerdict.REFUNDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """A payment on one of the lists."""

    key: str
    tenant: str
    at: str
    amount: str
    state: str
    tone: str
    track_id: str
    invoices: str
    reasons: list[Reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """A movement of money."""

    key: str
    at: str
    kind: str
    amount: str
    number: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLink:
    """An invoice of a payment."""

    number: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """The evidence of one payment; an empty key says that none is open."""

    key: str = ""
    title: str = ""
    state: str = ""
    tone: str = ""
    amount: str = ""
    rial: str = ""
    track_id: str = ""
    order: str = ""
    gateway_status: str = ""
    verdict: str = ""
    reference: str = ""
    card: str = ""
    last_error: str = ""
    checks: str = ""
    last_asked: str = ""
    next_ask: str = ""
    resolution: str = ""
    invoices: list[InvoiceLink] = field(default_factory=list)
    can_check: bool = False
    can_resolve: bool = False


def to_payment(attempt: Attempt, tenant: str, lang: Lang) -> PaymentRow:
    """A line of a list."""
    state, tone = standing_of(attempt, lang)
    return PaymentRow(
        key=str(attempt.id),
        tenant=tenant,
        at=fmt.moment(attempt.begun_at, lang),
        amount=fmt.toman_bare(attempt.amount_rial, lang),
        state=state,
        tone=tone,
        track_id=_code(attempt.track_id),
        invoices=invoices_named(attempt.numbers, lang),
        reasons=_reasons(attempt, lang),
    )


def _reasons(attempt: Attempt, lang: Lang) -> list[Reason]:
    flags = [
        Reason(name=text(f"payment.flag.{flag}", lang), sentence=_flag_sentence(attempt, flag, lang))
        for flag in attempt.flags
    ]
    if flags or attempt.check.verdict not in _IN_DOUBT:
        return flags  # what is decided needs no reason
    return [
        Reason(
            name=text(f"payment.verdict.{attempt.check.verdict}", lang),
            sentence=undecided_why(attempt.check.last_error or attempt.check.verdict, lang),
        )
    ]


def _flag_sentence(attempt: Attempt, flag: PaymentFlag, lang: Lang) -> str:
    # The gateway may have named another amount once and proved ours later.
    is_booked = flag == PaymentFlag.MISMATCH and attempt.settlement_no > 0
    return text(f"payment.flag_text.{flag}_booked" if is_booked else f"payment.flag_text.{flag}", lang)


def checked_words(attempt: Attempt, lang: Lang) -> tuple[str, bool]:
    """Result of an operator's check, in words, and whether the gateway answered."""
    state, _ = standing_of(attempt, lang)
    if attempt.check.verdict != AttemptVerdict.UNDECIDED:
        return text("page.payments.checked", lang, state=state), True
    why = undecided_why(attempt.check.last_error, lang)
    return text("page.payments.checked_in_vain", lang, why=why, state=state), False


def to_file(found: PaymentFile, lang: Lang) -> FileView:
    """Evidence of a payment: the gateway's fields and ours."""
    attempt = found.attempt
    state, tone = standing_of(attempt, lang)
    tenant = found.tenant_name_fa if lang == "fa" else found.tenant_name_en
    return FileView(
        key=str(attempt.id),
        title=f"{tenant} · {fmt.toman(attempt.amount_rial, lang)}",
        state=state,
        tone=tone,
        amount=fmt.toman(attempt.amount_rial, lang),
        rial=fmt.rial(attempt.amount_rial, lang),
        track_id=_code(attempt.track_id),
        order=attempt.order_ref,
        gateway_status=_code(attempt.check.gateway_status),
        verdict=text(f"payment.verdict.{attempt.check.verdict}", lang) if attempt.check.verdict else "—",
        reference=_code(attempt.check.ref_number),
        card=_code(attempt.check.card_mask),
        last_error=undecided_why(attempt.check.last_error, lang),
        checks=fmt.number(attempt.check.check_count, lang),
        last_asked=fmt.moment(attempt.check.last_inquiry_at, lang) if attempt.check.last_inquiry_at else "—",
        next_ask=fmt.moment(attempt.next_check_at, lang) if attempt.next_check_at else "—",
        resolution=attempt.resolution or "",
        invoices=[
            InvoiceLink(number=fmt.identifier(each.number, lang), url=routes.invoice(each.invoice_id))
            for each in attempt.allocations
        ],
        can_check=attempt.track_id is not None,
        can_resolve=rules.is_resolvable(attempt, clock.utc_now()),
    )


def to_entry(entry: LedgerEntry, attempt: Attempt, lang: Lang) -> EntryRow:
    """A line of a booking; it names the payment's own invoices, and links to any other."""
    numbers = {each.invoice_id: each.number for each in attempt.allocations}
    number = numbers.get(entry.invoice_id, "") if entry.invoice_id else ""
    key = f"payment.entry.{entry.kind}"
    return EntryRow(
        key=str(entry.id),
        at=fmt.moment(entry.at, lang),
        kind=text(key, lang) if has(key) else entry.kind,
        amount=fmt.toman_bare(entry.amount_rial, lang),
        number=fmt.identifier(number, lang) if number else text("payment.to_invoice", lang),
        url=routes.invoice(entry.invoice_id) if entry.invoice_id else "",
    )


def _code(value: object) -> str:
    """A number that one tells a bank: in the bank's own digits in both languages."""
    return "—" if value is None else str(value)
