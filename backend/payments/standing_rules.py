"""Rules of an invoice's payments under way: being checked, perhaps open at the bank, or none."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.rules import DECIDED_STATES, NOT_DECIDED, is_fresh
from backend.payments.types import Attempt, AttemptState, AttemptVerdict

# How long the gateway's page can be paid is documented nowhere; nobody sits in front of it longer than this.
AT_BANK_FOR = timedelta(hours=1)
# A tenant who presses "check now" again and again makes us ask no more often than this.
CHECK_WAIT = timedelta(seconds=10)

_AT_BANK = frozenset({AttemptState.REDIRECTED, AttemptState.EXPIRED})
_HELD_BACK = frozenset({AttemptState.PAID_UNVERIFIED, AttemptState.REVIEW})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Paid and outstanding amounts of an invoice, and its unfinished payments.

    While ``is_blocked`` no other payment may begin; beside a payment that is only being checked, a payer may confirm
    another.
    """

    invoice_id: InvoiceId
    paid_rial: Rial
    outstanding_rial: Rial
    checked: tuple[Attempt, ...] = ()
    at_bank: tuple[Attempt, ...] = ()
    is_blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Results of a check on a tenant's click: numbers of paid, unpaid and still unclear payments."""

    paid: int = 0
    unpaid: int = 0
    unclear: int = 0


def is_being_checked(attempt: Attempt) -> bool:
    """Whether the payer was at the bank and it is still unknown if the money arrives."""
    if (
        attempt.redirected_at is None
        or attempt.state in DECIDED_STATES
        or attempt.state == AttemptState.REFUNDING
    ):
        return False
    is_unasked = attempt.state == AttemptState.RETURNED and attempt.check.verdict is None
    return is_unasked or attempt.state in _HELD_BACK or attempt.check.verdict in NOT_DECIDED


def may_be_at_bank(attempt: Attempt, now: datetime) -> bool:
    """Whether its payer may be in front of the bank's page still: sent there lately, and nothing was heard since."""
    if attempt.state not in _AT_BANK or attempt.check.verdict not in {None, AttemptVerdict.WAITING}:
        return False
    is_away = attempt.redirected_at is not None and attempt.returned_at is None
    return is_away and is_fresh(attempt.redirected_at or now, now, AT_BANK_FOR)


def needs_consent(attempt: Attempt, now: datetime) -> bool:
    """Whether a payer must be told of an attempt before another one begins on the same invoices."""
    return is_being_checked(attempt) or may_be_at_bank(attempt, now)


def was_checked_lately(attempt: Attempt, now: datetime) -> bool:
    """Whether the gateway's last answer is so young that a tenant's click gets no other."""
    return attempt.check.last_inquiry_at is not None and is_fresh(
        attempt.check.last_inquiry_at, now, CHECK_WAIT
    )


def to_report(attempts: list[Attempt]) -> CheckReport:
    """Count the results of the checked attempts."""
    paid = sum(each.has_money for each in attempts)
    unclear = sum(is_being_checked(each) for each in attempts)
    return CheckReport(paid=paid, unclear=unclear, unpaid=len(attempts) - paid - unclear)
