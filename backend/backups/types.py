"""Nouns of backups."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


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
