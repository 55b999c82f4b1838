"""Rows that are carried from one database of the server into another of the same schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString, Self

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from backend.db.connecting import CONNECTION
from backend.db.engine import translated


class CarryKind(StrEnum):
    """Way of carrying a table's rows."""

    APPEND = "append"  # rows of a higher id than the target has, where ids are given in the order of commits
    MERGE = "merge"  # rows that are missing or different
    MISSING = "missing"  # rows that are missing; what the target has stays
    REPLACE = "replace"  # exactly the source's rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedTable:
    """A table, and how its rows are carried. The words are our own.

    ``changed`` is a condition for the source's rows with the place ``%(since)s``, ``wanted`` one for the rows that
    arrived in ``carried``, and ``then`` statements that replace the usual ones.
    """

    table: str
    kind: CarryKind
    changed: LiteralString = ""
    wanted: LiteralString = ""
    then: tuple[LiteralString, ...] = ()


class Carrying:
    """Two open connections: rows are read at the source, and written at the target in one transaction."""

    def __init__(self, source: str, target: str) -> None:
        """Connect to both. Raises Unavailable when one of them cannot be reached."""
        with translated():
            self.source = psycopg.connect(source, **CONNECTION)
            try:
                self.target = psycopg.connect(target, **CONNECTION)
            except psycopg.Error:
                self.source.close()
                raise
            for connection in (self.source, self.target):
                connection.prepare_threshold = (
                    None  # each round has a table of its own that is called the same
                )
                connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
                connection.commit()
            # One instant for all tables, so that no row arrives without what it refers to.
            self.source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self.source.read_only = True

    @property
    def pids(self) -> tuple[int, int]:
        """Process numbers of both connections at the server."""
        return self.source.info.backend_pid, self.target.info.backend_pid

    def carry(self, tables: Sequence[CarriedTable], since: datetime) -> dict[str, int]:
        """Carry what was written since an instant, all or nothing; the number of rows written by table. Idempotent."""
        with translated(), self.target.transaction():
            written = {each.table: self._carry(each, since) for each in tables if self._columns(each.table)}
            self._carry_sequences()
        self.source.rollback()
        return written

    def write(self, statement: LiteralString, given: Mapping[str, Any]) -> None:
        """Write words of our own at the target, in a transaction of their own: whoever works there next reads them."""
        with translated(), self.target.transaction():
            self.target.execute(statement, given)

    def holds_last_of(self, table: str, column: str) -> bool:
        """Whether the source has the target's last row of a table, with the same value in a column."""
        with translated():
            last = self.target.execute(
                SQL("SELECT id, {} FROM {} ORDER BY id DESC LIMIT 1").format(
                    *map(Identifier, (column, table))
                )
            ).fetchone()
            self.target.rollback()
            if last is None:
                return True
            same = self.source.execute(
                SQL("SELECT {} = %s FROM {} WHERE id = %s").format(*map(Identifier, (column, table))),
                [last[1], last[0]],
            ).fetchone()
            self.source.rollback()
        return bool(same and same[0])

    def close(self) -> None:
        """Close both connections; twice is harmless."""
        self.target.close()
        self.source.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close both connections."""
        self.close()

    def _carry(self, each: CarriedTable, since: datetime) -> int:
        table = Identifier(each.table)
        columns = self._columns(each.table)
        self.target.execute(
            SQL(
                "DROP TABLE IF EXISTS carried;"
                " CREATE TEMPORARY TABLE carried ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0"
            ).format(_names(columns), table)
        )
        self._copy(each, columns, since)
        written = 0
        own: list[SQL | Composed] = [_own(words) for words in each.then]
        for statement in own or self._usual(each, columns):
            done = self.target.execute(statement, {"since": since})
            written += max(0, done.rowcount)
        return written

    def _copy(self, each: CarriedTable, columns: Sequence[str], since: datetime) -> None:
        wanted = SQL("SELECT {} FROM {}").format(_names(columns), Identifier(each.table))
        given: dict[str, Any] = {"since": since}
        if each.kind == CarryKind.APPEND:
            last = self.target.execute(
                SQL("SELECT coalesce(max(id), 0) FROM {}").format(Identifier(each.table))
            ).fetchone()
            assert last is not None
            wanted, given = SQL("{} WHERE id > %(last)s").format(wanted), {"last": last[0]}
        elif each.changed:
            wanted = SQL("{} WHERE {}").format(wanted, _own(each.changed))
        out = SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(wanted)
        into = SQL("COPY carried ({}) FROM STDIN (FORMAT BINARY)").format(_names(columns))
        # COPY takes no parameters: the values are written into it as literals.
        whole = psycopg.ClientCursor(self.source).mogrify(out, given)
        with self.source.cursor().copy(whole.encode()) as reading, self.target.cursor().copy(into) as writing:
            for block in reading:
                writing.write(block)

    def _usual(self, each: CarriedTable, columns: Sequence[str]) -> list[SQL | Composed]:
        table, keys = Identifier(each.table), self._keys(each.table)
        statements: list[SQL | Composed] = []
        if each.kind == CarryKind.REPLACE:
            same = SQL(" AND ").join(SQL("c.{0} = t.{0}").format(Identifier(key)) for key in keys)
            statements.append(
                SQL("DELETE FROM {} t WHERE NOT EXISTS (SELECT FROM carried c WHERE {})").format(table, same)
            )
        insert = SQL(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM carried c {} ORDER BY {}"
        ).format(
            table,
            _names(columns),
            _names(columns),
            _own(each.wanted and "WHERE " + each.wanted),
            _names(keys),
        )
        others = [name for name in columns if name not in keys]
        if each.kind in {CarryKind.MERGE, CarryKind.REPLACE} and others:
            changes = SQL(", ").join(SQL("{0} = EXCLUDED.{0}").format(Identifier(name)) for name in others)
            conflict = SQL("ON CONFLICT ({}) DO UPDATE SET {} WHERE ({}) IS DISTINCT FROM ({})").format(
                _names(keys),
                changes,
                SQL(", ").join(SQL("{}.{}").format(table, Identifier(name)) for name in others),
                SQL(", ").join(SQL("EXCLUDED.{}").format(Identifier(name)) for name in others),
            )
        else:
            conflict = SQL("ON CONFLICT DO NOTHING").format()
        return [*statements, SQL("{} {}").format(insert, conflict)]

    def _columns(self, table: str) -> list[str]:
        found = self.target.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = '' ORDER BY attnum",
            [f"public.{table}"],
        )
        return [name for (name,) in found]

    def _keys(self, table: str) -> list[str]:
        found = self.target.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
            " AND a.attnum = ANY(i.indkey) WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY a.attnum",
            [f"public.{table}"],
        )
        return [name for (name,) in found]

    def _carry_sequences(self) -> None:
        """No id that was given at the source is given again at the target."""
        used = self.source.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        ).fetchall()
        for name, last in used:
            self.target.execute(
                "SELECT setval(format('public.%%I', s.sequencename)::regclass, %(last)s) FROM pg_sequences s"
                " WHERE s.schemaname = 'public' AND s.sequencename = %(name)s AND coalesce(s.last_value, 0) < %(last)s",
                {"name": name, "last": last},
            )


def _names(columns: Sequence[str]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))


def _own(words: LiteralString) -> SQL:
    """Words of our own as a part of a statement."""
    return SQL(words)
