"""Tables of runs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class RunbookRunRow(Base):
    """A run. The database itself refuses a dangerous one that no other person approved."""

    __tablename__ = "runbook_run"
    __table_args__ = (
        CheckConstraint("risk IN ('safe', 'disruptive', 'destructive', 'dangerous')", "risk"),
        CheckConstraint(
            "state IN ('planning', 'planned', 'waiting', 'queued', 'running', 'cancelling', 'succeeded', 'failed',"
            " 'cancelled', 'declined', 'expired', 'lost')",
            "state",
        ),
        CheckConstraint("approver_id <> requester_id", "four_eyes"),
        CheckConstraint(
            "risk <> 'dangerous' OR approved_at IS NOT NULL"
            " OR state NOT IN ('queued', 'running', 'cancelling', 'succeeded', 'lost')"
            " OR (state = 'cancelling' AND planned_at IS NULL)",
            "approved",
        ),
        CheckConstraint(
            "(approved_at IS NULL) = (approver_id IS NULL)"
            " AND (approved_at IS NULL OR requester_id IS NOT NULL)",
            "approver",
        ),
        Index("uq_runbook_run_scheduled", "action", "scheduled_at", unique=True),
        Index("ix_runbook_run_requested_at", "requested_at"),
        Index("ix_runbook_run_action_requested_at", "action", "requested_at"),
        Index("ix_runbook_run_undo_of", "undo_of"),
        Index(
            "ix_runbook_run_open",
            "state",
            postgresql_where="state IN ('planning', 'planned', 'waiting', 'queued', 'running', 'cancelling')",
        ),
        Index("ix_runbook_run_targets", "targets", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    risk: Mapped[str] = mapped_column(Text)
    targets: Mapped[list[str]] = mapped_column(ARRAY(Text))
    deadline_s: Mapped[int]
    request_key: Mapped[str] = mapped_column(Text, unique=True)
    origin: Mapped[dict[str, str]] = mapped_column(JSONB)
    undo_of: Mapped[UUID | None] = mapped_column(ForeignKey("runbook_run.id"))
    repeat_of: Mapped[UUID | None] = mapped_column(ForeignKey("runbook_run.id"))
    scheduled_at: Mapped[datetime | None] = mapped_column(Instant)
    requester_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    requester: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(Text)
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    plan_hash: Mapped[str] = mapped_column(Text, server_default="")
    planned_at: Mapped[datetime | None] = mapped_column(Instant)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    approver_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    approver: Mapped[str] = mapped_column(Text, server_default="")
    approved_at: Mapped[datetime | None] = mapped_column(Instant)
    cancelled_by: Mapped[str] = mapped_column(Text, server_default="")
    cancel_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    launch: Mapped[int] = mapped_column(server_default="0")
    launched_at: Mapped[datetime | None] = mapped_column(Instant)
    process: Mapped[str] = mapped_column(Text, server_default="")
    heartbeat_at: Mapped[datetime | None] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    stopped_at: Mapped[datetime | None] = mapped_column(Instant)
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    result: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    memory: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")


class RunbookStepRow(Base):
    """A step of a run."""

    __tablename__ = "runbook_step"
    __table_args__ = (CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", "state"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("runbook_run.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    is_cancellable: Mapped[bool]
    is_repeatable: Mapped[bool]
    state: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class RunbookLockRow(Base):
    """A target that a run holds. Every end of a run deletes its locks in the same transaction."""

    __tablename__ = "runbook_lock"
    __table_args__ = (Index("ix_runbook_lock_run_id", "run_id"),)

    target: Mapped[str] = mapped_column(Text, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("runbook_run.id", ondelete="CASCADE"))
    taken_at: Mapped[datetime] = mapped_column(Instant)


class RunbookLogRow(Base):
    """A numbered line of a run's log; secrets were blacked out before."""

    __tablename__ = "runbook_log"
    __table_args__ = (CheckConstraint("kind IN ('words', 'output')", "kind"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("runbook_run.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    step: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
