"""A database as it is at one instant, for a dump and for counting the same rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from backend.db.connecting import CONNECTION
from backend.db.engine import translated

TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSnapshot:
    """An instant of a database: its id for ``pg_dump``, the rows of each table, and the newest migration.

    ``server`` is the server's major version.
    """

    id: str
    at: datetime
    server: int
    schema: str
    rows: dict[str, int]
    size_bytes: int


@contextmanager
def snapshot(conninfo: str) -> Iterator[DatabaseSnapshot]:
    """Hold an instant of a database; others can read it by its id until the block ends.

    Raises:
        Unavailable: the database cannot be reached or went away.
    """
    with translated(), psycopg.connect(conninfo, **CONNECTION) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0")
        connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        held, at = _one(connection, "SELECT pg_export_snapshot(), clock_timestamp()")
        yield DatabaseSnapshot(
            id=held,
            at=at.astimezone(UTC),
            server=connection.info.server_version // 10_000,
            schema=_schema(connection),
            rows=_rows(connection),
            size_bytes=_one(connection, "SELECT pg_database_size(current_database())")[0],
        )


def rows_of(conninfo: str) -> dict[str, int]:
    """The number of rows of each table of a database."""
    with translated(), psycopg.connect(conninfo, **CONNECTION) as connection:
        connection.execute("SET statement_timeout = 0")
        return _rows(connection)


def analyze(conninfo: str) -> None:
    """Give the planner its figures of a database that was just filled."""
    with translated(), psycopg.connect(conninfo, autocommit=True, **CONNECTION) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("ANALYZE")


def schema_of(conninfo: str) -> str:
    """The newest migration of a database; empty where it knows none."""
    with translated(), psycopg.connect(conninfo, **CONNECTION) as connection:
        return _schema(connection)


def _schema(connection: psycopg.Connection[TupleRow]) -> str:
    if _one(connection, "SELECT to_regclass('public.alembic_version') IS NULL")[0]:
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _rows(connection: psycopg.Connection[TupleRow]) -> dict[str, int]:
    tables = [name for (name,) in connection.execute(TABLES)]
    count = SQL("SELECT count(*) FROM {}")
    return {
        table: _one(connection, count.format(Identifier("public", table)).as_string(connection))[0]
        for table in tables
    }


def _one(connection: psycopg.Connection[TupleRow], statement: str) -> tuple[Any, ...]:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row
