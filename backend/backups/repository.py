"""SQL of what is known about backups, drills and restores."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from backend.backups.models import DatabaseBackupRow, DatabaseRestoreRow, RestoreDrillRow
from backend.backups.types import (
    Backup,
    BackupHealth,
    BackupOrigin,
    DatabaseRestore,
    KnownBackup,
    RestoreDrill,
)
from backend.db.carrying import Carrying
from backend.db.engine import read, transaction


def insert_backup(backup: Backup) -> None:
    """Note a backup; a second time changes nothing."""
    statement = insert(DatabaseBackupRow).values(
        name=backup.name,
        origin=backup.origin.value,
        started_at=backup.started_at,
        finished_at=backup.finished_at,
        size_bytes=backup.size_bytes,
        row_count=backup.row_count,
        schema=backup.schema,
    )
    with transaction() as connection:
        connection.execute(statement.on_conflict_do_nothing())


def known_backups(limit: int) -> list[KnownBackup]:
    """The newest backups that were not removed."""
    row = DatabaseBackupRow
    statement = (
        select(row.name, row.origin, row.started_at, row.size_bytes, row.row_count, row.schema)
        .where(row.removed_at.is_(None))
        .order_by(row.started_at.desc())
        .limit(limit)
    )
    with read() as connection:
        return [
            KnownBackup(**each | {"origin": BackupOrigin(each["origin"])})
            for each in map(dict, connection.execute(statement).mappings())
        ]


def mark_removed(names: Sequence[str], now: datetime) -> None:
    """Note that backups are gone."""
    statement = update(DatabaseBackupRow).where(
        DatabaseBackupRow.name.in_(names), DatabaseBackupRow.removed_at.is_(None)
    )
    with transaction() as connection:
        connection.execute(statement.values(removed_at=now))


def store_drill(drill: RestoreDrill) -> None:
    """Note a drill; a later one of the same run takes its place."""
    values = {
        "backup": drill.backup,
        "started_at": drill.started_at,
        "finished_at": drill.finished_at,
        "row_count": drill.row_count,
        "error": drill.error,
    }
    statement = insert(RestoreDrillRow).values(run=drill.run, **values)
    with transaction() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["run"], set_=values))


def insert_restore(restore: DatabaseRestore) -> None:
    """Note a restore; a second time changes nothing."""
    statement = insert(DatabaseRestoreRow).values(
        run=restore.run,
        backup=restore.backup,
        backup_at=restore.backup_at,
        kept=restore.kept,
        swapped_at=restore.swapped_at,
        refused_ms=restore.refused_ms,
    )
    with transaction() as connection:
        connection.execute(statement.on_conflict_do_nothing())


def note_restore_at(carrying: Carrying, restore: DatabaseRestore) -> None:
    """Note a restore in the database that it is about to make the live one: with that, and not before, all read it."""
    carrying.write(
        "INSERT INTO database_restore (run, backup, backup_at, kept, swapped_at, refused_ms)"
        " VALUES (%(run)s, %(backup)s, %(backup_at)s, %(kept)s, %(swapped_at)s, %(refused_ms)s)"
        " ON CONFLICT (run) DO UPDATE SET swapped_at = EXCLUDED.swapped_at, refused_ms = EXCLUDED.refused_ms",
        {
            "run": restore.run,
            "backup": restore.backup,
            "backup_at": restore.backup_at,
            "kept": restore.kept,
            "swapped_at": restore.swapped_at,
            "refused_ms": restore.refused_ms,
        },
    )


def note_undone_at(carrying: Carrying, run: str, undone_kept: str, now: datetime) -> None:
    """Note that a restore is taken back, in the database that is about to be live again."""
    carrying.write(
        "UPDATE database_restore SET undone_at = %(now)s, undone_kept = %(kept)s WHERE run = %(run)s",
        {"run": run, "kept": undone_kept, "now": now},
    )


def note_refusal(run: str, refused_ms: int) -> None:
    """Note how long a restore refused: when it noted itself, that was not over yet."""
    statement = update(DatabaseRestoreRow).where(DatabaseRestoreRow.run == run)
    with transaction() as connection:
        connection.execute(statement.values(refused_ms=refused_ms))


def mark_undone(run: str, undone_kept: str, now: datetime) -> None:
    """Note that a restore was taken back; when that is noted already, it stays."""
    statement = update(DatabaseRestoreRow).where(
        DatabaseRestoreRow.run == run, DatabaseRestoreRow.undone_at.is_(None)
    )
    with transaction() as connection:
        connection.execute(statement.values(undone_at=now, undone_kept=undone_kept))


def mark_dropped(run: str, now: datetime) -> None:
    """Note that a database that was kept for a restore is gone."""
    statement = update(DatabaseRestoreRow).where(DatabaseRestoreRow.run == run)
    with transaction() as connection:
        connection.execute(statement.values(dropped_at=now))


def restore(run: str) -> DatabaseRestore | None:
    """The restore of a run; None when there is none."""
    found = [each for each in restores(limit=1000) if each.run == run]
    return found[0] if found else None


def restores(limit: int) -> list[DatabaseRestore]:
    """The newest restores first."""
    statement = (
        select(DatabaseRestoreRow.__table__).order_by(DatabaseRestoreRow.swapped_at.desc()).limit(limit)
    )
    with read() as connection:
        return [DatabaseRestore(**row) for row in connection.execute(statement).mappings()]


def longest_refusal_ms() -> int | None:
    """The longest refusal of the last five restores that it is known of; None before the first."""
    return max((each.refused_ms for each in restores(limit=5) if each.refused_ms), default=None)


def health(expected_since: datetime | None) -> BackupHealth:
    """The newest backup and the newest drills, for whoever expects them since an instant."""
    kept = DatabaseBackupRow.removed_at.is_(None)
    newest = (
        select(DatabaseBackupRow.__table__).where(kept).order_by(DatabaseBackupRow.started_at.desc()).limit(1)
    )
    drills = select(RestoreDrillRow.__table__).order_by(RestoreDrillRow.finished_at.desc()).limit(1)
    passed = select(func.max(RestoreDrillRow.finished_at)).where(RestoreDrillRow.error == "")
    with read() as connection:
        backup = connection.execute(newest).mappings().one_or_none()
        drill = connection.execute(drills).mappings().one_or_none()
        return BackupHealth(
            backup_at=backup["started_at"] if backup else None,
            size_bytes=backup["size_bytes"] if backup else 0,
            drill=RestoreDrill(**drill) if drill else None,
            passed_at=connection.scalar(passed),
            expected_since=expected_since,
        )
