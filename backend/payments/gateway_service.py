"""Questions to the gateway, and its answers as evidence; never inside a transaction."""

from types import MappingProxyType
from typing import assert_never

from backend.clients.zibal import (
    GatewayResult,
    GatewayStatus,
    PaymentReport,
    SessionOpened,
    SessionRefused,
    TrackId,
    ZibalGateway,
    gateway,
    gateway_of,
)
from backend.config import settings
from backend.errors import Invalid, Unavailable
from backend.log import get_logger
from backend.money import RIAL_PER_TOMAN
from backend.payments import rules
from backend.payments.reconcile_types import Decision, GatewayEvidence, SessionStatus
from backend.payments.types import Attempt, AttemptVerdict

CALLBACK_PATH = "/pay/return"
MERCHANT_CHANGED = "merchant_changed"
# Every other code is a refusal of the bank: 4 to 10, 12 and 21.
_MEANINGS = MappingProxyType(
    {
        GatewayStatus.WAITING: SessionStatus.WAITING,
        GatewayStatus.PAID_VERIFIED: SessionStatus.PAID_VERIFIED,
        GatewayStatus.PAID_UNVERIFIED: SessionStatus.PAID_UNVERIFIED,
        GatewayStatus.CANCELLED: SessionStatus.CANCELLED,
        GatewayStatus.REFUNDING: SessionStatus.REFUNDING,
        GatewayStatus.REFUNDED: SessionStatus.REFUNDED,
        GatewayStatus.REVERSED: SessionStatus.REVERSED,
        GatewayStatus.INTERNAL_ERROR: SessionStatus.UNCLEAR,
        GatewayStatus.SWITCH_ERROR: SessionStatus.UNCLEAR,
        GatewayStatus.UNKNOWN: SessionStatus.UNCLEAR,
    }
)

log = get_logger(__name__)


def fingerprint() -> str:
    """Tells the merchant of the settings from others without naming it."""
    return gateway().merchant_fingerprint


def start_url(attempt: Attempt) -> str:
    """Address of the gateway's page for an attempt that has a session."""
    assert attempt.track_id is not None
    return gateway().start_url(TrackId(attempt.track_id))


def open_session(attempt: Attempt, nonce: str, description: str) -> TrackId:
    """Open the session of a stored attempt; asked once, because each call opens another.

    Raises:
        Invalid: the amount is below the gateway's floor or above its ceiling.
        Unavailable: no readable answer came, or the gateway refuses our account.
    """
    opened = gateway().open_session(
        amount_rial=attempt.amount_rial,
        callback_url=f"{settings().public_url}{CALLBACK_PATH}?n={nonce}",
        order_id=attempt.order_ref,
        description=description,
    )
    match opened:
        case SessionOpened():
            return opened.track_id
        case SessionRefused():
            raise _refusal(opened, attempt)
        case _:
            assert_never(opened)


def _refusal(refused: SessionRefused, attempt: Attempt) -> Exception:
    log.error("payment.refused", result=refused.result_code, message=refused.message, attempt=attempt.id)
    amount_toman = attempt.amount_rial // RIAL_PER_TOMAN
    match refused.result:
        case GatewayResult.AMOUNT_TOO_SMALL:
            return Invalid(reason="payment_too_small", amount_toman=amount_toman)
        case GatewayResult.AMOUNT_TOO_LARGE:
            return Invalid(reason="payment_too_large", amount_toman=amount_toman)
        case _:
            return Unavailable(service="zibal", reason="zibal_refuses", result=refused.result_code)


def examine(attempt: Attempt, *, claims_success: bool = False) -> Decision:
    """Ask the gateway about an attempt, verify its money if it is there, and decide by the answers.

    A gateway in trouble raises nothing: no answer proves nothing, so it leaves the attempt undecided.
    """
    if attempt.track_id is None:
        return Decision(verdict=AttemptVerdict.UNDECIDED, reason="no_session")
    # Only the merchant that opened a session knows it.
    asked = gateway_of(attempt.merchant_fingerprint)
    if asked is None:
        return Decision(verdict=AttemptVerdict.UNDECIDED, reason=MERCHANT_CHANGED)
    track_id = TrackId(attempt.track_id)
    inquiry, verify, again = _inquire(asked, track_id), None, None
    if rules.wants_verify(attempt, inquiry, claims_success=claims_success):
        verify = _verify(asked, track_id)
        if verify is not None and not rules.is_proof(attempt, verify):
            again = _inquire(asked, track_id)
    return rules.decide(attempt, inquiry, verify, again)


def _inquire(asked: ZibalGateway, track_id: TrackId) -> GatewayEvidence | None:
    try:
        return to_evidence(asked.inquire(track_id))
    except Unavailable as trouble:
        log.warning("payment.no_answer", call="inquiry", track_id=track_id, cause=trouble.data.get("cause"))
        return None


def _verify(asked: ZibalGateway, track_id: TrackId) -> GatewayEvidence | None:
    try:
        return to_evidence(asked.verify(track_id))
    except Unavailable as trouble:
        log.warning("payment.no_answer", call="verify", track_id=track_id, cause=trouble.data.get("cause"))
        return None


def to_evidence(report: PaymentReport) -> GatewayEvidence:
    """The evidence in an answer of the gateway."""
    return GatewayEvidence(
        result=report.result_code,
        is_report=report.result == GatewayResult.OK,
        session_status=None if report.status is None else _session_status(report.status),
        status=report.status_code,
        amount_rial=report.amount_rial,
        order_ref=report.order_id,
        ref_number=report.ref_number,
        card=report.card,
        paid_at=report.paid_at,
        verified_at=report.verified_at,
    )


def _session_status(status: GatewayStatus) -> SessionStatus:
    return _MEANINGS.get(status, SessionStatus.NOT_PAID)
