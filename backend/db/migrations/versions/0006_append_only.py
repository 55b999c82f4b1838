"""Append-only tables refuse every change, also TRUNCATE, and the audit chain knows its length."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("tenant_ledger", "payment_event", "audit_entry")


def upgrade() -> None:
    for table in TABLES[1:]:
        op.execute(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_is_never_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.execute(
        "INSERT INTO audit_head SELECT 1, count(*),"
        " coalesce((SELECT hash FROM audit_entry ORDER BY id DESC LIMIT 1), decode(repeat('00', 32), 'hex'))"
        " FROM audit_entry"
    )


def downgrade() -> None:
    op.drop_table("audit_head")
    for table in TABLES:
        op.execute(f"DROP TRIGGER {table}_is_never_emptied ON {table}")
    for table in TABLES[1:]:
        op.execute(f"DROP TRIGGER {table}_is_append_only ON {table}")
