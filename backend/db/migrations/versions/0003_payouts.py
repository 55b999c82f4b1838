"""payouts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenant_ledger", sa.Column("payout_key", sa.Text(), nullable=True))
    op.create_index(
        "uq_tenant_ledger_payout_key",
        "tenant_ledger",
        ["tenant_id", "payout_key"],
        unique=True,
        postgresql_where="payout_key IS NOT NULL",
    )
    op.drop_constraint(op.f("ck_tenant_ledger_kind"), "tenant_ledger", type_="check")
    op.create_check_constraint(
        op.f("ck_tenant_ledger_kind"),
        "tenant_ledger",
        "kind IN ('payment', 'settlement', 'reversal', 'reopening', 'credit_use', 'payout')",
    )
    op.drop_constraint(op.f("ck_tenant_ledger_attempt"), "tenant_ledger", type_="check")
    op.create_check_constraint(
        op.f("ck_tenant_ledger_attempt"),
        "tenant_ledger",
        "(kind IN ('credit_use', 'payout')) = (attempt_id IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_tenant_ledger_payout"),
        "tenant_ledger",
        "(kind = 'payout') = (payout_key IS NOT NULL)",
    )


def downgrade() -> None:
    # A ledger that holds payouts refuses this: they cannot be told in the older words.
    op.drop_constraint(op.f("ck_tenant_ledger_payout"), "tenant_ledger", type_="check")
    op.drop_constraint(op.f("ck_tenant_ledger_attempt"), "tenant_ledger", type_="check")
    op.create_check_constraint(
        op.f("ck_tenant_ledger_attempt"), "tenant_ledger", "(kind = 'credit_use') = (attempt_id IS NULL)"
    )
    op.drop_constraint(op.f("ck_tenant_ledger_kind"), "tenant_ledger", type_="check")
    op.create_check_constraint(
        op.f("ck_tenant_ledger_kind"),
        "tenant_ledger",
        "kind IN ('payment', 'settlement', 'reversal', 'reopening', 'credit_use')",
    )
    op.drop_index(
        "uq_tenant_ledger_payout_key",
        table_name="tenant_ledger",
        postgresql_where="payout_key IS NOT NULL",
    )
    op.drop_column("tenant_ledger", "payout_key")
