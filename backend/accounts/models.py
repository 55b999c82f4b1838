"""Tables of accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class UserAccountRow(Base):
    """An account that can sign in; a tenant's user belongs to exactly one tenant, staff to none."""

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint(
            "(role IN ('tenant_viewer', 'tenant_admin')) = (tenant_id IS NOT NULL)", "tenant_role"
        ),
        CheckConstraint(
            "role IN ('tenant_viewer', 'tenant_admin', 'operator', 'approver', 'auditor')", "role"
        ),
        CheckConstraint("language IN ('fa', 'en')", "language"),
        CheckConstraint("email = lower(email)", "email_lower"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenant.id"), index=True)
    language: Mapped[str] = mapped_column(Text, server_default="fa")
    theme: Mapped[str] = mapped_column(Text, server_default="light")
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)


class UserSessionRow(Base):
    """A signed-in browser. The cookie's token is stored only as its SHA-256."""

    __tablename__ = "user_session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    address: Mapped[str] = mapped_column(Text, server_default="")
    user_agent: Mapped[str] = mapped_column(Text, server_default="")


class SignInAttemptRow(Base):
    """A failed attempt to sign in, counted by account and by address."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ix_sign_in_attempt_email_at", "email", "at"),
        Index("ix_sign_in_attempt_address_at", "address", "at"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
