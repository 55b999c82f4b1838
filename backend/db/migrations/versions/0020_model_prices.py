"""Prices by alias, a price required per model, and the models that were billed."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "price_alias",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("priced_as", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["price_list.version"], name=op.f("fk_price_alias_version")),
        sa.PrimaryKeyConstraint("version", "model", name=op.f("pk_price_alias")),
    )
    op.add_column(
        "price_list",
        sa.Column("requires_own_price", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("price_list", sa.Column("confirmed_hash", sa.Text(), nullable=True))
    op.create_unique_constraint(op.f("uq_price_list_confirmed_hash"), "price_list", ["confirmed_hash"])
    op.create_table(
        "billed_model",
        sa.Column("price_version", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["price_version"], ["price_list.version"], name=op.f("fk_billed_model_price_version")
        ),
        sa.PrimaryKeyConstraint("price_version", "model", "type", name=op.f("pk_billed_model")),
    )
    op.execute(
        "INSERT INTO billed_model (price_version, model, type, first_day)"
        " SELECT i.price_version, l.model, l.type, min(i.day) FROM invoice_line l"
        " JOIN tenant_invoice i ON i.id = l.invoice_id WHERE i.number IS NOT NULL GROUP BY 1, 2, 3"
    )


def downgrade() -> None:
    op.drop_table("billed_model")
    op.drop_constraint(op.f("uq_price_list_confirmed_hash"), "price_list", type_="unique")
    op.drop_column("price_list", "confirmed_hash")
    op.drop_column("price_list", "requires_own_price")
    op.drop_table("price_alias")
