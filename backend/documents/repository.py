"""SQL of the documents' index."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, exists, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.db.engine import read, transaction
from backend.db.locks import LockNumber
from backend.documents.models import DocumentChunkRow, DocumentIndexRow
from backend.documents.types import Chunk, ChunkWords, Line, Match, Matches
from backend.i18n.catalog import Lang

CONFIGURATION: Mapping[Lang, str] = {"en": "english", "fa": "simple"}
_ONLY_ROW = 1

_STORE = text("""
INSERT INTO document_chunk (name, lang, number, title, heading, lines, text_hash, embedding, search)
VALUES (:name, :lang, :number, :title, :heading, CAST(:lines AS jsonb), :text_hash, CAST(:embedding AS real[]),
        setweight(to_tsvector(CAST(:configuration AS regconfig), :title_words), 'A')
        || setweight(to_tsvector(CAST(:configuration AS regconfig), :summary_words), 'B')
        || setweight(to_tsvector(CAST(:configuration AS regconfig), :heading_words), 'C')
        || setweight(to_tsvector(CAST(:configuration AS regconfig), :line_words), 'D'))
""")

# A word that the configuration leaves out has no node. What many chunks have is no sign of any of them.
_MATCHES = text("""
WITH asked AS (
    SELECT n, to_tsquery(CAST(:configuration AS regconfig), query) AS wanted
    FROM unnest(CAST(:queries AS text[])) WITH ORDINALITY AS given(query, n)
), counted AS (
    SELECT n, wanted, (SELECT count(*) FROM document_chunk WHERE lang = :lang) AS chunks,
           (SELECT count(*) FROM document_chunk WHERE lang = :lang AND search @@ wanted) AS found
    FROM asked
)
SELECT n, found,
       CASE WHEN numnode(wanted) = 0 THEN 0 ELSE ln(1 + (chunks - found + 0.5) / (found + 0.5)) END AS rarity,
       chunk.id, chunk.name, ts_rank(CAST(:weights AS real[]), chunk.search, wanted, 1) AS rank
FROM counted LEFT JOIN document_chunk AS chunk ON chunk.lang = :lang AND chunk.search @@ wanted
ORDER BY n, chunk.id
""")
# Of a line, a heading, our own summary, and a title.
_WEIGHTS = [0.3, 0.3, 0.6, 1.0]

_HAS_VECTORS = text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')")
_NEAREST = text("""
SELECT id, 1 - (embedding::vector <=> CAST(:wanted AS real[])::vector) AS likeness FROM document_chunk
WHERE lang = :lang AND cardinality(embedding) = :size
ORDER BY likeness DESC, id
LIMIT :most
""")


def lock() -> None:
    """Let only one transaction at a time build the index, across all processes."""
    with transaction() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(LockNumber.DOCUMENTS)))


def content_hash() -> str:
    """The hash of what the index was made from; empty before there is an index."""
    with read() as connection:
        return connection.scalar(select(DocumentIndexRow.content_hash)) or ""


def replace_all(chunks: Sequence[tuple[Chunk, str, ChunkWords]], content_hash: str, now: datetime) -> None:
    """Put these chunks in the place of all others: each with the hash of its text, and its words.

    A chunk whose text was there before keeps its embedding.
    """
    row = DocumentChunkRow
    made = {"content_hash": content_hash, "made_at": now}
    with transaction() as connection:
        known = connection.execute(
            select(row.text_hash, row.embedding).where(row.embedding.is_not(None))
        ).all()
        embeddings = {each.text_hash: each.embedding for each in known}
        connection.execute(delete(row))
        rows = [
            _to_row(chunk, words) | {"text_hash": text_hash, "embedding": embeddings.get(text_hash)}
            for chunk, text_hash, words in chunks
        ]
        if rows:
            connection.execute(_STORE, rows)
        connection.execute(
            upsert(DocumentIndexRow)
            .values(id=_ONLY_ROW, **made)
            .on_conflict_do_update(index_elements=[DocumentIndexRow.id], set_=made)
        )


def matches(words: Sequence[Sequence[str]], lang: Lang) -> Matches:
    """The chunks of a language that have any of these words, each of which may be said in several ways."""
    given = {
        "configuration": CONFIGURATION[lang],
        "queries": [" | ".join(ways) for ways in words],
        "lang": lang,
        "weights": _WEIGHTS,
    }
    with read() as connection:
        rows = connection.execute(_MATCHES, given).all()
    rarity = [0.0] * len(words)
    ranks: dict[tuple[int, str], list[float]] = {}
    for row in rows:
        rarity[row.n - 1] = float(row.rarity)
        if row.id is not None:
            ranks.setdefault((row.id, row.name), [0.0] * len(words))[row.n - 1] = row.rank
    found = tuple(
        Match(chunk_id=chunk_id, name=name, lang=lang, ranks=tuple(its))
        for (chunk_id, name), its in ranks.items()
    )
    return Matches(found=found, rarity=tuple(rarity))


def chunks(ids: Sequence[int]) -> dict[int, Chunk]:
    """Chunks by their ids; one that is gone meanwhile is left out."""
    with read() as connection:
        rows = connection.execute(select(DocumentChunkRow).where(DocumentChunkRow.id.in_(ids))).all()
    return {row.id: _to_chunk(row) for row in rows}


def has_vectors() -> bool:
    """Whether this database has pgvector."""
    with read() as connection:
        return bool(connection.scalar(_HAS_VECTORS))


def has_all_embeddings() -> bool:
    """Whether there is no chunk without an embedding."""
    with read() as connection:
        return not connection.scalar(select(exists().where(DocumentChunkRow.embedding.is_(None))))


def without_embedding() -> list[tuple[int, Chunk]]:
    """The chunks that have no embedding yet, in order."""
    row = DocumentChunkRow
    with read() as connection:
        rows = connection.execute(select(row).where(row.embedding.is_(None)).order_by(row.id)).all()
    return [(each.id, _to_chunk(each)) for each in rows]


def store_embeddings(embeddings: Mapping[int, Sequence[float]]) -> None:
    """Keep the embeddings of chunks; one of a chunk that is gone is dropped."""
    row = DocumentChunkRow
    with transaction() as connection:
        for chunk_id, embedding in embeddings.items():
            connection.execute(update(row).where(row.id == chunk_id).values(embedding=list(embedding)))


def at_places(places: Sequence[tuple[str, Lang, int]]) -> list[Chunk]:
    """The chunks at these places, in this order; a place that is gone is left out."""
    row = DocumentChunkRow
    with read() as connection:
        rows = connection.execute(select(row).where(tuple_(row.name, row.lang, row.number).in_(places))).all()
    found = {(each.name, each.lang, each.number): _to_chunk(each) for each in rows}
    return [found[place] for place in places if place in found]


def nearest(embedding: Sequence[float], lang: Lang, most: int) -> dict[int, float]:
    """The chunks of a language whose embeddings are nearest to this one, with their cosines. Needs pgvector."""
    given = {"lang": lang, "wanted": list(embedding), "size": len(embedding), "most": most}
    with read() as connection:
        return {row.id: float(row.likeness) for row in connection.execute(_NEAREST, given)}


def _to_row(chunk: Chunk, words: ChunkWords) -> dict[str, Any]:
    return {
        "name": chunk.name,
        "lang": chunk.lang,
        "number": chunk.number,
        "title": chunk.title,
        "heading": chunk.heading,
        "lines": orjson.dumps([{"text": line.text, "code": line.code} for line in chunk.lines]).decode(),
        "configuration": CONFIGURATION[chunk.lang],
        "title_words": words.title,
        "summary_words": words.summary,
        "heading_words": words.heading,
        "line_words": words.lines,
    }


def _to_chunk(row: Any) -> Chunk:  # noqa: ANN401 - a row of SQLAlchemy
    return Chunk(
        name=row.name,
        lang=row.lang,
        number=row.number,
        title=row.title,
        heading=row.heading,
        lines=tuple(Line(**line) for line in row.lines),
    )
