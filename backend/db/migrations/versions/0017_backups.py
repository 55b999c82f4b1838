"""Backups, drills and restores are known."""

import sqlalchemy as sa
from alembic import op

import backend.db.base

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "database_backup",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("started_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("finished_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("removed_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.CheckConstraint(
            "origin IN ('nightly', 'asked', 'safety')", name=op.f("ck_database_backup_origin")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_database_backup")),
    )
    op.create_index("ix_database_backup_started_at", "database_backup", ["started_at"], unique=False)
    op.create_table(
        "database_restore",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("backup", sa.Text(), nullable=False),
        sa.Column("backup_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("swapped_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("refused_ms", sa.Integer(), nullable=False),
        sa.Column("undone_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.Column("dropped_at", backend.db.base.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_database_restore")),
    )
    op.create_table(
        "restore_drill",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("backup", sa.Text(), nullable=False),
        sa.Column("started_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("finished_at", backend.db.base.Instant(timezone=True), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_restore_drill")),
    )
    op.create_index("ix_restore_drill_finished_at", "restore_drill", ["finished_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_restore_drill_finished_at", table_name="restore_drill")
    op.drop_table("restore_drill")
    op.drop_table("database_restore")
    op.drop_index("ix_database_backup_started_at", table_name="database_backup")
    op.drop_table("database_backup")
