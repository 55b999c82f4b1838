"""State of an invoice's payments in words: its status, its rest, and payments under check."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.invoices.types import Invoice, InvoiceStatus
from backend.payments.standing_rules import CheckReport, Standing
from backend.payments.types import Attempt, InvoicePayments, LedgerEntry, LedgerEntryKind, Payable

TONES = {
    InvoiceStatus.HELD: "warn",
    InvoiceStatus.PENDING: "info",
    InvoiceStatus.PAID: "ok",
    InvoiceStatus.VOID: "",
}
# The kinds of movement that name an invoice.
_KINDS = {
    LedgerEntryKind.SETTLEMENT: "payment.movement.by_bank",
    LedgerEntryKind.CREDIT_USE: "payment.movement.credit_use",
    LedgerEntryKind.REOPENING: "payment.movement.reopening",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Payments that are being checked with the bank; nothing where there are none."""

    is_shown: bool = False
    sentences: list[str] = field(default_factory=list)
    count: str = ""
    amount: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementRow:
    """Money that came to an invoice, from the bank or from credit, or left it again."""

    key: str
    at: str
    kind: str
    amount: str
    track_id: str


def status_of(invoice: Invoice, standing: Standing | None, lang: Lang) -> tuple[str, str]:
    """The invoice's status in a word or two, and its tone; everywhere the same."""
    if invoice.waits_for_price:
        return text("invoice.waits_for_price", lang), TONES[invoice.status]
    if standing is None or invoice.status is not InvoiceStatus.PENDING:
        return text(f"invoice.status.{invoice.status}", lang), TONES[invoice.status]
    if standing.checked:
        return text("payment.status.checked", lang), "warn"
    if standing.at_bank:
        return text("payment.status.at_bank", lang), "info"
    if standing.paid_rial:
        return text("payment.status.part_paid", lang), "info"
    return text(f"invoice.status.{invoice.status}", lang), TONES[invoice.status]


def left_of(invoice: Invoice, standing: Standing | None, lang: Lang) -> str:
    """The rest to pay on an issued invoice, for a column whose head names the unit."""
    if invoice.number is None or standing is None:
        return "—"
    return fmt.toman_bare(standing.outstanding_rial, lang)


def to_check(standing: Standing, lang: Lang) -> Check:
    """Payments under check of an invoice."""
    if not standing.checked:
        return Check()
    told = [_attempt_sentence(each, lang) for each in standing.checked]
    rule = text("payment.check.wait" if standing.is_blocked else "payment.check.may_pay", lang)
    return Check(is_shown=True, sentences=[*told, rule])


def _attempt_sentence(attempt: Attempt, lang: Lang) -> str:
    return text(
        "payment.check.attempt",
        lang,
        amount=fmt.toman(attempt.amount_rial, lang),
        at=fmt.moment(attempt.begun_at, lang),
        track_id=fmt.code(attempt.track_id, lang),
    )


def to_check_of_several(doubtful: Sequence[Payable], lang: Lang) -> Check:
    """Payments under check on the list, with the numbers of their invoices."""
    if not doubtful:
        return Check()
    numbers = fmt.listed((fmt.identifier(each.number, lang) for each in doubtful), lang)
    return Check(
        is_shown=True,
        sentences=[text("payment.in_doubt", lang, numbers=numbers), text("payment.check.wait", lang)],
        count=fmt.number(len(doubtful), lang),
        amount=fmt.toman(sum(each.outstanding_rial for each in doubtful), lang),
    )


def check_words(report: CheckReport, lang: Lang) -> tuple[str, bool]:
    """Result of a check with the bank, and whether it is settled now."""
    if report.unclear:
        return text("payment.check.still", lang), False
    if report.paid:
        return text("payment.check.paid", lang), True
    return text("payment.check.unpaid" if report.unpaid else "payment.check.nothing", lang), True


def to_movements(history: InvoicePayments, lang: Lang) -> list[MovementRow]:
    """Every payment and use of credit on an invoice, in the order in which they were booked."""
    track_ids = {each.id: each.track_id for each in history.attempts}
    return [_to_movement(entry, track_ids.get(entry.attempt_id), lang) for entry in history.entries]  # type: ignore[arg-type]  # None is no key


def _to_movement(entry: LedgerEntry, track_id: int | None, lang: Lang) -> MovementRow:
    return MovementRow(
        key=str(entry.id),
        at=fmt.moment(entry.at, lang),
        kind=text(_KINDS[entry.kind], lang),
        # The ledger counts from the credit's side.
        amount=fmt.toman_bare(-entry.amount_rial, lang),
        track_id=str(track_id or "—"),
    )
