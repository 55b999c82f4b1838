"""Rules of backups: names, what is kept, and what makes a restore impossible."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from backend.backups.types import Backup
from backend.errors import Refused

DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
BACKUP_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}-[0-9]{8}t[0-9]{6}z-[0-9a-f]{8}")
RUN_LENGTH = 8
SHORT_RUN = re.compile(rf"[0-9a-f]{{{RUN_LENGTH}}}")
LONGEST_NAME = 63
KEPT_AT_LEAST = 3
UNDO_DAYS = 7


def checked_database_name(name: str) -> str:
    """A database's name as programs and statements may have it. Raises Refused for any other."""
    if not DATABASE_NAME.fullmatch(name):
        raise Refused(reason="backup_database_name")
    return name


def backup_name(database: str, started_at: datetime) -> str:
    """A name for a new backup; the names of one database sort by time."""
    return f"{database}-{started_at.astimezone(UTC):%Y%m%dt%H%M%Sz}-{token_hex(4)}"


def new_name(database: str, run: str) -> str:
    """The name of the database that a run restores into, before it is swapped in."""
    return _with(database, f"_r{_checked_run(run)}")


def kept_name(database: str, run: str) -> str:
    """The name under which the database that a run replaced is kept."""
    return _with(database, f"_before_{_checked_run(run)}")


def drill_name(database: str, run: str) -> str:
    """The name of the throw-away database of a drill."""
    return _with(database, f"_drill_{_checked_run(run)}")


def _checked_run(run: str) -> str:
    if not SHORT_RUN.fullmatch(run):
        raise Refused(reason="backup_database_name")
    return run


def _with(database: str, suffix: str) -> str:
    return checked_database_name(checked_database_name(database)[: LONGEST_NAME - len(suffix)] + suffix)


def database_of(backup: str) -> str:
    """The database that a backup of this name is of."""
    return backup.partition("-")[0]  # no database's name has a hyphen


def too_old(backups: Sequence[Backup], now: datetime, keep_days: int) -> list[Backup]:
    """Backups that are past their time; the newest three of a database stay, whatever their age."""
    newest_first = sorted(backups, key=lambda each: each.started_at, reverse=True)
    return [
        each for each in newest_first[KEPT_AT_LEAST:] if now - each.started_at > timedelta(days=keep_days)
    ]


def differing_tables(expected: Mapping[str, int], found: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Tables whose number of rows is not the expected one: expected and found; a missing table has none."""
    return {
        table: (expected.get(table, 0), found.get(table, 0))
        for table in sorted(expected.keys() | found.keys())
        if expected.get(table) != found.get(table)
    }


def maker_of(database: str, name: str) -> str:
    """The run that gives a database of ours exactly this name; empty for a name that no run gives.

    Only the whole name tells: other installations on the server may have a name that begins with ours.
    """
    run = name[-RUN_LENGTH:]
    fits = SHORT_RUN.fullmatch(run) and name in {
        new_name(database, run),
        drill_name(database, run),
        kept_name(database, run),
    }
    return run if fits else ""
