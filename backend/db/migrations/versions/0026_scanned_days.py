"""Whether a stored day knows what its scan has found; nullable, because older versions did not note it."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("measured_day", sa.Column("is_scanned", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("measured_day", "is_scanned")
