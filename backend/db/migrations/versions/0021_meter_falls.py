"""Meters that fell within a day, and the figure of them that an invoice was released with."""

import sqlalchemy as sa
from alembic import op

import backend.db.base

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meter_fall",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("life_start", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("falls", sa.Integer(), nullable=False),
        sa.Column("first_value", sa.BigInteger(), nullable=False),
        sa.Column("first_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("last_value", sa.BigInteger(), nullable=False),
        sa.Column("last_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("least_tokens", sa.BigInteger(), nullable=False),
        sa.Column("most_tokens", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["day"], ["measured_day.day"], name=op.f("fk_meter_fall_day"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "day", "tenant", "model", "type", "instance", "life_start", name=op.f("pk_meter_fall")
        ),
    )
    op.create_index("ix_meter_fall_tenant_day", "meter_fall", ["tenant", "day"])
    op.add_column("tenant_invoice", sa.Column("fall_figure", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_tenant_invoice_fall_figure"), "tenant_invoice", "fall_figure IN ('least', 'most')"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_tenant_invoice_fall_figure"), "tenant_invoice", type_="check")
    op.drop_column("tenant_invoice", "fall_figure")
    op.drop_index("ix_meter_fall_tenant_day", table_name="meter_fall")
    op.drop_table("meter_fall")
