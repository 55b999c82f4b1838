"""This process's knowledge of a database that does not answer: since when, and whether asking would hang.

``db.pulse`` finds it out. While the database hangs nobody is given a connection, so no thread waits for one.
"""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any
from weakref import WeakSet

import psycopg

from backend.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOutage:
    """Since when the database does not answer. One that ``hangs`` takes questions and says nothing."""

    since: datetime
    hangs: bool


class _Known:
    """The present outage, and every connection that would hang in it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.outage: DatabaseOutage | None = None
        self.connections: WeakSet[psycopg.Connection[Any] | psycopg.AsyncConnection[Any]] = WeakSet()


_known = _Known()


def begin(since: datetime, *, hangs: bool) -> None:
    """The database does not answer. An outage that goes on keeps its beginning."""
    with _known.lock:
        began = _known.outage.since if _known.outage else since
        _known.outage = DatabaseOutage(since=began, hangs=hangs)


def end() -> None:
    """The database answers."""
    with _known.lock:
        _known.outage = None


def since() -> datetime | None:
    """Since when the database has not answered; None while it does, and where nobody looks."""
    known = _known.outage
    return known.since if known else None


def refuse() -> None:
    """Raise Unavailable while the database hangs."""
    known = _known.outage
    if known is not None and known.hangs:
        raise Unavailable(service="database", cause="timeout")


def note(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Remember a connection that was opened."""
    with _known.lock:
        _known.connections.add(connection)


def hang_up() -> None:
    """Cut every connection, so that whoever waits at one learns that it is lost.

    The other side's kernel may go on to acknowledge for ever what its server never reads.
    """
    with _known.lock:
        connections = [*_known.connections]
    for connection in connections:
        # One may be closed already.
        with (
            suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)
