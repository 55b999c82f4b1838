"""The scan of closed days."""

import sqlalchemy as sa
from alembic import op

import backend.db.base

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage_scan",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("matcher", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("claimed_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("finished_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", "part", name=op.f("pk_usage_scan")),
    )
    op.create_table(
        "usage_scan_finding",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("life_start", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("first_value", sa.BigInteger(), nullable=False),
        sa.Column("first_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("last_value", sa.BigInteger(), nullable=False),
        sa.Column("last_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("falls", sa.Integer(), nullable=False),
        sa.Column("rose_tokens", sa.BigInteger(), nullable=False),
        sa.Column("restarted_tokens", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["day", "part"],
            ["usage_scan.day", "usage_scan.part"],
            name=op.f("fk_usage_scan_finding_day"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "day",
            "part",
            "kind",
            "tenant",
            "model",
            "type",
            "instance",
            "life_start",
            name=op.f("pk_usage_scan_finding"),
        ),
    )


def downgrade() -> None:
    op.drop_table("usage_scan_finding")
    op.drop_table("usage_scan")
