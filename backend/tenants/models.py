"""Tables of tenants."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class TenantRow(Base):
    """A customer company. ``label`` is the value of the tenant label on DocuChat's counters."""

    __tablename__ = "tenant"
    __table_args__ = (
        CheckConstraint("language IN ('fa', 'en')", "language"),
        CheckConstraint("label <> ''", "label_set"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(Text, unique=True)
    name_fa: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text, server_default="fa")
    billing_email: Mapped[str] = mapped_column(Text)
    billed_from: Mapped[date]
    economic_code: Mapped[str | None] = mapped_column(Text)
    national_id: Mapped[str | None] = mapped_column(Text)
    postal_address: Mapped[str | None] = mapped_column(Text)
    postal_code: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
