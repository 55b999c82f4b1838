"""Wordings of alerts, and the questions that were asked for them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import backend.db.base

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_wording",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("good_until", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("groups", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alert_wording")),
    )
    op.create_table(
        "assistant_call",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assistant_call")),
    )
    op.create_index("ix_assistant_call_at", "assistant_call", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_assistant_call_at", table_name="assistant_call")
    op.drop_table("assistant_call")
    op.drop_table("alert_wording")
