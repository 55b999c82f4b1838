"""An undone restore knows the name under which the database that it had brought is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("database_restore", sa.Column("undone_kept", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("database_restore", "undone_kept")
