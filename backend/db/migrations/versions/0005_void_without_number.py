"""void without number."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("ck_tenant_invoice_held_has_no_number", "tenant_invoice")
    op.create_check_constraint(
        op.f("ck_tenant_invoice_number"),
        "tenant_invoice",
        "CASE WHEN number IS NULL THEN status = 'held' OR (status = 'void' AND tokens = 0)"
        " ELSE status <> 'held' END",
    )


def downgrade() -> None:
    op.execute("DELETE FROM tenant_invoice WHERE status = 'void' AND number IS NULL")
    op.drop_constraint("ck_tenant_invoice_number", "tenant_invoice")
    op.create_check_constraint(
        op.f("ck_tenant_invoice_held_has_no_number"), "tenant_invoice", "(status = 'held') = (number IS NULL)"
    )
