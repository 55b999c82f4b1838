"""Other databases of our server: made, given settings, swapped by name, dropped, all from a maintenance database.

A swap changes both names in one transaction, and that transaction's lock keeps newcomers waiting. So nothing has to be
closed beforehand, and a process that is killed in the middle leaves everything as it was.
"""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from shutil import disk_usage
from typing import Any, Self

import psycopg
from psycopg.pq import ExecStatus
from psycopg.sql import SQL, Composed, Identifier, Literal

from backend.db.connecting import CONNECTION
from backend.db.engine import translated
from backend.db.locks import LockNumber
from backend.errors import Refused

POLL_S = 0.005
# So long a database that is to be left stays closed where nobody says that it was left.
OPENS_AFTER_S = 20
# RENAME waits five seconds for others to leave, and gives up then.
SWAP_WITHIN_S = 4.5

_HERE = frozenset({"", "localhost", "127.0.0.1", "::1"})
_LOCALE = {"b": "BUILTIN_LOCALE", "i": "ICU_LOCALE"}
_PROVIDER = {"b": "builtin", "c": "libc", "i": "icu"}
# Settings whose value is a list of names, which a literal would make one name.
_LISTS = frozenset(
    {"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries", "datestyle"}
)
_TERMINATE = """
SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
WHERE a.datid = ANY(%(oids)s) AND a.usesysid IS NOT NULL AND NOT a.pid = ANY(%(kept)s)
  AND (pg_has_role(current_user, a.usesysid, 'USAGE') OR pg_has_role(current_user, 'pg_signal_backend', 'USAGE'))
"""
_PRESENT = """
SELECT coalesce(a.usename, '') FROM pg_stat_activity a
WHERE a.datid = ANY(%(oids)s) AND a.usesysid IS NOT NULL AND NOT a.pid = ANY(%(kept)s)
"""
_SLEEPS = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %(pid)s AND wait_event = 'PgSleep')
"""
_IS_LOCKED = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass
  AND objid = %(oid)s AND mode = 'AccessExclusiveLock' AND granted AND pid = %(pid)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRights:
    """Whether our account owns a database, and may create and rename databases."""

    exists: bool
    owns: bool
    may_create: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NameSwap:
    """A swap by name: ``incoming`` becomes ``live``, and what was live is kept as ``kept``, closed to everybody."""

    live: str
    incoming: str
    kept: str


class MaintenanceConnection:
    """A connection to another database of the server, for what cannot be done from inside one."""

    def __init__(self, conninfo: str) -> None:
        """Connect. Raises Unavailable when that database cannot be reached."""
        with translated():
            self._connection = psycopg.connect(conninfo, autocommit=True, **CONNECTION)
            self._conninfo = conninfo

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Give its locks back and close the connection."""
        # A server notices the end of a connection a moment later, and whoever asks next would find the lock taken.
        with suppress(psycopg.Error):
            self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()

    def lock(self, number: LockNumber) -> bool:
        """Try to take a lock that lasts as long as this connection; whether it is ours."""
        [(is_ours,)] = self._rows("SELECT pg_try_advisory_lock(%s)", [int(number)])
        return bool(is_ours)

    def rights(self, name: str) -> DatabaseRights:
        """The rights of our account over a database."""
        [(may_create,)] = self._rows(
            "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        found = self._rows("SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = %s", [name])
        return DatabaseRights(exists=bool(found), owns=bool(found and found[0][0]), may_create=may_create)

    def names(self) -> list[str]:
        """The names of all databases of the server, sorted."""
        return [str(name) for (name,) in self._rows("SELECT datname FROM pg_database ORDER BY datname")]

    def size_bytes(self, name: str) -> int:
        """The size of a database."""
        [(size,)] = self._rows("SELECT pg_database_size(%s)", [name])
        return int(size)

    def free_bytes(self) -> int | None:
        """Free space where the server keeps its data; None when that cannot be seen from here."""
        if self._connection.info.host not in _HERE:
            return None
        try:
            [(folder,)] = self._rows("SELECT current_setting('data_directory')")
            return disk_usage(folder).free
        except (psycopg.errors.InsufficientPrivilege, OSError):
            return None

    def drop(self, name: str) -> None:
        """Drop a database if it exists; connections to it are cut."""
        self._do(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))

    def create_like(self, name: str, model: str) -> None:
        """Create an empty database of our account, with the encoding, locale and tablespace of another."""
        columns = "pg_encoding_to_char(d.encoding), d.datlocprovider, d.datcollate, d.datctype, t.spcname"
        # The column was daticulocale until PostgreSQL 16.
        [(encoding, provider, collate, ctype, space, known)] = self._rows(
            f"SELECT {columns}, to_jsonb(d) FROM pg_database d"  # noqa: S608 - our own words
            " JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = %s",
            [model],
        )
        parts = [
            SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)),
            SQL("ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(*map(Literal, (encoding, collate, ctype))),
            SQL("LOCALE_PROVIDER {}").format(Identifier(_PROVIDER[provider])),
        ]
        locale = known.get("datlocale") or known.get("daticulocale")
        if provider in _LOCALE and locale:
            parts.append(SQL("{} {}").format(SQL(_LOCALE[provider]), Literal(locale)))
        if space != "pg_default":  # to name that one takes a right that to use it does not
            parts.append(SQL("TABLESPACE {}").format(Identifier(space)))
        self._do(SQL(" ").join(parts))

    def copy_settings(self, model: str, name: str) -> None:
        """Give a database the settings, rights, comment and limit of another: a dump holds none of them."""
        with self._connection.transaction():
            for role, pair in self._rows(
                "SELECT s.setrole::regrole::text, unnest(s.setconfig) FROM pg_db_role_setting s"
                " JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = %s",
                [model],
            ):
                self._do(_setting(name, role, pair))
            for statement in self._grants(model, name):
                self._do(statement)
            [(comment, limit)] = self._rows(
                "SELECT shobj_description(oid, 'pg_database'), datconnlimit FROM pg_database WHERE datname = %s",
                [model],
            )
            self._do(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(name), Literal(comment)))
            self._do(SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(Identifier(name), Literal(limit)))

    def _grants(self, model: str, name: str) -> list[Composed]:
        found = self._rows(
            "SELECT a.grantee::regrole::text, a.grantee = 0, a.privilege_type, a.is_grantable"
            " FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = %s AND a.grantee <> d.datdba",
            [model],
        )
        [(is_default,)] = self._rows("SELECT datacl IS NULL FROM pg_database WHERE datname = %s", [model])
        if is_default:
            return []
        database = Identifier(name)
        statements = [SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database)]
        for grantee, is_public, privilege, is_grantable in found:
            statements.append(
                SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                    SQL(privilege),
                    database,
                    SQL("PUBLIC") if is_public else SQL(grantee),
                    SQL(" WITH GRANT OPTION" if is_grantable else ""),
                )
            )
        return statements

    def open(self, name: str) -> None:
        """Let a database accept connections."""
        self._do(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(Identifier(name)))

    def close(self, name: str) -> None:
        """Let a database accept no new connections, of nobody."""
        self._do(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))

    def swap(self, names: NameSwap, kept_pids: Collection[int], last: Callable[[], None]) -> float:
        """Swap two databases by name, and return the seconds in which the live one refused.

        Newcomers wait and everybody else is cut off before ``last`` is called, so it sees what nobody changes any
        more. It uses the connections of ``kept_pids``, and closes them. All or nothing: where anything fails, also
        this process, both databases keep their names.

        Raises:
            Refused: others are connected whom our account cannot cut off (``database_in_use``), or ``last`` took too
                long (``swap_too_slow``).
        """
        oids = [self.number_of(names.live), self.number_of(names.incoming)]
        with ExitStack() as ends, translated():
            renaming = psycopg.connect(self._conninfo, autocommit=True, **CONNECTION)
            ends.callback(renaming.close)
            renaming.execute("SET statement_timeout = 0")
            began = time.monotonic()
            ends.callback(_cancel, renaming)
            # The end of the transaction is sent only when all is carried: a server goes on with what it was sent,
            # also when the process that sent it is dead.
            renaming.pgconn.send_query(_begin(names).as_string(renaming).encode())
            self._wait_for_lock(renaming, oids[0], began)
            self._clear(oids, kept_pids, began)
            last()
            while not _is_done(renaming):
                self._do(SQL(_TERMINATE), {"oids": oids, "kept": []})
                time.sleep(POLL_S)
            renaming.pgconn.send_query(_rest(names).as_string(renaming).encode())
            while not _is_done(renaming):
                time.sleep(POLL_S)
            return time.monotonic() - began

    def leave(self, name: str, kept_pids: Collection[int], last: Callable[[], None]) -> float:
        """Close a database for good while ``last`` leads everybody to another server; seconds until that is done.

        Everybody else is cut off before ``last`` is called, so it sees what nobody changes any more. It has half of
        ``OPENS_AFTER_S``. Where anything fails the database is open again; where this process dies, the server opens it
        by itself. Nobody waits meanwhile: who comes is refused, and so none of them is let in here later.

        Raises:
            Refused: others are connected whom our account cannot cut off (``database_in_use``).
        """
        oids = [self.number_of(name)]
        with ExitStack() as ends, translated():
            guard = psycopg.connect(self._conninfo, autocommit=True, **CONNECTION)
            ends.callback(guard.close)
            self._guard(guard, name)
            began = time.monotonic()
            try:
                self.close(name)
                self._clear(oids, kept_pids, began)
                last()
            except BaseException:  # a signal, too: nothing may leave the database closed
                self.open(name)
                guard.cancel_safe()
                raise
            seconds = time.monotonic() - began
            guard.cancel_safe()
        self.shut(name)
        return seconds

    def shut(self, name: str, kept_pids: Collection[int] = ()) -> None:
        """Close a database for good, and cut off everybody in it."""
        self.close(name)
        self._clear([self.number_of(name)], kept_pids, time.monotonic())

    def _guard(self, guard: psycopg.Connection[Any], name: str) -> None:
        """Have the server open a database after a while. It goes on with what it was sent, also for a dead client."""
        guard.execute("SET statement_timeout = 0; SET client_connection_check_interval = 0")
        opening = SQL("SELECT pg_sleep({}); ALTER DATABASE {} ALLOW_CONNECTIONS true").format(
            Literal(OPENS_AFTER_S), Identifier(name)
        )
        guard.pgconn.send_query(opening.as_string(guard).encode())
        guard.pgconn.flush()
        asked = {"pid": guard.info.backend_pid}
        while not self._rows(_SLEEPS, asked)[0][0]:
            time.sleep(POLL_S)

    def _wait_for_lock(self, renaming: psycopg.Connection[Any], oid: int, began: float) -> None:
        asked = {"oid": oid, "pid": renaming.info.backend_pid}
        while not self._rows(_IS_LOCKED, asked)[0][0]:
            _in_time(began)
            time.sleep(POLL_S)

    def _clear(self, oids: Sequence[int], kept_pids: Collection[int], began: float) -> None:
        others = {"oids": list(oids), "kept": list(kept_pids)}
        while present := self._rows(_PRESENT, others):
            self._do(SQL(_TERMINATE), others)
            if time.monotonic() - began > SWAP_WITHIN_S / 2:
                raise Refused(
                    reason="database_in_use", accounts=", ".join(sorted({name for (name,) in present}))
                )
            time.sleep(POLL_S)

    def number_of(self, name: str) -> int:
        """The number of a database; a new one of the same name has another. Raises Refused when there is none."""
        found = self._rows("SELECT oid::bigint FROM pg_database WHERE datname = %s", [name])
        if not found:
            raise Refused(reason="database_missing", database=name)
        return int(found[0][0])

    def _rows(self, statement: str, given: Any = None) -> list[tuple[Any, ...]]:  # noqa: ANN401 - psycopg's own
        with translated():
            return self._connection.execute(statement.encode(), given).fetchall()

    def _do(self, statement: SQL | Composed, given: Any = None) -> None:  # noqa: ANN401 - psycopg's own
        with translated():
            try:
                self._connection.execute(statement, given)
            except psycopg.errors.InsufficientPrivilege as refused:
                said = refused.diag.message_primary or ""
                raise Refused(reason="database_rights", said=said) from refused


def _begin(names: NameSwap) -> Composed:
    return SQL("BEGIN; ALTER DATABASE {} RENAME TO {}").format(*map(Identifier, (names.live, names.kept)))


def _rest(names: NameSwap) -> Composed:
    live, incoming, kept = map(Identifier, (names.live, names.incoming, names.kept))
    return SQL(
        "ALTER DATABASE {kept} ALLOW_CONNECTIONS false; ALTER DATABASE {incoming} RENAME TO {live};"
        " ALTER DATABASE {live} ALLOW_CONNECTIONS true; COMMIT"
    ).format(live=live, incoming=incoming, kept=kept)


def _setting(database: str, role: str, pair: str) -> Composed:
    name, _, value = pair.partition("=")
    whose = SQL("DATABASE {}").format(Identifier(database))
    if role != "-":
        whose = SQL("ROLE {} IN DATABASE {}").format(SQL(role), Identifier(database))
    what = SQL(value) if name.lower() in _LISTS else Literal(value)
    return SQL("ALTER {} SET {} TO {}").format(whose, SQL(".").join(map(Identifier, name.split("."))), what)


def _is_done(renaming: psycopg.Connection[Any]) -> bool:
    """Whether the renames are committed; raises what made them fail."""
    while not renaming.pgconn.is_busy():
        result = renaming.pgconn.get_result()
        if result is None:
            return True
        if result.status == ExecStatus.FATAL_ERROR:
            raise Refused(reason="swap_too_slow")
    renaming.pgconn.consume_input()
    return False


def _in_time(began: float) -> None:
    if time.monotonic() - began > SWAP_WITHIN_S:
        raise Refused(reason="swap_too_slow")


def _cancel(renaming: psycopg.Connection[Any]) -> None:
    # Without it the server would keep newcomers waiting until it gives up by itself. A dead one keeps nobody waiting.
    if not renaming.closed:
        with suppress(psycopg.Error):
            renaming.cancel_safe()
