"""The meters of the day before that were read on a day."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("measured_day", sa.Column("expected_meters", sa.Integer(), nullable=True))
    op.add_column("measured_day", sa.Column("read_meters", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("measured_day", "read_meters")
    op.drop_column("measured_day", "expected_meters")
