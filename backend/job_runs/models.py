"""Tables of job runs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class JobRunRow(Base):
    """A firing of a job."""

    __tablename__ = "job_run"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'finished', 'failed')", "state"),
        Index("ix_job_run_job_started_at", "job", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(Text)
    started_by: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text, server_default="")
