"""Rules of reconciling: what the gateway's answers prove, an attempt's next state and its next check."""

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import assert_never

from backend.payments.reconcile_types import Decision, GatewayEvidence, SessionStatus
from backend.payments.types import (
    OPEN_STATES,
    Attempt,
    AttemptState,
    AttemptVerdict,
    GatewayAnswer,
    PaymentFlag,
    ReturnOutcome,
)

# Money is taken back by some banks when nobody verified it for 15 minutes, so the first checks are close together.
CHECK_MINUTES = (1, 2, 3, 5, 8, 12, 15, 20, 30, 60, 120, 240, 480, 720, 1440)
# A payment that was settled may still be refunded or reversed in the gateway's panel.
LATE_CHECK_HOURS = (1, 24, 72, 168, 336, 720)
ALARM_AFTER = timedelta(hours=24)
RECHECK_PAID = timedelta(minutes=1)
RECHECK_UNDECIDED = timedelta(hours=24)
# A late check that nobody answered proves nothing; a day of silence is an outage, and then daily is enough.
RECHECK_LATE = timedelta(hours=1)
# What an operator gave up may still be paid; as long as the gateway's panel can take a payment back, we look.
CLOSED_CHECKS_FOR = timedelta(days=30)
# The gateway's client gives up after 12 seconds; a start that took longer died with its process.
START_GRACE = timedelta(seconds=30)
# The clocks of two processes may differ by this; what lies further ahead was written before a clock was set back.
CLOCK_SKEW = timedelta(minutes=1)
# Strangers who know a track id make us ask the gateway no more often than this.
STRANGERS_WAIT = timedelta(seconds=5)

NOT_DECIDED = frozenset({AttemptVerdict.UNDECIDED, AttemptVerdict.UNVERIFIED, AttemptVerdict.MISMATCH})
DECIDED_STATES = frozenset(
    {
        AttemptState.SETTLED,
        AttemptState.REFUNDED,
        AttemptState.REVERSED,
        AttemptState.FAILED_TO_START,
        AttemptState.CLOSED,
    }
)
NO_ANSWER = "no_answer"
# The gateway says this only of a session that somebody was at, also where we handed it to nobody.
_SOMEBODY_WAS_THERE = frozenset(AttemptVerdict) - {AttemptVerdict.WAITING, AttemptVerdict.UNDECIDED}
# No operator's word leads out of these: a refund under way may be withdrawn, and then the money is ours again.
_OVER = frozenset(
    {AttemptState.REFUNDING, AttemptState.REFUNDED, AttemptState.REVERSED, AttemptState.FAILED_TO_START}
)
_FROM_OPEN = MappingProxyType(
    {
        AttemptVerdict.MISMATCH: AttemptState.REVIEW,
        AttemptVerdict.UNVERIFIED: AttemptState.PAID_UNVERIFIED,
        AttemptVerdict.CANCELLED: AttemptState.CANCELLED,
        AttemptVerdict.NOT_PAID: AttemptState.FAILED,
    }
)


def difference(attempt: Attempt, evidence: GatewayEvidence) -> str:
    """The field in which evidence differs from the attempt: ``amount``, ``order``, or empty."""
    if evidence.amount_rial is not None and evidence.amount_rial != attempt.amount_rial:
        return "amount"
    if evidence.order_ref is not None and evidence.order_ref != attempt.order_ref:
        return "order"
    return ""


def is_proof(attempt: Attempt, evidence: GatewayEvidence | None) -> bool:
    """Whether an answer by itself proves that this attempt's money is ours: verified, same amount, same order."""
    return (
        evidence is not None
        and evidence.is_report
        and evidence.session_status == SessionStatus.PAID_VERIFIED
        and evidence.amount_rial == attempt.amount_rial
        and evidence.order_ref == attempt.order_ref
    )


def wants_verify(attempt: Attempt, inquiry: GatewayEvidence | None, *, claims_success: bool) -> bool:
    """Whether to verify now: the session is paid and, as far as is known, ours.

    When inquiry does not answer, a payer who comes back with success is reason enough: verify is harmless on a
    session that is not paid, and unverified money may be taken back.
    """
    if inquiry is None:
        return claims_success
    is_paid = inquiry.is_report and inquiry.session_status == SessionStatus.PAID_UNVERIFIED
    return is_paid and not difference(attempt, inquiry)


def decide(
    attempt: Attempt,
    inquiry: GatewayEvidence | None,
    verify: GatewayEvidence | None = None,
    again: GatewayEvidence | None = None,
) -> Decision:
    """The verdict on an attempt from the answers in the order they came; None stands for no answer.

    ``again`` is the inquiry after a verify that proved nothing by itself: 201, 202, an amount that is missing.
    A missing amount or order is never equal to anything, so it leaves the attempt undecided.
    """
    if is_proof(attempt, verify):
        return Decision(verdict=AttemptVerdict.PAID, evidence=verify)
    reports = [each for each in (inquiry, verify, again) if each is not None and each.is_report]
    for report in reports:
        if differs := difference(attempt, report):
            return Decision(verdict=AttemptVerdict.MISMATCH, evidence=report, reason=differs)
    if not reports:
        answered = again or verify or inquiry
        return Decision(
            verdict=AttemptVerdict.UNDECIDED,
            evidence=answered,
            reason=f"result_{answered.result}" if answered else NO_ANSWER,
        )
    return _read(attempt, reports[-1])


def _read(attempt: Attempt, report: GatewayEvidence) -> Decision:
    verdict, reason = _meaning(attempt, report)
    return Decision(verdict=verdict, evidence=report, reason=reason)


def _meaning(attempt: Attempt, report: GatewayEvidence) -> tuple[AttemptVerdict, str]:
    match report.session_status:
        case SessionStatus.PAID_VERIFIED:
            if is_proof(attempt, report):
                return AttemptVerdict.PAID, ""
            return (
                AttemptVerdict.UNDECIDED,
                "amount_missing" if report.amount_rial is None else "order_missing",
            )
        case SessionStatus.PAID_UNVERIFIED:
            return AttemptVerdict.UNVERIFIED, ""
        case SessionStatus.UNCLEAR | None:
            return AttemptVerdict.UNDECIDED, f"status_{report.status}"
        case (
            SessionStatus.WAITING
            | SessionStatus.CANCELLED
            | SessionStatus.NOT_PAID
            | SessionStatus.REFUNDING
            | SessionStatus.REFUNDED
            | SessionStatus.REVERSED
        ):
            return AttemptVerdict(report.session_status.value), ""
        case _:
            assert_never(report.session_status)


def next_state(state: AttemptState, verdict: AttemptVerdict, *, has_expired: bool) -> AttemptState:
    """The state after a verdict. Money always changes it; nothing else reopens or unsettles a closed attempt."""
    match verdict:
        case AttemptVerdict.PAID:
            return AttemptState.SETTLED
        case AttemptVerdict.REFUNDING | AttemptVerdict.REFUNDED | AttemptVerdict.REVERSED:
            return AttemptState(verdict.value)
        case _ if state in OPEN_STATES:
            return _next_open_state(state, verdict, has_expired=has_expired)
        case _:
            return state


def _next_open_state(state: AttemptState, verdict: AttemptVerdict, *, has_expired: bool) -> AttemptState:
    if verdict != AttemptVerdict.WAITING:
        return _FROM_OPEN.get(verdict, state)
    if has_expired:
        return AttemptState.EXPIRED
    return AttemptState.RETURNED if state in {AttemptState.PAID_UNVERIFIED, AttemptState.REVIEW} else state


def flags_after(attempt: Attempt, verdict: AttemptVerdict) -> tuple[PaymentFlag, ...]:
    """The attempt's flags with those that a verdict adds."""
    match verdict:
        case AttemptVerdict.MISMATCH:
            return with_flag(attempt.flags, PaymentFlag.MISMATCH)
        case AttemptVerdict.REFUNDING | AttemptVerdict.REFUNDED | AttemptVerdict.REVERSED if (
            attempt.settlement_no
        ):
            return with_flag(attempt.flags, PaymentFlag.RETURNED_MONEY)
        case (
            AttemptVerdict.WAITING
            | AttemptVerdict.CANCELLED
            | AttemptVerdict.NOT_PAID
            | AttemptVerdict.UNVERIFIED
        ) if attempt.has_money:
            return with_flag(attempt.flags, PaymentFlag.CONTRADICTION)
        case _:
            return attempt.flags


def with_flag(flags: tuple[PaymentFlag, ...], flag: PaymentFlag) -> tuple[PaymentFlag, ...]:
    """The flags and one more, each once."""
    return flags if flag in flags else (*flags, flag)


def has_expired(attempt: Attempt, now: datetime, ttl: timedelta) -> bool:
    """Whether an attempt kept its invoices long enough since its hand-over. A prepared one waits for its click."""
    return attempt.redirected_at is not None and not is_fresh(attempt.redirected_at, now, ttl)


def is_unused(attempt: Attempt, now: datetime, prepared_ttl: timedelta) -> bool:
    """Whether an attempt got no payer in time: its start died, or it was prepared in vain."""
    match attempt.state:
        case AttemptState.CREATED:
            return not is_fresh(attempt.created_at, now, START_GRACE)
        case AttemptState.REQUESTED:
            return not is_fresh(attempt.created_at, now, prepared_ttl)
        case _:
            return False


def is_fresh(at: datetime, now: datetime, span: timedelta) -> bool:
    """Whether an instant lies less than a span ago. One in the future does not: it is older than a set-back clock."""
    return -CLOCK_SKEW <= now - at < span


def handed_over_at(attempt: Attempt, verdict: AttemptVerdict, now: datetime) -> datetime | None:
    """Time of the hand-over to a browser; at the latest the time when the gateway proves that a payer was there."""
    return attempt.redirected_at or (now if verdict in _SOMEBODY_WAS_THERE else None)


def was_asked_lately(attempt: Attempt, now: datetime) -> bool:
    """Whether the gateway's last answer is so young that a stranger gets no other."""
    return attempt.check.last_inquiry_at is not None and is_fresh(
        attempt.check.last_inquiry_at, now, STRANGERS_WAIT
    )


def next_check(attempt: Attempt, now: datetime) -> datetime | None:
    """Time of the next check with the gateway; None for never.

    Checks are close together at first and far apart later. An undecided attempt is checked daily until it is closed; a
    closed one as if it were not, and daily for a month.
    """
    handed_over = attempt.returned_at or attempt.redirected_at
    if handed_over is None:
        return None
    handed_over = min(handed_over, now)
    match attempt.state:
        case AttemptState.SETTLED:
            return _next_late_check(attempt, now)
        case AttemptState.REFUNDED | AttemptState.REVERSED:
            return None
        case AttemptState.CLOSED:
            # The payer may be at the bank still, and money that nobody verifies is taken back.
            following = _next_open_check(attempt, handed_over, now) or now + RECHECK_UNDECIDED
            closed_at = attempt.resolved_at or handed_over
            is_over = following > closed_at + CLOSED_CHECKS_FOR
            return None if is_over else following
        case AttemptState.REFUNDING:
            return now + RECHECK_UNDECIDED
        case _:
            return _next_open_check(attempt, handed_over, now)


def _next_late_check(attempt: Attempt, now: datetime) -> datetime | None:
    settled_at = min(attempt.settled_at or now, now)
    steps = [timedelta(hours=each) for each in LATE_CHECK_HOURS]
    planned = _first_after(now, settled_at, steps)
    if planned is None or attempt.check.verdict not in NOT_DECIDED:
        return planned
    asked_in_vain_since = max(
        [settled_at + step for step in steps if settled_at + step <= now] or [settled_at]
    )
    is_new = now - asked_in_vain_since < RECHECK_UNDECIDED
    return min(planned, now + (RECHECK_LATE if is_new else RECHECK_UNDECIDED))


def _next_open_check(attempt: Attempt, handed_over: datetime, now: datetime) -> datetime | None:
    if attempt.check.verdict == AttemptVerdict.UNVERIFIED and now - handed_over < ALARM_AFTER:
        return now + RECHECK_PAID
    planned = _first_after(now, handed_over, [timedelta(minutes=each) for each in CHECK_MINUTES])
    if planned is None and (attempt.check.verdict is None or attempt.check.verdict in NOT_DECIDED):
        return now + RECHECK_UNDECIDED
    return planned


def _first_after(now: datetime, start: datetime, steps: list[timedelta]) -> datetime | None:
    return next((start + step for step in steps if start + step > now), None)


def answer_of(attempt: Attempt) -> GatewayAnswer:
    """The gateway's last answer about an attempt."""
    if attempt.has_money:
        return GatewayAnswer.PAID
    if attempt.check.last_error == NO_ANSWER or attempt.check.verdict is None:
        return GatewayAnswer.NONE
    is_decided = attempt.check.verdict not in NOT_DECIDED
    return GatewayAnswer.UNPAID if is_decided else GatewayAnswer.UNDECIDED


def resolved_state(attempt: Attempt) -> AttemptState:
    """The state after an operator's decision: an undecidable attempt is closed, any other stays as it is."""
    is_over = attempt.track_id is None or attempt.has_money or attempt.state in _OVER
    is_decided = attempt.check.verdict is not None and attempt.check.verdict not in NOT_DECIDED
    return attempt.state if is_over or is_decided else AttemptState.CLOSED


def is_resolvable(attempt: Attempt, now: datetime) -> bool:
    """Whether an operator's decision would change anything: an unresolved flag, doubt or refund.

    What nobody asked the gateway about is a doubt only when nobody did for so long that operators were alarmed.
    """
    if attempt.resolved_at is not None or (attempt.check.verdict is None and _may_be_asked(attempt, now)):
        return False
    is_doubtful = attempt.state == AttemptState.REFUNDING or resolved_state(attempt) != attempt.state
    return is_doubtful or bool(attempt.flags)


def _may_be_asked(attempt: Attempt, now: datetime) -> bool:
    return attempt.is_open and is_fresh(attempt.begun_at, now, ALARM_AFTER)


def is_doubtful(attempt: Attempt) -> bool:
    """Whether an attempt's end is still unknown. A refund under way may end with our money or without it."""
    is_unclear = (
        attempt.state == AttemptState.REFUNDING
        or attempt.check.verdict is None
        or attempt.check.verdict in NOT_DECIDED
    )
    return is_unclear and attempt.state not in DECIDED_STATES


def is_alarming(attempt: Attempt, now: datetime) -> bool:
    """Whether an attempt is still in doubt so long after its hand-over that a person must look at it.

    The operators' list and the metric ask the same in SQL, from the same sets.
    """
    is_old = attempt.redirected_at is not None and now - attempt.redirected_at >= ALARM_AFTER
    return is_old and attempt.resolved_at is None and is_doubtful(attempt)


def is_news(before: Attempt, after: Attempt) -> bool:
    """Whether a reconciliation brought something new after an operator's decision, so that it is shown again."""
    is_money_back = after.state in {AttemptState.REFUNDING, AttemptState.REFUNDED, AttemptState.REVERSED}
    turned_back = is_money_back and after.state != before.state
    turned_doubtful = is_doubtful(after) and not is_doubtful(before)
    return turned_back or turned_doubtful or after.flags != before.flags


def outcome_of(attempt: Attempt, credit_rial: int = 0) -> ReturnOutcome:
    """The outcome to show to a payer; ``credit_rial`` is the part that its invoices did not need."""
    match attempt.state:
        case AttemptState.SETTLED:
            return ReturnOutcome.PAID_AS_CREDIT if credit_rial >= attempt.amount_rial else ReturnOutcome.PAID
        case AttemptState.REFUNDING:
            return ReturnOutcome.RETURNING_MONEY
        case AttemptState.REFUNDED | AttemptState.REVERSED:
            return ReturnOutcome.RETURNED_MONEY
        case AttemptState.SUPERSEDED if attempt.check.verdict not in NOT_DECIDED:
            return ReturnOutcome.REPLACED
        case AttemptState.CLOSED if attempt.check.verdict in NOT_DECIDED:
            return ReturnOutcome.CASE_CLOSED
        case _:
            return _outcome_by_verdict(attempt.check.verdict)


def _outcome_by_verdict(verdict: AttemptVerdict | None) -> ReturnOutcome:
    match verdict:
        case AttemptVerdict.WAITING:
            return ReturnOutcome.WAITING
        case AttemptVerdict.CANCELLED:
            return ReturnOutcome.CANCELLED
        case AttemptVerdict.NOT_PAID:
            return ReturnOutcome.NOT_PAID
        case _:
            return ReturnOutcome.CHECKING
