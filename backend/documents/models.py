"""Tables of documents."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class DocumentIndexRow(Base):
    """The state of the index: what it was made from. There is one row."""

    __tablename__ = "document_index"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    content_hash: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(Instant)


class DocumentChunkRow(Base):
    """A chunk of a document, what it is searched by, and its embedding while there is one.

    The embedding is an array, so that a server without pgvector keeps it, too.
    """

    __tablename__ = "document_chunk"
    __table_args__ = (
        UniqueConstraint("name", "lang", "number"),
        Index("ix_document_chunk_search", "search", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    lang: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(Text)
    heading: Mapped[str] = mapped_column(Text)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    text_hash: Mapped[str] = mapped_column(Text)
    search: Mapped[str] = mapped_column(TSVECTOR)
    embedding: Mapped[list[float] | None] = mapped_column(ARRAY(REAL))
