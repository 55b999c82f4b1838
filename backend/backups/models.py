"""Tables of backups. The backups themselves lie on their volume, each with a manifest; these rows are for pages."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class DatabaseBackupRow(Base):
    """A backup that was made, and whether it is still there."""

    __tablename__ = "database_backup"
    __table_args__ = (
        CheckConstraint("origin IN ('nightly', 'asked', 'safety')", "origin"),
        Index("ix_database_backup_started_at", "started_at"),
    )

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    origin: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime] = mapped_column(Instant)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int] = mapped_column(BigInteger)
    schema: Mapped[str] = mapped_column(Text)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)


class RestoreDrillRow(Base):
    """A drill: a backup was restored into a throw-away database. ``error`` is empty when it went well."""

    __tablename__ = "restore_drill"
    __table_args__ = (Index("ix_restore_drill_finished_at", "finished_at"),)

    run: Mapped[str] = mapped_column(Text, primary_key=True)
    backup: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime] = mapped_column(Instant)
    row_count: Mapped[int] = mapped_column(BigInteger)
    error: Mapped[str] = mapped_column(Text)


class DatabaseRestoreRow(Base):
    """A restore: the backup that became the live database, and the name under which the one before is kept.

    Where it was undone, ``undone_kept`` is the name of the database that it had brought.
    """

    __tablename__ = "database_restore"

    run: Mapped[str] = mapped_column(Text, primary_key=True)
    backup: Mapped[str] = mapped_column(Text)
    backup_at: Mapped[datetime] = mapped_column(Instant)
    kept: Mapped[str] = mapped_column(Text)
    swapped_at: Mapped[datetime] = mapped_column(Instant)
    refused_ms: Mapped[int]
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_kept: Mapped[str | None] = mapped_column(Text)
    dropped_at: Mapped[datetime | None] = mapped_column(Instant)
