"""Opens every database connection, sets up each transaction, and explains refused connections.

PgBouncer refuses start parameters that it does not know, and in its transaction mode each transaction may meet another
server connection. So behind a pooler nothing is set for a connection: each transaction sets what it relies on itself.
Where none stands between, a connection is set once: the same for each transaction took a quarter of a small read.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import psycopg

from backend.db import outage

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 120_000
# A process that hangs inside a transaction keeps its locks, and keeps vacuum from its work. No transaction of ours
# thinks longer than seconds between two statements.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
# A host that vanishes says no good-bye: by default its advisory locks would stay for two hours, and with them the
# scheduler's leadership. Fourteen seconds at most, on both sides: a leader that is cut off must notice, too.
KEEPALIVE = {"idle": 5, "interval": 3, "count": 3}
TCP_USER_TIMEOUT_MS = 10_000
ENCODING = "UTF8"

CONNECTION: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": "docuchat-portal",
    "client_encoding": ENCODING,
    "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
    **{f"keepalives_{name}": value for name, value in KEEPALIVE.items()},
}
"""What libpq is told; a pooler takes all of it."""

# A database or a role may have defaults of its own for each of these.
_FORMS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": 1,
    "standard_conforming_strings": "on",
    "client_min_messages": "notice",
    "lock_timeout": 0,
    "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
    **{f"tcp_keepalives_{name}": value for name, value in KEEPALIVE.items()},
}
_SHORT = {
    **_FORMS,
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
}
_PATIENT = {**_FORMS, "statement_timeout": 0, "idle_in_transaction_session_timeout": 0}


class Cause(StrEnum):
    """Reason for a missing connection, or for a write that was not possible.

    Its sentence in the catalogue is ``error.database_cause.<cause>``.
    """

    PASSWORD = "password"  # noqa: S105 - the name of a cause
    NO_DATABASE = "no_database"
    SWAPPED = "swapped"
    NO_HOST = "no_host"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    FULL = "full"
    NOT_ALLOWED = "not_allowed"
    ENCODING = "encoding"
    DISK_FULL = "disk_full"


# The words of PostgreSQL, of PgBouncer and of libpq. What fits none of them may hold a part of the address.
_SAID = (
    ("password authentication failed", Cause.PASSWORD),
    ("SASL authentication failed", Cause.PASSWORD),
    ("no such user", Cause.PASSWORD),
    ("no password supplied", Cause.PASSWORD),
    ('role "', Cause.PASSWORD),
    ("just been dropped or renamed", Cause.SWAPPED),
    ("not currently accepting connections", Cause.SWAPPED),
    ('database "', Cause.NO_DATABASE),
    ("no such database", Cause.NO_DATABASE),
    ("failed to resolve host", Cause.NO_HOST),
    ("could not translate host name", Cause.NO_HOST),
    ("Connection refused", Cause.REFUSED),
    ("timeout expired", Cause.TIMEOUT),
    ("too many clients", Cause.FULL),
    ("remaining connection slots", Cause.FULL),
    ("no more connections allowed", Cause.FULL),
    ("pg_hba.conf", Cause.NOT_ALLOWED),
)


class UnsuitableEncodingError(psycopg.OperationalError):
    """The database cannot keep every letter."""


def cause_of(error: BaseException) -> Cause | None:
    """The reason for a refused connection, without repeating secrets; None when it is not recognised."""
    if isinstance(error, UnsuitableEncodingError):
        return Cause.ENCODING
    if isinstance(error, psycopg.errors.DiskFull):
        return Cause.DISK_FULL
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Cause.TIMEOUT
    said = str(error)
    return next((cause for words, cause in _SAID if words in said), None)


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Refuse a database that cannot keep every letter; without a pooler, set what transactions rely on.

    A pooler gives its own process number. On its connections nothing that one transaction leaves is there for the next:
    no settings, and no prepared statements.

    Raises:
        UnsuitableEncodingError: the database's encoding is not UTF-8.
    """
    outage.note(connection)
    if connection.info.parameter_status("server_encoding") != ENCODING:
        connection.close()
        raise UnsuitableEncodingError
    try:
        row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
        if row is None or row[0] != connection.info.backend_pid:
            connection.prepare_threshold = None
        else:
            _set(connection, "SET", _SHORT)
        connection.commit()
    except psycopg.Error:
        connection.close()  # who asked for it has not got it yet and cannot
        raise


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Whether a pooler stands before the server, as ``prepare`` found out."""
    return connection.prepare_threshold is None


def set_transaction(
    connection: psycopg.Connection[Any], *, is_patient: bool = False, is_read_only: bool = False
) -> None:
    """Set up the transaction that begins; a patient one has no time limits."""
    # psycopg says it when it begins. Without a word of ours it stays what the database's default is.
    access = True if is_read_only else None
    if connection.read_only is not access:
        connection.read_only = access
    if is_patient or is_pooled(connection):
        _set(connection, "SET LOCAL", _PATIENT if is_patient else _SHORT)


def _set(connection: psycopg.Connection[Any], how: str, values: Mapping[str, object]) -> None:
    statements = [f"{how} {name} = '{value}'" for name, value in values.items()]
    connection.execute("; ".join(statements).encode(), prepare=False)


def try_lock(connection: psycopg.Connection[Any], key: int) -> bool:
    """Try to take an advisory lock in the open transaction, without waiting; True when it is held.

    As text without parameters, because the answer to any other question keeps its snapshot, and with it vacuum from its
    work, until the transaction ends.
    """
    row = connection.execute(
        f"SELECT pg_try_advisory_xact_lock({int(key)})".encode(), prepare=False
    ).fetchone()
    return bool(row and row[0])
