"""Tables of payments."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class PaymentAttemptRow(Base):
    """An attempt to pay invoices through the gateway. Amount and order reference never change.

    ``nonce_sha256`` tells the payer's own callback from a forged one. ``settlement_no`` counts how often the money
    came: once, or again when the gateway took a refund back.
    """

    __tablename__ = "payment_attempt"
    __table_args__ = (
        UniqueConstraint("provider", "track_id"),
        CheckConstraint("amount_rial > 0", "amount_positive"),
        CheckConstraint(
            "state IN ('created', 'requested', 'redirected', 'returned', 'paid_unverified', 'settled', 'failed',"
            " 'cancelled', 'expired', 'superseded', 'failed_to_start', 'review', 'refunding', 'refunded',"
            " 'reversed', 'closed')",
            "state",
        ),
        CheckConstraint("(state IN ('created', 'failed_to_start')) OR track_id IS NOT NULL", "has_track_id"),
        Index(
            "ix_payment_attempt_next_check_at", "next_check_at", postgresql_where="next_check_at IS NOT NULL"
        ),
        Index("ix_payment_attempt_tenant_id_created_at", "tenant_id", "created_at"),
        Index(
            "ix_payment_attempt_not_handed_over",
            "created_at",
            postgresql_where="state IN ('created', 'requested')",
        ),
        Index(
            "ix_payment_attempt_flagged",
            "created_at",
            postgresql_where="flags <> '[]'::jsonb AND resolved_at IS NULL",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    provider: Mapped[str] = mapped_column(Text)
    merchant_fingerprint: Mapped[str] = mapped_column(Text)
    amount_rial: Mapped[int] = mapped_column(BigInteger)
    order_ref: Mapped[str] = mapped_column(Text, unique=True)
    nonce_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    track_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    verdict: Mapped[str | None] = mapped_column(Text)
    settlement_no: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    flags: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    gateway_status: Mapped[int | None]
    ref_number: Mapped[str | None] = mapped_column(Text)
    card_mask: Mapped[str | None] = mapped_column(Text)
    raw: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    requested_at: Mapped[datetime | None] = mapped_column(Instant)
    redirected_at: Mapped[datetime | None] = mapped_column(Instant)
    returned_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    last_inquiry_at: Mapped[datetime | None] = mapped_column(Instant)
    next_check_at: Mapped[datetime | None] = mapped_column(Instant)
    check_count: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str | None] = mapped_column(Text)
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    resolution: Mapped[str | None] = mapped_column(Text)


class PaymentAllocationRow(Base):
    """The parts of an attempt by invoice, the oldest invoice first. An invoice has at most one open attempt."""

    __tablename__ = "payment_allocation"
    __table_args__ = (
        CheckConstraint("amount_rial > 0", "amount_positive"),
        Index("uq_payment_allocation_open_invoice", "invoice_id", unique=True, postgresql_where="is_open"),
        Index("ix_payment_allocation_invoice_id", "invoice_id"),
    )

    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("payment_attempt.id"), primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("tenant_invoice.id"), primary_key=True)
    amount_rial: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(SmallInteger)
    is_open: Mapped[bool]


class TenantLedgerRow(Base):
    """A movement of a tenant's money; never changed. Positive adds to its credit, whose balance is the sum.

    An entry with an invoice moves money between the credit and that invoice. The database refuses the same movement
    of the same attempt twice, and a second payout of a tenant under the same key.
    """

    __tablename__ = "tenant_ledger"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('payment', 'settlement', 'reversal', 'reopening', 'credit_use', 'payout')",
            "kind",
        ),
        CheckConstraint("(kind IN ('payment', 'reopening')) = (amount_rial > 0)", "sign"),
        CheckConstraint(
            "(kind IN ('settlement', 'reopening', 'credit_use')) = (invoice_id IS NOT NULL)", "invoice"
        ),
        CheckConstraint("(kind IN ('credit_use', 'payout')) = (attempt_id IS NULL)", "attempt"),
        CheckConstraint("(kind = 'payout') = (payout_key IS NOT NULL)", "payout"),
        Index(
            "uq_tenant_ledger_once",
            "attempt_id",
            "settlement_no",
            "kind",
            "invoice_id",
            unique=True,
            postgresql_where="attempt_id IS NOT NULL",
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "uq_tenant_ledger_payout_key",
            "tenant_id",
            "payout_key",
            unique=True,
            postgresql_where="payout_key IS NOT NULL",
        ),
        Index("ix_tenant_ledger_tenant_id", "tenant_id"),
        Index("ix_tenant_ledger_invoice_id", "invoice_id", postgresql_where="invoice_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_attempt.id"))
    settlement_no: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenant_invoice.id"))
    kind: Mapped[str] = mapped_column(Text)
    amount_rial: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(Text)
    payout_key: Mapped[str | None] = mapped_column(Text)


class PaymentEventRow(Base):
    """Events of an attempt, in order: the evidence for operators."""

    __tablename__ = "payment_event"
    __table_args__ = (Index("ix_payment_event_attempt_id", "attempt_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("payment_attempt.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
