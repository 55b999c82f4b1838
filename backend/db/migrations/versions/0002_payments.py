"""payments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import backend.db.base

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("merchant_fingerprint", sa.Text(), nullable=False),
        sa.Column("amount_rial", sa.BigInteger(), nullable=False),
        sa.Column("order_ref", sa.Text(), nullable=False),
        sa.Column("nonce_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("track_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("turn", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("flags", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("gateway_status", sa.Integer(), nullable=True),
        sa.Column("ref_number", sa.Text(), nullable=True),
        sa.Column("card_mask", sa.Text(), nullable=True),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("requested_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("redirected_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("returned_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("settled_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("last_inquiry_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("next_check_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("check_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("resolved_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('created', 'failed_to_start')) OR track_id IS NOT NULL",
            name=op.f("ck_payment_attempt_has_track_id"),
        ),
        sa.CheckConstraint(
            "state IN ('created', 'requested', 'redirected', 'returned', 'paid_unverified', 'settled', 'failed',"
            " 'cancelled', 'expired', 'superseded', 'failed_to_start', 'review', 'refunding', 'refunded',"
            " 'reversed', 'closed')",
            name=op.f("ck_payment_attempt_state"),
        ),
        sa.CheckConstraint("amount_rial > 0", name=op.f("ck_payment_attempt_amount_positive")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_payment_attempt_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_attempt")),
        sa.UniqueConstraint("order_ref", name=op.f("uq_payment_attempt_order_ref")),
        sa.UniqueConstraint("provider", "track_id", name=op.f("uq_payment_attempt_provider_track_id")),
    )
    op.create_index(
        "ix_payment_attempt_flagged",
        "payment_attempt",
        ["created_at"],
        unique=False,
        postgresql_where="flags <> '[]'::jsonb AND resolved_at IS NULL",
    )
    op.create_index(
        "ix_payment_attempt_next_check_at",
        "payment_attempt",
        ["next_check_at"],
        unique=False,
        postgresql_where="next_check_at IS NOT NULL",
    )
    op.create_index(
        "ix_payment_attempt_not_handed_over",
        "payment_attempt",
        ["created_at"],
        unique=False,
        postgresql_where="state IN ('created', 'requested')",
    )
    op.create_index(
        "ix_payment_attempt_tenant_id_created_at",
        "payment_attempt",
        ["tenant_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "payment_allocation",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount_rial", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.CheckConstraint("amount_rial > 0", name=op.f("ck_payment_allocation_amount_positive")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.id"], name=op.f("fk_payment_allocation_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["tenant_invoice.id"], name=op.f("fk_payment_allocation_invoice_id")
        ),
        sa.PrimaryKeyConstraint("attempt_id", "invoice_id", name=op.f("pk_payment_allocation")),
    )
    op.create_index("ix_payment_allocation_invoice_id", "payment_allocation", ["invoice_id"], unique=False)
    op.create_index(
        "uq_payment_allocation_open_invoice",
        "payment_allocation",
        ["invoice_id"],
        unique=True,
        postgresql_where="is_open",
    )
    op.create_table(
        "payment_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.id"], name=op.f("fk_payment_event_attempt_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_event")),
    )
    op.create_index("ix_payment_event_attempt_id", "payment_event", ["attempt_id", "id"], unique=False)
    op.create_table(
        "tenant_ledger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("turn", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_rial", sa.BigInteger(), nullable=False),
        sa.Column("at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'credit_use') = (attempt_id IS NULL)", name=op.f("ck_tenant_ledger_attempt")
        ),
        sa.CheckConstraint(
            "(kind IN ('payment', 'reopening')) = (amount_rial > 0)", name=op.f("ck_tenant_ledger_sign")
        ),
        sa.CheckConstraint(
            "(kind IN ('settlement', 'reopening', 'credit_use')) = (invoice_id IS NOT NULL)",
            name=op.f("ck_tenant_ledger_invoice"),
        ),
        sa.CheckConstraint(
            "kind IN ('payment', 'settlement', 'reversal', 'reopening', 'credit_use')",
            name=op.f("ck_tenant_ledger_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.id"], name=op.f("fk_tenant_ledger_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["tenant_invoice.id"], name=op.f("fk_tenant_ledger_invoice_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_ledger_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant_ledger")),
    )
    op.create_index(
        "ix_tenant_ledger_invoice_id",
        "tenant_ledger",
        ["invoice_id"],
        unique=False,
        postgresql_where="invoice_id IS NOT NULL",
    )
    op.create_index("ix_tenant_ledger_tenant_id", "tenant_ledger", ["tenant_id"], unique=False)
    op.create_index(
        "uq_tenant_ledger_once",
        "tenant_ledger",
        ["attempt_id", "turn", "kind", "invoice_id"],
        unique=True,
        postgresql_where="attempt_id IS NOT NULL",
        postgresql_nulls_not_distinct=True,
    )
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER tenant_ledger_is_append_only BEFORE UPDATE OR DELETE ON tenant_ledger"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_index(
        "uq_tenant_ledger_once",
        table_name="tenant_ledger",
        postgresql_where="attempt_id IS NOT NULL",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index("ix_tenant_ledger_tenant_id", table_name="tenant_ledger")
    op.drop_index(
        "ix_tenant_ledger_invoice_id", table_name="tenant_ledger", postgresql_where="invoice_id IS NOT NULL"
    )
    op.drop_table("tenant_ledger")
    op.drop_index("ix_payment_event_attempt_id", table_name="payment_event")
    op.drop_table("payment_event")
    op.drop_index(
        "uq_payment_allocation_open_invoice", table_name="payment_allocation", postgresql_where="is_open"
    )
    op.drop_index("ix_payment_allocation_invoice_id", table_name="payment_allocation")
    op.drop_table("payment_allocation")
    op.drop_index("ix_payment_attempt_tenant_id_created_at", table_name="payment_attempt")
    op.drop_index(
        "ix_payment_attempt_not_handed_over",
        table_name="payment_attempt",
        postgresql_where="state IN ('created', 'requested')",
    )
    op.drop_index(
        "ix_payment_attempt_next_check_at",
        table_name="payment_attempt",
        postgresql_where="next_check_at IS NOT NULL",
    )
    op.drop_index(
        "ix_payment_attempt_flagged",
        table_name="payment_attempt",
        postgresql_where="flags <> '[]'::jsonb AND resolved_at IS NULL",
    )
    op.drop_table("payment_attempt")
    op.execute("DROP FUNCTION refuse_change()")
