"""Tables of deploys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class DeployRow(Base):
    """A deployment in the ledger. An empty text says that its sender did not tell."""

    __tablename__ = "deploy_record"
    __table_args__ = (
        CheckConstraint("result IN ('running', 'succeeded', 'failed', 'rolled_back', 'cancelled')", "result"),
        CheckConstraint("smoke_test IN ('passed', 'failed', 'skipped')", "smoke_test"),
        CheckConstraint("(result = 'running') = (finished_at IS NULL)", "ended"),
        CheckConstraint("finished_at >= started_at", "order"),
        Index("ix_deploy_record_started_at", "started_at"),
        Index("ix_deploy_record_service_started_at", "service", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    service: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    environment: Mapped[str] = mapped_column(Text)
    namespace: Mapped[str] = mapped_column(Text)
    workloads: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    image_digest: Mapped[str] = mapped_column(Text)
    commit_sha: Mapped[str] = mapped_column(Text)
    branch: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    ci_run: Mapped[str] = mapped_column(Text)
    committed_at: Mapped[datetime | None] = mapped_column(Instant)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    result: Mapped[str] = mapped_column(Text)
    smoke_test: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
