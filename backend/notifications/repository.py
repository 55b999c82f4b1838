"""SQL of the outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import orjson
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, text, update

from backend.db.copying import copy_rows
from backend.db.engine import read, savepoint, transaction
from backend.i18n.catalog import as_language
from backend.notifications.models import OutboxMailRow
from backend.notifications.types import GivenUpMail, Mail, MailCounts, OutboxState, QueuedMail

_COLUMNS = {
    "key": "text",
    "recipient": "text",
    "language": "text",
    "template": "text",
    "params": "jsonb",
    "created_at": "timestamptz",
    "next_try_at": "timestamptz",
}
_WAITING_ROOM = text("CREATE TEMPORARY TABLE new_mail (LIKE outbox_mail INCLUDING DEFAULTS) ON COMMIT DROP")
_ENQUEUE = text("""
    INSERT INTO outbox_mail (key, recipient, language, template, params, created_at, next_try_at)
    SELECT key, recipient, language, template, params, created_at, next_try_at FROM new_mail ORDER BY key
    ON CONFLICT (key) DO NOTHING
""")


def insert_all(mails: Sequence[Mail], now: datetime) -> int:
    """Put mails into the outbox, except those whose key is there already; returns the number of new ones."""
    # Sorted, so that two transactions with the same keys wait for each other instead of deadlocking.
    rows = sorted(
        (
            (each.key, each.recipient, each.language, str(each.template), _json(each.params), now, now)
            for each in mails
        ),
        key=itemgetter(0),
    )
    with transaction() as connection:
        try:
            with savepoint(connection):
                copy_rows(connection, "outbox_mail", _COLUMNS, rows)
        except UniqueViolation:
            return _insert_unknown(connection, rows)
    return len(rows)


def _json(params: Mapping[str, str | int]) -> Jsonb:
    return Jsonb(params, dumps=orjson.dumps)


def _insert_unknown(connection: Connection, rows: Sequence[Sequence[object]]) -> int:
    """Insert new mails by COPY through a temporary table: COPY cannot skip known keys, and beats arrays even so."""
    connection.execute(_WAITING_ROOM)
    copy_rows(connection, "new_mail", _COLUMNS, rows)
    done = connection.execute(_ENQUEUE)
    connection.execute(text("DROP TABLE new_mail"))
    return done.rowcount


def claim(now: datetime, lease_end: datetime, limit: int) -> list[QueuedMail]:
    """Take mails that are due, oldest first, so that no other sender takes them before the lease ends."""
    due = (
        select(OutboxMailRow.key)
        .where(_is_waiting(), OutboxMailRow.next_try_at <= now)
        .order_by(OutboxMailRow.next_try_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    statement = (
        update(OutboxMailRow)
        .where(OutboxMailRow.key == due.c.key)
        .values(next_try_at=lease_end)
        .returning(
            OutboxMailRow.key,
            OutboxMailRow.recipient,
            OutboxMailRow.language,
            OutboxMailRow.template,
            OutboxMailRow.params,
            OutboxMailRow.created_at,
            OutboxMailRow.tries,
        )
    )
    with transaction() as connection:
        taken = [to_queued(row) for row in connection.execute(statement)]
    return sorted(taken, key=lambda queued: (queued.created_at, queued.mail.key))


def mark_sent(key: str, now: datetime) -> None:
    """Note that the server took a mail."""
    _change(OutboxMailRow.key == key, sent_at=now, tries=OutboxMailRow.tries + 1, last_error=None)


def mark_failed(key: str, next_try_at: datetime, error: str) -> None:
    """Note a failure that is to be tried again."""
    _change(
        OutboxMailRow.key == key, next_try_at=next_try_at, tries=OutboxMailRow.tries + 1, last_error=error
    )


def mark_given_up(key: str, now: datetime, error: str) -> None:
    """Note a failure that is the last one."""
    _change(OutboxMailRow.key == key, given_up_at=now, tries=OutboxMailRow.tries + 1, last_error=error)


def release(keys: Sequence[str], next_try_at: datetime) -> None:
    """Put back mails that were taken and not tried."""
    _change(OutboxMailRow.key.in_(keys), next_try_at=next_try_at)


def revive(now: datetime, key: str | None = None) -> int:
    """Make the mail of this key, or every one, due again with all its tries if it was given up; how many were."""
    statement = update(OutboxMailRow).where(_is_given_up())
    if key is not None:
        statement = statement.where(OutboxMailRow.key == key)
    with transaction() as connection:
        return connection.execute(statement.values(given_up_at=None, tries=0, next_try_at=now)).rowcount


def state() -> OutboxState:
    """Numbers of waiting, rejected and given-up mails, with the time of the oldest and a reply of the server."""
    is_rejected = and_(_is_waiting(), OutboxMailRow.last_error.regexp_match("^5[0-9]{2} "))
    statement = select(
        func.count().filter(_is_waiting()),
        func.min(OutboxMailRow.created_at).filter(_is_waiting()),
        func.count().filter(_is_given_up()),
        func.count().filter(is_rejected),
        func.max(OutboxMailRow.last_error).filter(is_rejected),
    ).where(OutboxMailRow.sent_at.is_(None))
    with read() as connection:
        waiting, oldest, lost, rejected, rejection = connection.execute(statement).one()
    return OutboxState(
        waiting=waiting, oldest_waiting=oldest, given_up=lost, rejected=rejected, rejection=rejection or ""
    )


def counts(keys: Sequence[str]) -> MailCounts:
    """Numbers of these mails that were sent, wait, and were given up."""
    statement = select(
        func.count().filter(OutboxMailRow.sent_at.is_not(None)).label("sent"),
        func.count().filter(_is_waiting()).label("waiting"),
        func.count().filter(_is_given_up()).label("given_up"),
    ).where(OutboxMailRow.key.in_(keys))
    with read() as connection:
        return MailCounts(**connection.execute(statement).mappings().one())


def given_up(limit: int) -> list[GivenUpMail]:
    """The mails that were given up, the newest first."""
    statement = (
        select(
            OutboxMailRow.key, OutboxMailRow.recipient, OutboxMailRow.given_up_at, OutboxMailRow.last_error
        )
        .where(_is_given_up())
        .order_by(OutboxMailRow.given_up_at.desc(), OutboxMailRow.key)
        .limit(limit)
    )
    with read() as connection:
        return [GivenUpMail(**row) for row in connection.execute(statement).mappings()]


def to_queued(row: Row[*tuple[Any, ...]]) -> QueuedMail:
    """A queued mail from a row of the outbox."""
    mail = Mail(
        key=row.key,
        recipient=row.recipient,
        language=as_language(row.language),
        template=row.template,
        params=row.params,
    )
    return QueuedMail(mail=mail, created_at=row.created_at, tries=row.tries)


def _is_waiting() -> ColumnElement[bool]:
    return and_(OutboxMailRow.sent_at.is_(None), OutboxMailRow.given_up_at.is_(None))


def _is_given_up() -> ColumnElement[bool]:
    return and_(OutboxMailRow.sent_at.is_(None), OutboxMailRow.given_up_at.is_not(None))


def _change(which: ColumnElement[bool], **values: object) -> None:
    with transaction() as connection:
        connection.execute(update(OutboxMailRow).where(which, OutboxMailRow.sent_at.is_(None)).values(values))
