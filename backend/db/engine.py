"""Connections, and ``transaction()``: the only place that commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from threading import Lock
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from backend.config import settings
from backend.db.locks import LockNumber
from backend.errors import Unavailable

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 120_000
# A process that hangs inside a transaction keeps its locks, and keeps vacuum from its work. No transaction of ours
# thinks longer than seconds between two statements.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
# A host that vanishes says no good-bye: by default its advisory locks would stay for two hours, and with them the
# scheduler's leadership. Fourteen seconds at most, on both sides: a leader that is cut off must notice, too.
KEEPALIVE = {"idle": 5, "interval": 3, "count": 3}
TCP_USER_TIMEOUT_MS = 10_000
_OF_SESSION = {
    "timezone": "UTC",
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
    "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
    **{f"tcp_keepalives_{name}": value for name, value in KEEPALIVE.items()},
}
CONNECTION: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": "docuchat-portal",
    "options": " ".join(f"-c {name}={value}" for name, value in _OF_SESSION.items()),
    "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
    **{f"keepalives_{name}": value for name, value in KEEPALIVE.items()},
}
"""How every connection of ours is opened."""
# COPY speaks to psycopg itself, so its errors come without SQLAlchemy's coat.
_LOST = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_current: ContextVar[Connection | None] = ContextVar("connection", default=None)
_making = Lock()


def engine() -> Engine:
    """The engine of this process; it opens nothing before its first use."""
    # Threads that ask first at the same time would each make one, with a pool that nobody closes.
    with _making:
        return _engine()


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return create_engine(
        settings().sqlalchemy_url,
        pool_size=settings().database_pool_size,
        max_overflow=2,
        pool_timeout=5,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=dict(CONNECTION),
    )


def dispose() -> None:
    """Close every pooled connection; the next use opens the address that the settings name then."""
    with _making:
        if _engine.cache_info().currsize:
            _engine().dispose()
        _engine.cache_clear()


@contextmanager
def transaction() -> Iterator[Connection]:
    """A connection whose work is committed when the outermost block ends, and undone when it raises.

    An inner block joins the outer one. No network call belongs inside.

    Raises:
        Unavailable: PostgreSQL cannot be reached or went away; nothing was committed.
    """
    if (outer := _current.get()) is not None:
        yield outer
        return
    with _translated(), engine().connect() as connection, connection.begin():
        token = _current.set(connection)
        try:
            yield connection
        finally:
            _current.reset(token)


@contextmanager
def read() -> Iterator[Connection]:
    """A connection for statements that change nothing; it joins an open transaction, else it is read-only.

    Raises:
        Unavailable: PostgreSQL cannot be reached or went away.
    """
    if (outer := _current.get()) is not None:
        yield outer
        return
    with _translated(), engine().connect() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        yield connection


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo only this block when it raises; the open transaction goes on, and nothing is committed here."""
    with connection.begin_nested():
        yield


def in_transaction() -> bool:
    """Whether this flow of control holds a transaction open; the HTTP factory refuses to call anybody then."""
    return _current.get() is not None


@contextmanager
def advisory_lock(key: LockNumber) -> Iterator[bool]:
    """Hold a session-level advisory lock on a connection of its own, if nobody else does; yields whether it is ours.

    The lock ends with the block, and with the process however that dies.
    """
    with _translated(), engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ours = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}))
        try:
            yield ours
        finally:
            if ours:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _LOST as lost:
        raise Unavailable(service="database") from lost
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable(service="database") from error
        raise
