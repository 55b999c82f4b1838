"""Tables of alerts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class AlertFiringRow(Base):
    """A firing of an alert. A fingerprint fires once at a time; who fires again from the same start goes on."""

    __tablename__ = "alert_firing"
    __table_args__ = (
        UniqueConstraint("fingerprint", "started_at"),
        CheckConstraint("severity IN ('critical', 'warning', 'info')", "severity"),
        CheckConstraint("resolution IN ('condition', 'silent', 'unseen')", "resolution"),
        CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", "resolved"),
        Index("uq_alert_firing_open", "fingerprint", unique=True, postgresql_where="resolved_at IS NULL"),
        Index("ix_alert_firing_started_at", "started_at"),
        Index("ix_alert_firing_resolved_at", "resolved_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    service: Mapped[str] = mapped_column(Text)
    labels: Mapped[dict[str, str]] = mapped_column(JSONB)
    annotations: Mapped[dict[str, str]] = mapped_column(JSONB)
    started_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    resolution: Mapped[str | None] = mapped_column(Text)
    muting: Mapped[dict[str, Any]] = mapped_column(JSONB)
    was_silenced: Mapped[bool]
    was_inhibited: Mapped[bool]


class AlertEventRow(Base):
    """An event in the history of a firing; never changed."""

    __tablename__ = "alert_event"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('fired', 'silenced', 'inhibited', 'muted', 'unmuted', 'resolved', 'fired_again')",
            "kind",
        ),
        Index("ix_alert_event_firing_id", "firing_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    firing_id: Mapped[int] = mapped_column(ForeignKey("alert_firing.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(Text)
    muting: Mapped[dict[str, Any]] = mapped_column(JSONB)


class AlertObservationRow(Base):
    """A stretch of time in which alerts were looked at again and again; nothing is known of the time between two."""

    __tablename__ = "alert_observation"

    since: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    until: Mapped[datetime] = mapped_column(Instant)


class AlertSourceRow(Base):
    """A party that must answer or be seen, and since when it does not."""

    __tablename__ = "alert_source"
    __table_args__ = (CheckConstraint("kind IN ('alertmanager', 'prometheus', 'watchdog')", "kind"),)

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    failing_since: Mapped[datetime | None] = mapped_column(Instant)
    cause: Mapped[str] = mapped_column(Text)


class AlertSilenceRow(Base):
    """A silence as Alertmanager showed it last. Nothing is deleted when Alertmanager forgets it."""

    __tablename__ = "alert_silence"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'active', 'expired')", "state"),
        Index("ix_alert_silence_ends_at", "ends_at"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    matchers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(Text)
    comment: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)


class AlertSilenceChangeRow(Base):
    """A change of a silence, with its comment; never changed. Alertmanager keeps only the last comment."""

    __tablename__ = "alert_silence_change"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('created', 'extended', 'shortened', 'replaced', 'ended', 'expired')", "kind"
        ),
        Index("ix_alert_silence_change_silence_id", "silence_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    silence_id: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    comment: Mapped[str] = mapped_column(Text)
    ends_at: Mapped[datetime] = mapped_column(Instant)
