"""measured lives."""

import sqlalchemy as sa
from alembic import op

import backend.db.base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measured_life",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("life_start", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("closed_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["day"], ["measured_day.day"], name=op.f("fk_measured_life_day"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("day", "instance", "life_start", name=op.f("pk_measured_life")),
    )
    op.create_index("ix_measured_life_instance_day", "measured_life", ["instance", "day"], unique=False)
    op.execute(
        "INSERT INTO measured_life (day, instance, life_start, closed_at)"
        " SELECT day, instance, life_start, max(closed_at) FROM meter_reading"
        " WHERE day IN (SELECT day FROM measured_day) GROUP BY day, instance, life_start"
    )


def downgrade() -> None:
    op.drop_index("ix_measured_life_instance_day", table_name="measured_life")
    op.drop_table("measured_life")
