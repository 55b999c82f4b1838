"""Use cases of documents: keep the index as the documents are, and find what is near to a question."""

from collections.abc import Sequence
from hashlib import sha256

import orjson

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_role, require_role_or_process
from backend.db.engine import transaction
from backend.documents import repository, rules, splitting_rules, word_rules
from backend.documents.types import Chunk, ChunkWords, Document, Findings, Passage
from backend.log import get_logger
from backend.telemetry.metrics import count_document_chunks

log = get_logger(__name__)

# A change of how documents are split or of how words are compared makes every index old.
INDEX_VERSION = 1


def keep_index(actor: Actor, documents: Sequence[Document]) -> int:
    """Make the index anew when it is not of these documents; returns the number of chunks that were stored.

    For staff and for processes. Idempotent; several processes may do it at once, and readers see one whole index.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    wanted = _hash_of(documents)
    if repository.content_hash() == wanted:
        return 0
    found = [chunk for document in documents for chunk in splitting_rules.chunks_of(document)]
    with transaction():
        repository.lock()
        if repository.content_hash() == wanted:
            return 0
        repository.replace_all(
            [(chunk, _text_hash(chunk), _words(chunk)) for chunk in found], wanted, clock.utc_now()
        )
    count_document_chunks(len(found))
    log.info("documents.indexed", documents=len(documents), chunks=len(found))
    return len(found)


def search(actor: Actor, question: str) -> Findings:
    """The documents that are nearest to a question, by their words. For staff."""
    require_role(actor, *STAFF_ROLES)
    lang = word_rules.language_of(question)
    words = word_rules.asked(question, lang)
    if not words:
        return Findings()
    matches = repository.matches(words, lang)
    ranked = rules.ranked(matches)
    chunks = repository.chunks([match.chunk_id for match, _ in ranked])
    passages = tuple(
        Passage(chunk=chunks[match.chunk_id], score=score)
        for match, score in ranked
        if match.chunk_id in chunks
    )
    return Findings(
        passages=passages, is_answered=rules.is_answered(matches, [match.name for match, _ in ranked[:3]])
    )


def _hash_of(documents: Sequence[Document]) -> str:
    told = [
        [INDEX_VERSION],
        *([each.name, each.lang, each.title, each.summary, each.markdown] for each in documents),
    ]
    return sha256(orjson.dumps(told)).hexdigest()


def _text_hash(chunk: Chunk) -> str:
    return sha256(splitting_rules.text_of(chunk).encode()).hexdigest()


def _words(chunk: Chunk) -> ChunkWords:
    lines = " ".join(f"{line.text} {line.code}" for line in chunk.lines)
    return ChunkWords(
        title=word_rules.indexed(f"{chunk.title} {chunk.name}", chunk.lang),
        summary=word_rules.indexed(chunk.summary, chunk.lang),
        heading=word_rules.indexed(chunk.heading, chunk.lang),
        lines=word_rules.indexed(lines, chunk.lang),
    )
