"""Tables of invoices."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class TenantInvoiceRow(Base):
    """An invoice of a tenant for a Tehran day. A held invoice has no number, is not mailed and cannot be paid.

    A void invoice without a number was held and, once looked at, had no token to bill.

    ``amount`` is in toman because the rest of the company queries it so; it is computed from ``amount_rial``.
    """

    __tablename__ = "tenant_invoice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "day"),
        CheckConstraint("status IN ('held', 'pending', 'paid', 'void')", "status"),
        CheckConstraint(
            "CASE WHEN number IS NULL THEN status = 'held' OR (status = 'void' AND tokens = 0)"
            " ELSE status <> 'held' END",
            "number",
        ),
        CheckConstraint("amount_rial = net_rial + tax_rial", "amount_is_sum"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", "paid_at"),
        CheckConstraint("fall_figure IN ('least', 'most')", "fall_figure"),
        Index("ix_tenant_invoice_status", "status", postgresql_where="status IN ('held', 'pending')"),
        Index("ix_tenant_invoice_day", "day"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    day: Mapped[date] = mapped_column(Date)
    number: Mapped[str | None] = mapped_column(Text, unique=True)
    tokens: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[Decimal] = mapped_column(Numeric(20, 2), Computed("amount_rial / 10.0", persisted=True))
    net_rial: Mapped[int] = mapped_column(BigInteger)
    tax_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    tax_rial: Mapped[int] = mapped_column(BigInteger)
    amount_rial: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(Text)
    held_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    coverage: Mapped[Decimal] = mapped_column(Numeric(6, 5))
    price_version: Mapped[int] = mapped_column(ForeignKey("price_list.version"))
    window_start: Mapped[datetime] = mapped_column(Instant)
    window_end: Mapped[datetime] = mapped_column(Instant)
    timezone: Mapped[str] = mapped_column(Text)
    tzdata_version: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    issued_at: Mapped[datetime | None] = mapped_column(Instant)
    zibal_track_id: Mapped[int | None] = mapped_column(BigInteger)
    paid_at: Mapped[datetime | None] = mapped_column(Instant)
    fall_figure: Mapped[str | None] = mapped_column(Text)
    """The figure of meters that fell with which it was released."""


class InvoiceLineRow(Base):
    """Tokens of a model and type on an invoice, and their price. Lines of held invoices carry no price yet."""

    __tablename__ = "invoice_line"

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("tenant_invoice.id"), primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    tokens: Mapped[int] = mapped_column(BigInteger)
    rial_per_1000_tokens: Mapped[Decimal] = mapped_column(Numeric(18, 6))
    amount_rial: Mapped[int] = mapped_column(BigInteger)


class InvoiceNumberRow(Base):
    """The last number given in a Jalali year; rolled back with its invoice, so there is no gap."""

    __tablename__ = "invoice_number"

    jalali_year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class BilledTotalRow(Base):
    """Tokens and rial billed so far of one tenant, model, type and price version: the state of telescoping rounding."""

    __tablename__ = "billing_meter"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    price_version: Mapped[int] = mapped_column(ForeignKey("price_list.version"), primary_key=True)
    tokens: Mapped[int] = mapped_column(BigInteger)
    billed_rial: Mapped[int] = mapped_column(BigInteger)


class BilledModelRow(Base):
    """The first day on which a model and type were billed under a price version, whoever used them."""

    __tablename__ = "billed_model"

    price_version: Mapped[int] = mapped_column(ForeignKey("price_list.version"), primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text, primary_key=True)
    first_day: Mapped[date] = mapped_column(Date)


class BillingRunRow(Base):
    """An attempt to bill a day: its findings and actions, or the reason for its failure."""

    __tablename__ = "billing_run"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'finished', 'failed')", "state"),
        Index("ix_billing_run_started_at", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    started_by: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    issued: Mapped[int] = mapped_column(server_default="0")
    held: Mapped[int] = mapped_column(server_default="0")
    unknown_labels: Mapped[int] = mapped_column(server_default="0")
    tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    amount_rial: Mapped[int] = mapped_column(BigInteger, server_default="0")
    error: Mapped[str | None] = mapped_column(Text)
