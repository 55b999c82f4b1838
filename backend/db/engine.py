"""Connections, and ``transaction()``: the only place that commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock, Semaphore, get_ident
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from backend.config import driver_url, settings
from backend.db import connecting, outage
from backend.db.connecting import CONNECTION
from backend.db.locks import LockNumber
from backend.errors import Unavailable
from backend.tracing import spans
from backend.tracing.types import SpanKind

# COPY speaks to psycopg itself, so its errors come without SQLAlchemy's coat.
_LOST = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_places: ContextVar[Semaphore | None] = ContextVar("places", default=None)
_making = Lock()
# Opened for a moment beyond the pool's size; ``portal.bridge`` shares eight of them out.
SPARE_CONNECTIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """A connection in use, and the thread that it belongs to: a connection takes one statement at a time."""

    connection: Connection
    writes: bool
    thread: int = field(default_factory=get_ident)


# A thread that is started with a copy of the context inherits this, too.
_open: ContextVar[_Open | None] = ContextVar("open", default=None)


def engine() -> Engine:
    """The engine of this process; it opens nothing before its first use."""
    # Threads that ask first at the same time would each make one, with a pool that nobody closes.
    with _making:
        return _engine()


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return engine_of(
        settings().sqlalchemy_url,
        pool_size=settings().database_pool_size,
        max_overflow=SPARE_CONNECTIONS,
        pool_timeout=5,
        pool_pre_ping=True,
    )


def engine_of(url: str, **pool: Any) -> Engine:  # noqa: ANN401 - SQLAlchemy's own arguments
    """Engine for an address; all its connections are opened by ``db.connecting``."""
    made = create_engine(
        url,
        hide_parameters=True,
        # A database or a role may have another default.
        isolation_level="READ COMMITTED",
        connect_args=dict(CONNECTION),
        **pool,
    )
    event.listen(made, "connect", lambda driver, _record: connecting.prepare(driver))
    return made


def dispose() -> None:
    """Close every pooled connection, one in use as soon as it comes back; the next use opens the settings' address."""
    with _making:
        if _engine.cache_info().currsize:
            # The pool that it comes back to belongs to nobody, and nobody would close it.
            event.listen(_engine().pool, "checkin", _close)
            _engine().dispose()
        _engine.cache_clear()


def _close(driver: psycopg.Connection[Any] | None, _record: object) -> None:
    if driver is not None:  # else it was invalidated, and is closed already
        driver.close()


@contextmanager
def limited(places: Semaphore) -> Iterator[None]:
    """Inside the block a connection is asked for only once ``places`` has one left; the wait for that has no deadline.

    Who holds a connection already needs no second place: it would wait for itself.
    """
    token = _places.set(places)
    try:
        yield
    finally:
        _places.reset(token)


@contextmanager
def _connected() -> Iterator[Connection]:
    with spans.span("database", SpanKind.CLIENT, {"db.system.name": "postgresql"}), _connection() as found:
        yield found


@contextmanager
def _connection() -> Iterator[Connection]:
    outage.refuse()
    places = _places.get()
    if places is None:
        with engine().connect() as connection:
            yield connection
        return
    with places:
        outage.refuse()  # it may have fallen silent while this waited
        token = _places.set(None)
        try:
            with engine().connect() as connection:
                yield connection
        finally:
            _places.reset(token)


@contextmanager
def transaction() -> Iterator[Connection]:
    """A connection whose work is committed when the outermost block ends, and undone when it raises.

    An inner block joins the outer one, in the same thread only. No network call belongs inside.

    Raises:
        Unavailable: PostgreSQL cannot be reached or went away; nothing was committed.
        RuntimeError: another thread opened the transaction that this block would join.
    """
    outer = _joinable()
    if outer is not None and outer.writes:
        yield outer.connection
        return
    with _opened(writes=True) as connection:
        yield connection


@contextmanager
def read() -> Iterator[Connection]:
    """A connection for statements that change nothing; it joins an open block of either kind, else it is read-only.

    Raises:
        Unavailable: PostgreSQL cannot be reached or went away.
        RuntimeError: another thread opened the block that this one would join.
    """
    if (outer := _joinable()) is not None:
        yield outer.connection
        return
    with _opened(writes=False) as connection:
        yield connection


@contextmanager
def reading_at(url: str) -> Iterator[None]:
    """Inside the block ``read()`` reads another database, as it is at the first statement, and nothing can be written.

    Raises:
        Unavailable: that database cannot be reached or went away.
    """
    elsewhere = engine_of(driver_url(url), pool_size=1).execution_options(isolation_level="REPEATABLE READ")
    try:
        with translated(), elsewhere.connect() as connection, connection.begin():
            connecting.set_transaction(driver_of(connection), is_patient=True, is_read_only=True)
            token = _open.set(_Open(connection=connection, writes=False))
            try:
                yield
            finally:
                _open.reset(token)
    finally:
        elsewhere.dispose()


@contextmanager
def _opened(*, writes: bool) -> Iterator[Connection]:
    with translated(), _connected() as connection, connection.begin():
        connecting.set_transaction(driver_of(connection), is_read_only=not writes)
        token = _open.set(_Open(connection=connection, writes=writes))
        try:
            yield connection
        finally:
            _open.reset(token)


def _joinable() -> _Open | None:
    outer = _open.get()
    if outer is not None and outer.thread != get_ident():
        raise RuntimeError("a connection is used by the thread that opened it, and by no other")
    return outer


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo only this block when it raises; the open transaction goes on, and nothing is committed here."""
    with connection.begin_nested():
        yield


def in_transaction() -> bool:
    """Whether this flow of control holds a transaction open; the HTTP factory refuses to call anybody then."""
    outer = _open.get()
    return outer is not None and outer.writes


@contextmanager
def advisory_lock(key: LockNumber) -> Iterator[bool]:
    """Hold an advisory lock on a connection of its own, unless it is taken; yields whether it is ours.

    A transaction that stays open holds it, because behind a pooler only a transaction keeps its connection. It reads
    and writes nothing, so it keeps no vacuum from its work. The lock ends with the block, and with the process however
    that dies.
    """
    with translated(), _connected() as connection, connection.begin() as holding:
        connecting.set_transaction(driver_of(connection), is_patient=True)
        ours = connecting.try_lock(driver_of(connection), key)
        if not ours:
            holding.rollback()
        yield ours


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """The connection of psycopg itself."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors of a lost or refused connection into ``Unavailable``, with its cause if it is known."""
    try:
        yield
    except _LOST as lost:
        cause = connecting.cause_of(lost.orig if isinstance(lost, DBAPIError) and lost.orig else lost)
        known = {"cause": cause.value} if cause else {}
        raise Unavailable(service="database", **known) from lost
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable(service="database") from error
        raise
