"""Nouns of documents: a document goes in, chunks of lines come out, and a search finds passages."""

from dataclasses import dataclass

from backend.i18n.catalog import Lang


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text in Markdown. ``name`` is unique with the language; ``summary`` says in our own words what it is about."""

    name: str
    lang: Lang
    title: str
    markdown: str
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A paragraph, an item of a list or a row of a table, as inline Markdown, and the code that it leads to."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A part of a document below one heading; ``number`` counts the document's chunks from 1."""

    name: str
    lang: Lang
    number: int
    title: str
    heading: str
    lines: tuple[Line, ...]
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkWords:
    """The words that a chunk is found by, in the spelling of searches, by where they stand."""

    title: str
    summary: str
    heading: str
    lines: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A chunk that has words of a question. ``ranks`` are PostgreSQL's, one for each word, 0 where it is missing."""

    chunk_id: int
    name: str
    lang: Lang
    ranks: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The matches of a question, and the rarity of each word: high for a rare one, 0 for one that says nothing."""

    found: tuple[Match, ...] = ()
    rarity: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The best passages of the documents nearest to a question, the nearest first.

    ``is_answered`` says whether the first of them speaks of what was asked, or has only some of its words.
    """

    passages: tuple[Chunk, ...] = ()
    is_answered: bool = False
