"""SQL of wordings and of the questions that were asked for them."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.assistant.models import AlertWordingRow, AssistantCallRow
from backend.assistant.types import Spent, WordedGroup, Wording, WordingReason
from backend.db.engine import read, transaction
from backend.db.locks import LockNumber


def lock() -> None:
    """Let only one transaction at a time decide whether to ask, across all processes."""
    with transaction() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(LockNumber.ASSISTANT)))


def wording(key: str, now: datetime) -> Wording | None:
    """The stored wording of a key that is still good, or None."""
    row = AlertWordingRow
    with read() as connection:
        found = connection.execute(
            select(row.reason, row.groups).where(row.key == key, row.good_until > now)
        ).one_or_none()
    if found is None:
        return None
    return Wording(reason=WordingReason(found.reason), groups=tuple(map(_to_group, found.groups)))


def store(key: str, found: Wording, good_until: datetime) -> None:
    """Keep a wording, or the reason why there is none, in the place of what was known of its key."""
    values = {
        "good_until": good_until,
        "reason": found.reason.value,
        "groups": [
            {"numbers": list(each.numbers), "title": each.title, "text": each.text} for each in found.groups
        ],
    }
    statement = upsert(AlertWordingRow).values(key=key, **values)
    with transaction() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=[AlertWordingRow.key], set_=values))


def spent(day_start: datetime, hour_start: datetime) -> Spent:
    """The tokens since the beginning of the day, the calls since that of the hour, and the last failures in a row."""
    row = AssistantCallRow
    newest = select(row.at, row.failed).where(row.failed.is_not(None)).order_by(row.id.desc()).limit(10)
    with read() as connection:
        tokens = connection.scalar(select(func.coalesce(func.sum(row.tokens), 0)).where(row.at >= day_start))
        calls = connection.scalar(select(func.count()).where(row.at >= hour_start))
        ended = connection.execute(newest).all()
    failures = []
    for each in ended:
        if not each.failed:
            break
        failures.append(each.at)
    return Spent(tokens_today=int(tokens or 0), calls_in_hour=calls or 0, last_failures=tuple(failures))


def begin_call(now: datetime, tokens: int) -> int:
    """Note a question with the tokens that it may cost; returns its number."""
    statement = insert(AssistantCallRow).values(at=now, tokens=tokens).returning(AssistantCallRow.id)
    with transaction() as connection:
        return int(connection.scalars(statement).one())


def end_call(call_id: int, *, tokens: int | None, failed: bool) -> None:
    """Note how a question ended; without a number of tokens it cost what it might have."""
    values = {"failed": failed} | ({} if tokens is None else {"tokens": tokens})
    with transaction() as connection:
        connection.execute(update(AssistantCallRow).where(AssistantCallRow.id == call_id).values(**values))


def delete_before(calls: datetime, wordings: datetime) -> int:
    """Delete questions and wordings that nobody needs any more; returns their number."""
    with transaction() as connection:
        old = connection.execute(delete(AssistantCallRow).where(AssistantCallRow.at < calls))
        stale = connection.execute(delete(AlertWordingRow).where(AlertWordingRow.good_until < wordings))
        return old.rowcount + stale.rowcount


def _to_group(told: dict[str, Any]) -> WordedGroup:
    return WordedGroup(numbers=tuple(told["numbers"]), title=told["title"], text=told["text"])
