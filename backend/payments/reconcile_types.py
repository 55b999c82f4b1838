"""Types of reconciling and starting that stay inside this feature."""

from dataclasses import dataclass
from enum import StrEnum

from backend.money import Rial
from backend.payments.types import Allocation, AttemptVerdict


class SessionStatus(StrEnum):
    """The gateway's status of a session, in our words. UNCLEAR, also for unknown codes, is neither paid nor failed."""

    WAITING = "waiting"
    PAID_VERIFIED = "paid_verified"
    PAID_UNVERIFIED = "paid_unverified"
    CANCELLED = "cancelled"
    NOT_PAID = "not_paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEvidence:
    """The fields that are kept of an answer of the gateway. The card is masked.

    ``is_report`` tells an answer about the session from a refusal, which has two keys and proves nothing.
    """

    result: int
    is_report: bool
    session_status: SessionStatus | None = None
    status: int | None = None
    amount_rial: Rial | None = None
    order_ref: str | None = None
    ref_number: str | None = None
    card: str | None = None
    paid_at: str | None = None
    verified_at: str | None = None

    def to_raw(self) -> dict[str, str | int | None]:
        """The fields that are kept."""
        return {
            "result": self.result,
            "status": self.status,
            "amount": self.amount_rial,
            "order": self.order_ref,
            "reference": self.ref_number,
            "card": self.card,
            "paid_at": self.paid_at,
            "verified_at": self.verified_at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on an attempt, the evidence it rests on, and the reason where one is needed."""

    verdict: AttemptVerdict
    evidence: GatewayEvidence | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPlan:
    """A way to pay some invoices: the next payment, the invoices that it covers, and the number of payments in all."""

    allocations: tuple[Allocation, ...]
    amount_rial: Rial
    payments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackQuery:
    """The parameters of a callback's address. They are never trusted; they only name an attempt."""

    track_id: int
    nonce: str = ""
    claims_success: bool = False
