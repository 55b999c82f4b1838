"""Tables of wording."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class AlertWordingRow(Base):
    """A wording by its key: being asked for until an instant, or known and good until then."""

    __tablename__ = "alert_wording"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    good_until: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str] = mapped_column(Text)
    groups: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class AssistantCallRow(Base):
    """A question to a model. ``tokens`` are those that it may cost, until it is known what it did."""

    __tablename__ = "assistant_call"
    __table_args__ = (Index("ix_assistant_call_at", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    tokens: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[bool | None]
    """Whether no readable answer came; empty while it is awaited."""


class AssistantAnswerRow(Base):
    """An answer by its key: being asked for until an instant, or known and good until then."""

    __tablename__ = "assistant_answer"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    good_until: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str] = mapped_column(Text)
    sentences: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    nearest: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
