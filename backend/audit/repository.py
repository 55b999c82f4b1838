"""SQL of the audit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from psycopg.types.json import Jsonb
from sqlalchemy import Row, func, select, update

from backend.audit.models import AuditEntryRow, AuditHeadRow
from backend.audit.types import AuditEntry, AuditEvent, Head, Plain
from backend.db.copying import copy_rows
from backend.db.engine import read, transaction
from backend.db.locks import LockNumber

ENTRY = (
    AuditEntryRow.id,
    AuditEntryRow.at,
    AuditEntryRow.actor,
    AuditEntryRow.action,
    AuditEntryRow.target,
    AuditEntryRow.detail,
    AuditEntryRow.previous_hash,
    AuditEntryRow.hash,
)
_COLUMNS = {
    "at": "timestamptz",
    "actor": "text",
    "action": "text",
    "target": "text",
    "detail": "jsonb",
    "previous_hash": "bytea",
    "hash": "bytea",
}


def lock_chain() -> None:
    """Lock the chain against other writers until the open transaction ends."""
    with transaction() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(LockNumber.AUDIT_CHAIN)))


def last_hash() -> bytes | None:
    """The hash of the newest entry."""
    with transaction() as connection:
        return connection.scalar(select(AuditEntryRow.hash).order_by(AuditEntryRow.id.desc()).limit(1))


def append(entries: Sequence[tuple[AuditEvent, bytes, bytes]]) -> None:
    """Add entries at the end of the chain, in their order, each an event with the hash before it and its own."""
    rows = [
        (event.at, event.actor, event.action, event.target, _json(event.detail), previous_hash, own_hash)
        for event, previous_hash, own_hash in entries
    ]
    *_, last_hash = rows[-1]
    with transaction() as connection:
        copy_rows(connection, "audit_entry", _COLUMNS, rows)
        longer = update(AuditHeadRow).values(entries=AuditHeadRow.entries + len(rows), hash=last_hash)
        connection.execute(longer)


def _json(detail: Mapping[str, Plain]) -> Jsonb:
    return Jsonb(detail, dumps=orjson.dumps)


def head() -> Head | None:
    """Length and last hash of the chain; None when the row was removed."""
    with read() as connection:
        row = connection.execute(select(AuditHeadRow.entries, AuditHeadRow.hash)).one_or_none()
    return None if row is None else Head(entries=row.entries, hash=row.hash)


def began_at() -> datetime | None:
    """The instant of the first entry; None for an empty chain."""
    with read() as connection:
        return connection.scalar(select(AuditEntryRow.at).order_by(AuditEntryRow.id).limit(1))


def head_before(instant: datetime) -> Head | None:
    """Length and last hash of the chain as they were at an instant; None for an empty one."""
    newest = (
        select(AuditEntryRow.id, AuditEntryRow.hash)
        .where(AuditEntryRow.at < instant)
        .order_by(AuditEntryRow.at.desc(), AuditEntryRow.id.desc())
        .limit(1)
    )
    with read() as connection:
        row = connection.execute(newest).one_or_none()
        if row is None:
            return None
        since = select(func.count()).where(AuditEntryRow.id > row.id).scalar_subquery()
        entries = connection.scalar(select(AuditHeadRow.entries - since))
    return None if entries is None else Head(entries=entries, hash=row.hash)


def entries_after(entry_id: int, limit: int) -> list[AuditEntry]:
    """Entries in the order of the chain, from behind one of them."""
    statement = select(*ENTRY).where(AuditEntryRow.id > entry_id).order_by(AuditEntryRow.id).limit(limit)
    with read() as connection:
        return [to_entry(row) for row in connection.execute(statement)]


def latest(target: str | None, limit: int) -> list[AuditEntry]:
    """The newest entries, of one target or of all, newest first."""
    statement = select(*ENTRY).order_by(AuditEntryRow.id.desc()).limit(limit)
    if target is not None:
        statement = statement.where(AuditEntryRow.target == target)
    with read() as connection:
        return [to_entry(row) for row in connection.execute(statement)]


def to_entry(row: Row[*tuple[Any, ...]]) -> AuditEntry:
    """An entry from the columns of ``ENTRY``."""
    return AuditEntry(
        id=row.id,
        event=AuditEvent(at=row.at, actor=row.actor, action=row.action, target=row.target, detail=row.detail),
        previous_hash=row.previous_hash,
        hash=row.hash,
    )
