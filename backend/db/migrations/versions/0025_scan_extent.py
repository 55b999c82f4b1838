"""Scrapes that a part of a scan has seen; nullable, because older scans did not note them."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("usage_scan", sa.Column("scrapes", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("usage_scan", "scrapes")
