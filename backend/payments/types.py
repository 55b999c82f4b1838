"""Types of payments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType, TypedDict
from uuid import UUID

from backend.actor import TenantId
from backend.invoices.types import InvoiceId
from backend.money import Rial

AttemptId = NewType("AttemptId", UUID)

PROVIDER = "zibal"


class AttemptState(StrEnum):
    """State of an attempt. Only the gateway's answers to our own questions lead beyond ``returned``."""

    CREATED = "created"
    REQUESTED = "requested"
    REDIRECTED = "redirected"
    RETURNED = "returned"
    PAID_UNVERIFIED = "paid_unverified"
    SETTLED = "settled"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    FAILED_TO_START = "failed_to_start"
    REVIEW = "review"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    CLOSED = "closed"


OPEN_STATES = frozenset(
    {
        AttemptState.CREATED,
        AttemptState.REQUESTED,
        AttemptState.REDIRECTED,
        AttemptState.RETURNED,
        AttemptState.PAID_UNVERIFIED,
        AttemptState.REVIEW,
    }
)


# Their invoices are free again, and their sessions may still be paid.
UNPAID_STATES = frozenset(
    {AttemptState.FAILED, AttemptState.CANCELLED, AttemptState.EXPIRED, AttemptState.SUPERSEDED}
)

# Nobody waits for the next answer about these.
LATE_STATES = frozenset({AttemptState.SETTLED, AttemptState.CLOSED, AttemptState.REFUNDING})


class AttemptVerdict(StrEnum):
    """The decision that reconciling reached about an attempt."""

    PAID = "paid"
    UNVERIFIED = "unverified"
    MISMATCH = "mismatch"
    WAITING = "waiting"
    CANCELLED = "cancelled"
    NOT_PAID = "not_paid"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    UNDECIDED = "undecided"


class GatewayAnswer(StrEnum):
    """The gateway's last answer about an attempt, as far as it decides; ``NONE`` when it gave none."""

    PAID = "paid"
    UNPAID = "unpaid"
    UNDECIDED = "undecided"
    NONE = "none"


class PaymentFlag(StrEnum):
    """Reason to look at a payment."""

    SURPLUS = "surplus"
    MISMATCH = "mismatch"
    RETURNED_MONEY = "returned_money"
    CONTRADICTION = "contradiction"


class LedgerEntryKind(StrEnum):
    """A movement of a tenant's money."""

    PAYMENT = "payment"
    SETTLEMENT = "settlement"
    REVERSAL = "reversal"
    REOPENING = "reopening"
    CREDIT_USE = "credit_use"
    PAYOUT = "payout"


class AttemptEventKind(StrEnum):
    """Kind of an event of an attempt."""

    CREATED = "created"
    REQUESTED = "requested"
    FAILED_TO_START = "failed_to_start"
    REDIRECTED = "redirected"
    DEPARTED = "departed"
    RETURNED = "returned"
    RECONCILED = "judged"
    SETTLED = "settled"
    MONEY_RETURNED = "money_returned"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    RESOLVED = "resolved"


class ReturnOutcome(StrEnum):
    """Outcome of a payment as a returning payer reads it."""

    PAID = "paid"
    PAID_AS_CREDIT = "paid_as_credit"
    CANCELLED = "cancelled"
    NOT_PAID = "not_paid"
    WAITING = "waiting"
    CHECKING = "checking"
    RETURNING_MONEY = "returning_money"
    RETURNED_MONEY = "returned_money"
    REPLACED = "replaced"
    CASE_CLOSED = "case_closed"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


class PreviewProblem(StrEnum):
    """Reason against paying a choice of invoices as it is."""

    NOTHING_TO_PAY = "nothing_to_pay"
    BELOW_MINIMUM = "below_minimum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """An issued invoice and its unpaid rest."""

    invoice_id: InvoiceId
    tenant_id: TenantId
    number: str
    day: date
    amount_rial: Rial
    outstanding_rial: Rial
    is_pending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Number of a tenant's unpaid invoices, and their unpaid amount."""

    count: int
    outstanding_rial: Rial


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The part of a payment for an invoice; a stored one knows the invoice's number."""

    invoice_id: InvoiceId
    amount_rial: Rial
    position: int
    number: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCheck:
    """The gateway's last answer about an attempt, and the decision of reconciling that follows from it."""

    verdict: AttemptVerdict | None = None
    gateway_status: int | None = None
    ref_number: str | None = None
    card_mask: str | None = None
    raw: Mapping[str, str | int | None] = field(default_factory=dict)
    last_inquiry_at: datetime | None = None
    check_count: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt to pay, with its allocation to invoices."""

    id: AttemptId
    tenant_id: TenantId
    provider: str
    merchant_fingerprint: str
    amount_rial: Rial
    order_ref: str
    nonce_sha256: bytes
    track_id: int | None
    state: AttemptState
    settlement_no: int
    flags: tuple[PaymentFlag, ...]
    created_by: str
    created_at: datetime
    requested_at: datetime | None
    redirected_at: datetime | None
    returned_at: datetime | None
    settled_at: datetime | None
    next_check_at: datetime | None
    resolved_at: datetime | None
    resolution: str | None
    check: GatewayCheck = GatewayCheck()
    allocations: tuple[Allocation, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it keeps its invoices from another attempt."""
        return self.state in OPEN_STATES

    @property
    def begun_at(self) -> datetime:
        """Time when the payer left for the bank, or else of creation. Lists of payments are sorted by it."""
        return self.redirected_at or self.created_at

    @property
    def has_money(self) -> bool:
        """Whether its money is in the ledger now."""
        return self.state == AttemptState.SETTLED

    @property
    def invoice_ids(self) -> tuple[InvoiceId, ...]:
        """Its invoices, the oldest first."""
        return tuple(each.invoice_id for each in self.allocations)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers of its invoices, the oldest first."""
        return tuple(each.number for each in self.allocations)


class AttemptChanges(TypedDict, total=False):
    """New values of an attempt, its state aside; what is left out stays."""

    settlement_no: int
    flags: tuple[PaymentFlag, ...]
    redirected_at: datetime | None
    returned_at: datetime | None
    settled_at: datetime | None
    next_check_at: datetime | None
    resolved_at: datetime | None
    resolution: str
    check: GatewayCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A movement of a tenant's money; positive adds to its credit."""

    id: int
    kind: LedgerEntryKind
    amount_rial: int
    attempt_id: AttemptId | None
    settlement_no: int
    invoice_id: InvoiceId | None
    at: datetime
    actor: str
    payout_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEvent:
    """An event of an attempt."""

    at: datetime
    actor: str
    kind: AttemptEventKind
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPreview:
    """Preview of a click on pay; ``problem`` says why it would not work.

    Above the gateway's ceiling it takes several ``payments``, each with a click of its own, and ``next_rial`` is the
    first. ``doubtful`` invoices are left out, because an earlier payment of theirs is being checked and may still
    arrive.
    """

    invoices: tuple[Payable, ...]
    total_rial: Rial
    payments: int
    next_rial: Rial
    credit_rial: Rial
    minimum_rial: Rial
    maximum_rial: Rial
    doubtful: tuple[Payable, ...] = ()
    problem: PreviewProblem | None = None

    @property
    def in_doubt(self) -> int:
        """Number of invoices left out."""
        return len(self.doubtful)

    @property
    def is_split(self) -> bool:
        """Whether one payment is not enough."""
        return self.payments > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """Hand-off of the payer's browser to the gateway, from a page of ours with ``Referrer-Policy: origin``."""

    attempt_id: AttemptId
    start_url: str
    amount_rial: Rial
    invoice_ids: tuple[InvoiceId, ...]
    is_reused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditUse:
    """Credit used to pay invoices."""

    used_rial: Rial
    paid: tuple[InvoiceId, ...]
    balance_rial: Rial


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """Money paid back to a tenant out of its credit; ``is_new`` is False when the same payout was booked before."""

    amount_rial: Rial
    balance_rial: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """Content of the return page. Outcome and track id are for anyone.

    Amounts, reference, invoices and the bank's reason need the attempt's nonce or a session of its tenant.
    ``credit_rial`` is the part that the invoices did not need, ``debt_rial`` the part of it that made up for credit
    paid out and taken back; ``outstanding_rial`` is the unpaid rest of the invoices now, whoever pays it.
    """

    outcome: ReturnOutcome
    track_id: int | None = None
    gateway_status: int | None = None
    attempt_id: AttemptId | None = None
    amount_rial: Rial | None = None
    credit_rial: Rial | None = None
    debt_rial: Rial | None = None
    outstanding_rial: Rial | None = None
    ref_number: str | None = None
    invoice_ids: tuple[InvoiceId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePayments:
    """Paid and outstanding amounts of an invoice, all attempts at it, newest first, and its movements in order."""

    invoice_id: InvoiceId
    outstanding_rial: Rial
    paid_rial: Rial
    attempts: tuple[Attempt, ...]
    entries: tuple[LedgerEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFile:
    """Everything known of an attempt, for an operator's decision."""

    attempt: Attempt
    tenant_name_fa: str
    tenant_name_en: str
    events: tuple[AttemptEvent, ...]
    event_count: int
    entries: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """Numbers of attempts in a round of the sweeper.

    ``failed`` attempts are tried again, those that hit a bug in an hour; ``left`` ones had no time in this round.
    """

    reconciled: int = 0
    settled: int = 0
    expired: int = 0
    failed: int = 0
    left: int = 0
    undecided: int = 0
    was_busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSessions:
    """Numbers of payment sessions opened ahead of the click."""

    opened: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentHealth:
    """State of payments for the operators' overview and the metrics."""

    open: int
    undecided: int
    oldest_undecided_at: datetime | None
    flagged: int
    overdue_checks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedAgain:
    """Payments that the gateway was asked about after a restore, and invoices that their money paid as credit."""

    asked: int
    settled: int
    failed: int
    paid_from_credit: int
