"""Nouns of backups."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.errors import AppError
from backend.server_address import ServerAddress


class BackupOrigin(StrEnum):
    """Reason for a backup."""

    NIGHTLY = "nightly"
    ASKED = "asked"
    SAFETY = "safety"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A dump of a database, whole and read to its end, as its manifest tells it.

    ``schema`` is the newest migration in it, ``rows`` the number of rows of each table at the instant of
    ``started_at``, and ``server`` and ``tools`` are major versions.
    """

    name: str
    database: str
    origin: BackupOrigin
    started_at: datetime
    finished_at: datetime
    size_bytes: int
    sha256: str
    server: int
    tools: int
    schema: str
    rows: Mapping[str, int]
    database_bytes: int

    @property
    def duration(self) -> timedelta:
        """Time that making and checking it took."""
        return self.finished_at - self.started_at

    @property
    def row_count(self) -> int:
        """Rows of all tables together."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBackup:
    """A backup as the database knows it, for lists."""

    name: str
    origin: BackupOrigin
    started_at: datetime
    size_bytes: int
    row_count: int
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreDrill:
    """A drill: a backup was restored into a throw-away database and counted. ``error`` is empty when it went well.

    Only the one who made it is told its ``failure``; what is stored is its name.
    """

    run: str
    backup: str
    started_at: datetime
    finished_at: datetime
    row_count: int
    error: str
    failure: AppError | None = None

    @property
    def duration(self) -> timedelta:
        """Time that it took."""
        return self.finished_at - self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRestore:
    """A restore: its backup, the name under which the database before is kept, and how long the live one refused.

    After an undo, ``undone_kept`` is the name under which the database that it had brought is kept.
    """

    run: str
    backup: str
    backup_at: datetime
    kept: str
    swapped_at: datetime
    refused_ms: int
    undone_at: datetime | None = None
    undone_kept: str | None = None
    dropped_at: datetime | None = None

    @property
    def kept_since(self) -> Mapping[str, datetime]:
        """The databases that were kept for it, each with the moment since which nobody works in it."""
        since = {self.kept: self.swapped_at}
        if self.undone_at is not None and self.undone_kept:
            since[self.undone_kept] = self.undone_at
        return since


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenDatabases:
    """Names of databases that were dropped, and of those that stay.

    The owner of the ``refused`` ones is another account. The ``unknown`` ones have a name as a run gives it, and no run
    is known to have given it.
    """

    dropped: tuple[str, ...]
    refused: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupHealth:
    """The instant of the newest backup and its size, the newest drill, and the last one that went well.

    ``expected_since`` is the beginning of the installation; None where backups are switched off.
    """

    backup_at: datetime | None
    size_bytes: int
    drill: RestoreDrill | None
    passed_at: datetime | None
    expected_since: datetime | None

    def missed_for(self, last_at: datetime | None, now: datetime) -> timedelta:
        """The time since ``last_at``, or since the beginning where it never was or that is later; zero without both."""
        known = [each for each in (last_at, self.expected_since) if each]
        return now - max(known) if known else timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """The effects of a restore: its backup, and tables whose number of rows changes, as now and as in the backup.

    ``needs_bytes`` is the space that the server needs; ``free_bytes`` is None where it cannot be seen from here.
    ``refused_ms`` is how long the live database refused in the longest of the last restores; None before the first.
    ``live_version`` changes when the live database is another one, or of another schema.
    """

    backup: Backup
    changed_rows: Mapping[str, tuple[int, int]]
    needs_bytes: int
    free_bytes: int | None
    migrates: bool
    refused_ms: int | None
    live_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedRows:
    """The number of rows that were carried over, by table."""

    by_table: Mapping[str, int]

    @property
    def total(self) -> int:
        """Rows of all tables together."""
        return sum(self.by_table.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedServer:
    """A server whose database was read whole: the schema that it had, its rows by table, and its audit entries."""

    schema: str
    rows: Mapping[str, int]
    entries: int

    @property
    def row_count(self) -> int:
        """Rows of all tables together."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMove:
    """A move from one server of the database to another one, whose content is of the instant ``since``.

    ``snapshot`` is what the other server began from. Where it is the server of before, that is empty, and
    ``takes_back`` is the run whose move is taken back.
    """

    run: str
    snapshot: str
    since: datetime
    source: ServerAddress
    target: ServerAddress
    takes_back: str = ""
