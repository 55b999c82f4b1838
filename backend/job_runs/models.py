"""Tables of job runs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, Index, SmallInteger, Text, text
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


class ScheduledJobRow(Base):
    """A schedule of a job, as the leading scheduler last published it."""

    __tablename__ = "scheduled_job"

    job: Mapped[str] = mapped_column(Text, primary_key=True)
    schedule: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[int]
    every_s: Mapped[int | None]
    weekday: Mapped[int | None] = mapped_column(SmallInteger)
    hour: Mapped[int | None] = mapped_column(SmallInteger)
    minute: Mapped[int | None] = mapped_column(SmallInteger)
    next_run_at: Mapped[datetime | None] = mapped_column(Instant)
    fired_at: Mapped[datetime | None] = mapped_column(Instant)
    duration_s: Mapped[float | None] = mapped_column(Double)


class SchedulerProcessRow(Base):
    """A process that leads or stands by."""

    __tablename__ = "scheduler_process"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    pid: Mapped[int]
    is_leader: Mapped[bool]
    started_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)


class JobPauseRow(Base):
    """A job that no schedule starts until somebody resumes it."""

    __tablename__ = "job_pause"

    job: Mapped[str] = mapped_column(Text, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    paused_by: Mapped[str] = mapped_column(Text)
    paused_at: Mapped[datetime] = mapped_column(Instant)


class JobRequestRow(Base):
    """A run that a person asked for. At most one of each job is open."""

    __tablename__ = "job_request"
    __table_args__ = (
        Index("uq_job_request_open", "job", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_job_request_asked_at", "asked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    taken_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    run_id: Mapped[UUID | None]
