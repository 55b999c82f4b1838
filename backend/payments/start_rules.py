"""Rules of starting: the invoices that a payment covers, and the meaning of an earlier attempt."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from backend.clients.zibal_answers import GatewayStatus
from backend.money import Rial
from backend.payments.reconcile_types import CallbackQuery, PaymentPlan
from backend.payments.rules import ALARM_AFTER, DECIDED_STATES, NO_ANSWER, NOT_DECIDED, START_GRACE, is_fresh
from backend.payments.types import (
    Allocation,
    Attempt,
    AttemptState,
    AttemptVerdict,
    Payable,
    PreviewProblem,
)

LARGEST_TRACK_ID = 2**63 - 1
LONGEST_VALUE = 200
MOST_PARAMETERS = 20
CALLBACK_NAMES = frozenset({"trackId", "success", "status", "orderId", "n"})


class Obstacle(StrEnum):
    """The meaning of an open attempt for a new one on the same invoice."""

    STARTING = "starting"
    DEAD = "dead"
    UNUSED = "unused"
    ASK = "ask"


class OpenAttemptAction(StrEnum):
    """The action on an open attempt after it was reconciled."""

    REUSE = "reuse"
    REPLACE = "replace"
    WAIT = "wait"


def plan(payables: Sequence[Payable], minimum: Rial, maximum: Rial) -> PaymentPlan | PreviewProblem:
    """Split the payment of some invoices, the oldest first, between the gateway's floor and ceiling.

    Each payment but the last is as large as the ceiling allows, or less by the amount that the last needs to reach the
    floor. So an invoice may be paid in parts; it is paid when the last of them is.
    """
    total = sum(each.outstanding_rial for each in payables)
    if total == 0:
        return PreviewProblem.NOTHING_TO_PAY
    if total < minimum:
        return PreviewProblem.BELOW_MINIMUM
    amount = first_part(Rial(total), minimum, maximum)
    payments = -(-total // maximum)
    return PaymentPlan(allocations=_allocate(payables, amount), amount_rial=amount, payments=payments)


def first_part(total: Rial, minimum: Rial, maximum: Rial) -> Rial:
    """The part of an amount to pay now, so that the rest can be paid too; the ceiling is at least twice the floor."""
    if total <= maximum:
        return total
    return maximum if total - maximum >= minimum else Rial(total - minimum)


def _allocate(payables: Sequence[Payable], amount: Rial) -> tuple[Allocation, ...]:
    allocations: list[Allocation] = []
    left = int(amount)
    for each in oldest_first(payables):
        part = min(left, each.outstanding_rial)
        if part:
            allocations.append(
                Allocation(invoice_id=each.invoice_id, amount_rial=Rial(part), position=len(allocations))
            )
        left -= part
    return tuple(allocations)


def oldest_first(payables: Sequence[Payable]) -> list[Payable]:
    """The invoices in the order in which money goes to them."""
    return sorted(payables, key=lambda each: (each.day, each.number))


def obstacle(attempt: Attempt, wanted: PaymentPlan, now: datetime) -> Obstacle:
    """The meaning of an open attempt for a new one, before the gateway is asked."""
    if attempt.state == AttemptState.CREATED:
        return Obstacle.STARTING if is_fresh(attempt.created_at, now, START_GRACE) else Obstacle.DEAD
    # Nobody was sent to a prepared one, so nobody can be paying it.
    if attempt.state == AttemptState.REQUESTED and attempt.allocations != wanted.allocations:
        return Obstacle.UNUSED
    return Obstacle.ASK


def answer(
    attempt: Attempt,
    wanted: PaymentPlan,
    fingerprint: str,
    *,
    now: datetime,
    ttl: timedelta,
    prepared_ttl: timedelta,
) -> OpenAttemptAction:
    """The action on an open attempt after it was reconciled.

    A payer waits while money is there or may be there: an unclear status counts for the attempt's lifetime, a gateway
    that gives no answer counts until operators are alarmed, because then even a paid attempt looks like this.
    """
    if is_in_doubt(attempt, now, ttl):
        return OpenAttemptAction.WAIT
    is_same = attempt.allocations == wanted.allocations and attempt.merchant_fingerprint == fingerprint
    if (
        is_same
        and attempt.check.verdict == AttemptVerdict.WAITING
        and _is_fresh(attempt, now, ttl, prepared_ttl)
    ):
        return OpenAttemptAction.REUSE
    return OpenAttemptAction.REPLACE


def is_in_doubt(attempt: Attempt, now: datetime, ttl: timedelta) -> bool:
    """Whether an attempt's money is at the bank, or may be: the last answer does not exclude it.

    An attempt that ended without money is treated alike: its session may have been paid after that.
    """
    if attempt.state in DECIDED_STATES:
        return False
    is_known = attempt.check.verdict in {AttemptVerdict.UNVERIFIED, AttemptVerdict.MISMATCH}
    was_known = (
        attempt.check.verdict == AttemptVerdict.UNDECIDED
        and attempt.check.gateway_status == GatewayStatus.PAID_UNVERIFIED
    )
    if attempt.state in {AttemptState.PAID_UNVERIFIED, AttemptState.REVIEW} or is_known or was_known:
        return True
    patience = ALARM_AFTER if attempt.check.last_error == NO_ANSWER else ttl
    may_be_paying = attempt.redirected_at is not None and is_fresh(attempt.redirected_at, now, patience)
    return attempt.check.verdict in NOT_DECIDED and may_be_paying


def _is_fresh(attempt: Attempt, now: datetime, ttl: timedelta, prepared_ttl: timedelta) -> bool:
    # A payer who came back unpaid may have met a session that the bank had closed; that one gets a new one.
    opened_at = attempt.requested_at or attempt.created_at
    match attempt.state:
        case AttemptState.REQUESTED:
            return is_fresh(opened_at, now, prepared_ttl)
        case AttemptState.REDIRECTED:
            return is_fresh(attempt.redirected_at or opened_at, now, ttl)
        case _:
            return False


def read_callback(parameters: Sequence[tuple[str, str]]) -> CallbackQuery | None:
    """The parameters of a callback's address, or None when the gateway would not send them so.

    A repeated parameter, one that is too long, and a track id that is no number of 64 bits are refused; ``status``,
    ``success`` and ``orderId`` may be missing, and other parameters are ignored.
    """
    names = [name for name, _ in parameters]
    known = [name for name in names if name in CALLBACK_NAMES]
    if len(parameters) > MOST_PARAMETERS or len(known) != len(set(known)):
        return None
    if any(len(name) > LONGEST_VALUE or len(value) > LONGEST_VALUE for name, value in parameters):
        return None
    values = dict(parameters)
    track_id = values.get("trackId", "")
    if not re.fullmatch(r"[0-9]{1,19}", track_id) or int(track_id) > LARGEST_TRACK_ID:
        return None
    return CallbackQuery(
        track_id=int(track_id), nonce=values.get("n", ""), claims_success=values.get("success") == "1"
    )
