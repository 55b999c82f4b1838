"""Invoices, the runs that make them, and the plan of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, NewType
from uuid import UUID

from backend.actor import TenantId
from backend.money import Rial
from backend.tenants.types import Tenant
from backend.usage.types import NO_METERS, DailyUsage, FallFigure, MeterContinuity, MeterFall, MeterReading

InvoiceId = NewType("InvoiceId", UUID)
NOTHING = Rial(0)
BilledTotalKey = tuple[TenantId, str, str]


class InvoiceStatus(StrEnum):
    """Status of an invoice. A held invoice was not issued: it has no number and cannot be paid.

    A void invoice was held and had no token to bill; it has no number.
    """

    HELD = "held"
    PENDING = "pending"
    PAID = "paid"
    VOID = "void"


class RunState(StrEnum):
    """State of an attempt to bill a day."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class HoldReason(StrEnum):
    """Reason for holding an invoice despite proven usage. The sentence for people is ``invoice.hold.<value>``."""

    MODEL_WITHOUT_PRICE = "model_without_price"
    """A model on it has no price of its own, and the day's price list requires one."""
    AMOUNT_TOO_LARGE = "amount_too_large"
    """It asks for more than the setting allows."""
    UNUSUAL_DAY = "unusual_day"
    """The company used many times more than on any of its last days."""
    TOTAL_TOO_LARGE = "total_too_large"
    """Its tokens or its money, of this day or in all, are a number that cannot be stored."""


class Limits(NamedTuple):
    """Limits beyond which an invoice is held for review."""

    amount_rial: Rial
    usual_rial: Rial
    """Up to this amount no day is unusual: it is less than the smallest payment."""
    usual_tokens: Mapping[TenantId, int]
    """The most tokens of a company's last issued days; a company without any has no usual day."""


class BilledTotal(NamedTuple):
    """Tokens and rial billed so far for a tenant, model and type under a price version."""

    tokens: int
    billed_rial: int


class InvoiceLine(NamedTuple):
    """Tokens of a model and type on an invoice, their rate and their price."""

    model: str
    type: str
    tokens: int
    rial_per_1000_tokens: Decimal
    amount_rial: int


class InvoiceDraft(NamedTuple):
    """An invoice that was worked out and not yet stored. Held when there is a reason; then nothing is priced."""

    tenant: Tenant
    tokens: int
    net_rial: Rial
    tax_rial: Rial
    coverage: Decimal
    lines: list[InvoiceLine]
    is_held: bool = False
    held_reasons: tuple[str, ...] = ()

    @property
    def amount_rial(self) -> Rial:
        """The amount due: net and tax, in rial."""
        return Rial(self.net_rial + self.tax_rial)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBill:
    """The bill of a day: its invoices, the billed totals after it, and the labels that no tenant has."""

    day: date
    price_version: int
    tax_percent: Decimal
    issued: list[InvoiceDraft]
    held: list[InvoiceDraft]
    billed_totals: Mapping[BilledTotalKey, BilledTotal]
    unknown_labels: Mapping[str, int]

    @property
    def tokens(self) -> int:
        """Tokens on the issued invoices."""
        return sum(draft.tokens for draft in self.issued)

    @property
    def amount_rial(self) -> Rial:
        """Money on the issued invoices, tax included."""
        return Rial(sum(draft.amount_rial for draft in self.issued))


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A stored invoice of one tenant and Tehran day, with the tenant's names."""

    id: InvoiceId
    tenant_id: TenantId
    tenant_name_fa: str
    tenant_name_en: str
    day: date
    number: str | None
    tokens: int
    amount: Decimal
    net_rial: Rial
    tax_percent: Decimal
    tax_rial: Rial
    amount_rial: Rial
    status: InvoiceStatus
    held_reasons: tuple[str, ...]
    coverage: Decimal
    price_version: int
    window_start: datetime
    window_end: datetime
    timezone: str
    tzdata_version: str
    created_at: datetime
    issued_at: datetime | None
    zibal_track_id: int | None
    paid_at: datetime | None
    fall_figure: FallFigure | None = None
    """The figure of the meters that fell with which it was released."""

    def tenant_name(self, lang: str) -> str:
        """The tenant's name in a language."""
        return self.tenant_name_en if lang == "en" else self.tenant_name_fa

    @property
    def waits_for_price(self) -> bool:
        """Whether it is held for a missing price alone. Nobody reviews it; with the price it is issued by itself."""
        return self.status is InvoiceStatus.HELD and self.held_reasons == (
            HoldReason.MODEL_WITHOUT_PRICE.value,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePage:
    """A page of a list of invoices, the newest day first, and the number of all."""

    rows: list[Invoice]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """The seller as configured. An empty field is not set."""

    legal_name: str = ""
    economic_code: str = ""
    national_id: str = ""
    registration_number: str = ""
    address: str = ""
    postal_code: str = ""
    phone: str = ""
    has_logo: bool = False


class FigureAmount(NamedTuple):
    """Tokens of a held invoice with a figure of its meters that fell, and its amount with it, tax included.

    The amount is None while a model on it has no price.
    """

    figure: FallFigure
    tokens: int
    would_cost_rial: Rial | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDetail:
    """An invoice with all its evidence: lines, the day's usage with flags, and the meter readings.

    ``figures`` are those between which a held one waits.
    """

    invoice: Invoice
    seller: Seller
    tenant: Tenant
    lines: list[InvoiceLine]
    usage: list[DailyUsage]
    readings: list[MeterReading]
    falls: list[MeterFall] = field(default_factory=list)
    figures: Sequence[FigureAmount] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldInvoice:
    """An invoice that waits for an operator, with its amount, tax included, if it is released.

    The amount is None while a model on it has no price.
    """

    invoice: Invoice
    would_cost_rial: Rial | None
    figures: Sequence[FigureAmount] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTotal:
    """Tokens of a model and their price, in rial before tax, of all tenants together, and the first day of them."""

    model: str
    since: date
    tokens: int
    rial: int
    tenants: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpricedModel:
    """A model without a price of its own: what was billed of it at the general price, and what waits for a price.

    ``priced_from`` is the day from which on it has prices of its own, if a list gives it some.
    """

    model: str
    billed: ModelTotal | None
    waiting: ModelTotal | None
    priced_from: date | None

    @property
    def tokens(self) -> int:
        """All its tokens."""
        return sum(each.tokens for each in (self.billed, self.waiting) if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingRun:
    """An attempt to bill a day. ``error`` is the catalogue key of the reason for its failure."""

    id: UUID
    day: date
    started_by: str
    state: RunState
    started_at: datetime
    finished_at: datetime | None
    issued: int = 0
    held: int = 0
    unknown_labels: int = 0
    tokens: int = 0
    amount_rial: Rial = NOTHING
    error: str | None = None

    @property
    def duration_s(self) -> float:
        """Duration of the run; 0 while it runs."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """The part of a plan for a day. ``new`` says that the day has never been measured.

    ``is_scanned`` says whether the day is scanned: if not, the run does so first, and may hold more.
    ``has_waited`` says that these are the invoices of the day that waited for the price of a model and have it now.
    ``error`` is the catalogue key of the reason for which the day would fail and end the run. ``plan_hash`` covers the
    invoices of this day alone, as that of a plan covers those of all its days.
    """

    day: date
    tenants: int
    tokens: int
    amount_rial: Rial
    held: int
    unknown_labels: tuple[str, ...]
    new: bool
    is_scanned: bool = True
    error: str | None = None
    plan_hash: str = ""
    has_waited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingPlan:
    """The invoices that a run would issue now. The hash covers each of them, to the token and rial."""

    days: list[DayPlan] = field(default_factory=list)
    plan_hash: str = ""


class WaitingInvoice(NamedTuple):
    """A held invoice that waits for something other than an operator."""

    id: InvoiceId
    tenant_id: TenantId
    label: str


class Difference(NamedTuple):
    """Tokens of one label, model and type that were stored, and that Prometheus shows now, where the two differ.

    ``amount_rial`` is about what the difference costs by the day's prices, before tax; below zero for fewer tokens.
    """

    label: str
    model: str
    type: str
    stored_tokens: int
    measured_tokens: int
    amount_rial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayComparison:
    """A finished day as it was stored, and as a measurement of now has it."""

    day: date
    stored_tokens: int
    measured_tokens: int
    differences: list[Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingHealth:
    """State of billing for the operators' overview and the metrics."""

    last_finished_at: datetime | None
    last_failed_at: datetime | None
    open_days: list[date]
    overdue_days: list[date]
    held: int
    meters: MeterContinuity = NO_METERS


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedDay:
    """Invoices of a day that were issued in some stretch of time: their number, their amount, and how many are paid."""

    day: date
    invoices: int
    amount_rial: Rial
    paid: int


class Due(NamedTuple):
    """An invoice as payments see it. Held and void invoices are never due."""

    id: InvoiceId
    tenant_id: TenantId
    number: str
    day: date
    amount_rial: Rial
    status: InvoiceStatus
