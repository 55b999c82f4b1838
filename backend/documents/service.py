"""Use cases of documents: keep the index as the documents are, and find what is near to a question."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import orjson

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role, require_role_or_process
from backend.db.engine import transaction
from backend.documents import repository, rules, splitting_rules, word_rules
from backend.documents.types import Chunk, ChunkWords, Document, Findings, Matches
from backend.i18n.catalog import Lang
from backend.log import get_logger
from backend.telemetry.metrics import count_document_chunks

log = get_logger(__name__)

# A change of how documents are split or of how words are compared makes every index old.
INDEX_VERSION = 1
# Whether a question is answered is looked for in so many documents, and so many chunks are near by their meaning.
NEAR, NEAREST = 3, 10


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


def search(actor: Actor, question: str, meaning: Sequence[float] | None = None) -> Findings:
    """The documents nearest to a question, by their words, and by its embedding where one is given. For staff."""
    require_role(actor, *STAFF_ROLES)
    lang = word_rules.language_of(question)
    words = word_rules.asked(question, lang)
    matches = repository.matches(words, lang) if words else Matches()
    ranked = [match.chunk_id for match, _ in rules.ranked(matches)]
    alike = {} if meaning is None else repository.nearest(meaning, lang, NEAREST)
    order = rules.fused([ranked, list(alike)])
    chunks = repository.chunks(order)
    found = rules.of_different_documents([chunks[each] for each in order if each in chunks])
    names = [chunk.name for chunk in found[:NEAR]]
    is_answered = rules.is_answered(matches, names, lang) or rules.is_alike(list(alike.values()))
    return Findings(passages=tuple(found), is_answered=is_answered)


def at_places(actor: Actor, places: Sequence[tuple[str, Lang, int]]) -> list[Chunk]:
    """The chunks with these names, languages and numbers, in this order; one that is gone is left out. For staff."""
    require_role(actor, *STAFF_ROLES)
    return repository.at_places(places)


def index_hash(actor: Actor) -> str:
    """A hash of the index as it is searched: of what it was made from, and whether all of it is compared by meaning.

    For staff.
    """
    require_role(actor, *STAFF_ROLES)
    is_compared = repository.has_vectors() and repository.has_all_embeddings()
    return f"{repository.content_hash()} {is_compared}"


def has_vectors(actor: Actor) -> bool:
    """Whether the database can compare embeddings: it has pgvector. For staff and for processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.has_vectors()


def without_embedding(actor: Actor) -> list[tuple[int, str]]:
    """Id and text of the chunks that have no embedding. For processes."""
    require_process(actor)
    return [(number, splitting_rules.text_of(chunk)) for number, chunk in repository.without_embedding()]


def store_embeddings(actor: Actor, embeddings: Mapping[int, Sequence[float]]) -> None:
    """Keep embeddings by the ids of their chunks; one of a chunk that is gone is dropped. For processes."""
    require_process(actor)
    repository.store_embeddings(embeddings)


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
