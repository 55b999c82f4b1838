"""Renames the number of an attempt's settlement from ``turn`` to ``settlement_no``."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("payment_attempt", "tenant_ledger")


def upgrade() -> None:
    for table in TABLES:
        op.alter_column(table, "turn", new_column_name="settlement_no")


def downgrade() -> None:
    for table in TABLES:
        op.alter_column(table, "settlement_no", new_column_name="turn")
