"""The audit trail is searched by who, what and target, newest first, also at millions of entries."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SEARCHED = ("actor", "action", "target")


def upgrade() -> None:
    op.create_index("ix_audit_entry_at_id", "audit_entry", ["at", "id"], unique=False)
    for column in SEARCHED:
        op.create_index(f"ix_audit_entry_{column}_at_id", "audit_entry", [column, "at", "id"], unique=False)
    op.drop_index("ix_audit_entry_target", table_name="audit_entry")


def downgrade() -> None:
    op.create_index("ix_audit_entry_target", "audit_entry", ["target"], unique=False)
    for column in SEARCHED:
        op.drop_index(f"ix_audit_entry_{column}_at_id", table_name="audit_entry")
    op.drop_index("ix_audit_entry_at_id", table_name="audit_entry")
