"""Migrations that change what is stored."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alembic import command
from sqlalchemy import Connection, text

from backend.db import engine, migrate

FILL = """
CREATE TABLE meter_reading_2026_11 (LIKE meter_reading INCLUDING ALL);
ALTER TABLE meter_reading ATTACH PARTITION meter_reading_2026_11 FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
INSERT INTO measured_day (day, window_start, window_end, measured_at, series, lives)
  VALUES ('2026-11-21', '2026-11-20T20:30Z', '2026-11-21T20:30Z', now(), 1, 7);
INSERT INTO measured_life (day, instance, life_start, closed_at)
  VALUES ('2026-11-21', 'pod:1', '2026-11-20Z', '2026-11-21T20:29Z');
INSERT INTO meter_reading
  VALUES ('2026-11-21', 'arvand', 'm', 'prompt', 'pod:1', '2026-11-20Z', 1, now(), 'stored', 5, '2026-11-21T20:29Z');
"""
STORED = """
SELECT incarnations, instance, reading.closing
FROM measured_day
JOIN measured_incarnation AS incarnation USING (day)
JOIN meter_reading AS reading USING (day, instance, incarnation_start)
"""
NAMES = """
SELECT string_agg(name, ' ') FROM (
  SELECT relname::text AS name FROM pg_class UNION ALL SELECT conname FROM pg_constraint
  UNION ALL SELECT attname FROM pg_attribute WHERE attrelid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p'))
) AS names
"""


@contextmanager
def at_revision(revision: str) -> Iterator[Connection]:
    """A connection to the database as it was at an older revision; leaving the block brings it to the newest."""
    with engine.engine().begin() as connection:
        config = migrate._config(connection)
        command.downgrade(config, revision)
        yield connection
        command.upgrade(config, "head")


@pytest.mark.usefixtures("database")
def test_renaming_the_incarnations_keeps_what_is_stored_and_leaves_no_old_name() -> None:
    with at_revision("0023") as connection:
        connection.execute(text(FILL))

    with engine.read() as connection:
        assert connection.execute(text(STORED)).all() == [(7, "pod:1", 5)]
        names = connection.scalar(text(NAMES)) or ""
        assert "life" not in names
        assert migrate.differences(connection) == []
