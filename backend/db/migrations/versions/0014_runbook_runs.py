"""Runs of runbooks, with their steps, locks and logs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import backend.db.base

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runbook_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("risk", sa.Text(), nullable=False),
        sa.Column("targets", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("deadline_s", sa.Integer(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("origin", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("undo_of", sa.Uuid(), nullable=True),
        sa.Column("repeat_of", sa.Uuid(), nullable=True),
        sa.Column("scheduled_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("requester_id", sa.Uuid(), nullable=True),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("requested_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("plan_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("planned_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("confirmed_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("expires_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("approver_id", sa.Uuid(), nullable=True),
        sa.Column("approver", sa.Text(), server_default="", nullable=False),
        sa.Column("approved_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Text(), server_default="", nullable=False),
        sa.Column("cancel_asked_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("launch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("launched_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("process", sa.Text(), server_default="", nullable=False),
        sa.Column("heartbeat_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("started_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("ended_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("stopped_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("outcome", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("memory", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "risk <> 'dangerous' OR approved_at IS NOT NULL"
            " OR state NOT IN ('queued', 'running', 'cancelling', 'succeeded', 'lost')",
            name=op.f("ck_runbook_run_approved"),
        ),
        sa.CheckConstraint(
            "risk IN ('safe', 'disruptive', 'destructive', 'dangerous')", name=op.f("ck_runbook_run_risk")
        ),
        sa.CheckConstraint(
            "state IN ('planning', 'planned', 'waiting', 'queued', 'running', 'cancelling', 'succeeded', 'failed',"
            " 'cancelled', 'declined', 'expired', 'lost')",
            name=op.f("ck_runbook_run_state"),
        ),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approver_id IS NULL) AND (approved_at IS NULL OR requester_id IS NOT NULL)",
            name=op.f("ck_runbook_run_approver"),
        ),
        sa.CheckConstraint("approver_id <> requester_id", name=op.f("ck_runbook_run_four_eyes")),
        sa.ForeignKeyConstraint(
            ["approver_id"], ["user_account.id"], name=op.f("fk_runbook_run_approver_id")
        ),
        sa.ForeignKeyConstraint(["repeat_of"], ["runbook_run.id"], name=op.f("fk_runbook_run_repeat_of")),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["user_account.id"], name=op.f("fk_runbook_run_requester_id")
        ),
        sa.ForeignKeyConstraint(["undo_of"], ["runbook_run.id"], name=op.f("fk_runbook_run_undo_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runbook_run")),
        sa.UniqueConstraint("request_key", name=op.f("uq_runbook_run_request_key")),
    )
    op.create_index(
        "ix_runbook_run_action_requested_at", "runbook_run", ["action", "requested_at"], unique=False
    )
    op.create_index(
        "ix_runbook_run_open",
        "runbook_run",
        ["state"],
        unique=False,
        postgresql_where="state IN ('planning', 'planned', 'waiting', 'queued', 'running', 'cancelling')",
    )
    op.create_index("ix_runbook_run_requested_at", "runbook_run", ["requested_at"], unique=False)
    op.create_index(
        "ix_runbook_run_targets", "runbook_run", ["targets"], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_runbook_run_undo_of", "runbook_run", ["undo_of"], unique=False)
    op.create_index("uq_runbook_run_scheduled", "runbook_run", ["action", "scheduled_at"], unique=True)
    op.create_table(
        "runbook_lock",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("taken_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runbook_run.id"], name=op.f("fk_runbook_lock_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_runbook_lock")),
    )
    op.create_index("ix_runbook_lock_run_id", "runbook_lock", ["run_id"], unique=False)
    op.create_table(
        "runbook_log",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('words', 'output')", name=op.f("ck_runbook_log_kind")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runbook_run.id"], name=op.f("fk_runbook_log_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_runbook_log")),
    )
    op.create_table(
        "runbook_step",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_cancellable", sa.Boolean(), nullable=False),
        sa.Column("is_repeatable", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("ended_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed')", name=op.f("ck_runbook_step_state")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runbook_run.id"], name=op.f("fk_runbook_step_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_runbook_step")),
    )


def downgrade() -> None:
    op.drop_table("runbook_step")
    op.drop_table("runbook_log")
    op.drop_index("ix_runbook_lock_run_id", table_name="runbook_lock")
    op.drop_table("runbook_lock")
    op.drop_index("uq_runbook_run_scheduled", table_name="runbook_run")
    op.drop_index("ix_runbook_run_undo_of", table_name="runbook_run")
    op.drop_index("ix_runbook_run_targets", table_name="runbook_run", postgresql_using="gin")
    op.drop_index("ix_runbook_run_requested_at", table_name="runbook_run")
    op.drop_index(
        "ix_runbook_run_open",
        table_name="runbook_run",
        postgresql_where="state IN ('planning', 'planned', 'waiting', 'queued', 'running', 'cancelling')",
    )
    op.drop_index("ix_runbook_run_action_requested_at", table_name="runbook_run")
    op.drop_table("runbook_run")
