"""SQL of answers: no question is stored, only the hash that it is found by."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.assistant.answer_types import AnswerReason, AnswerSentence, ChunkPlace, RunbookAnswer
from backend.assistant.models import AssistantAnswerRow
from backend.db.engine import read, transaction


def answer(key: str, now: datetime) -> RunbookAnswer | None:
    """The stored answer of a key that is still good, or None."""
    row = AssistantAnswerRow
    with read() as connection:
        found = connection.execute(
            select(row.reason, row.sentences, row.nearest).where(row.key == key, row.good_until > now)
        ).one_or_none()
    if found is None:
        return None
    return RunbookAnswer(
        reason=AnswerReason(found.reason),
        sentences=tuple(map(_to_sentence, found.sentences)),
        nearest=tuple(ChunkPlace(**place) for place in found.nearest),
    )


def store(key: str, found: RunbookAnswer, good_until: datetime) -> None:
    """Keep an answer, or the reason why there is none, in the place of what was known of its key."""
    values = {
        "good_until": good_until,
        "reason": found.reason.value,
        "sentences": [asdict(sentence) for sentence in found.sentences],
        "nearest": [asdict(place) for place in found.nearest],
    }
    statement = upsert(AssistantAnswerRow).values(key=key, **values)
    with transaction() as connection:
        connection.execute(
            statement.on_conflict_do_update(index_elements=[AssistantAnswerRow.key], set_=values)
        )


def delete_before(good_until: datetime) -> int:
    """Delete answers that nobody needs any more; returns their number."""
    row = AssistantAnswerRow
    with transaction() as connection:
        return int(connection.execute(delete(row).where(row.good_until < good_until)).rowcount)


def _to_sentence(told: dict[str, Any]) -> AnswerSentence:
    return AnswerSentence(text=told["text"], places=tuple(ChunkPlace(**place) for place in told["places"]))
