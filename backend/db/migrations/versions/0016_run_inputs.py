"""The names of the secrets that people give to runs."""

import sqlalchemy as sa
from alembic import op

import backend.db.base

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_input",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Uuid(), nullable=False),
        sa.Column("given_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["given_by"], ["user_account.id"], name=op.f("fk_run_input_given_by_user_account")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_run_input")),
    )
    op.create_index(op.f("ix_run_input_given_at"), "run_input", ["given_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_run_input_given_at"), table_name="run_input")
    op.drop_table("run_input")
