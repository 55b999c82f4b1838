"""Nouns of answers: numbered lines of documents go in, sentences with the numbers of their lines come out."""

from dataclasses import dataclass
from enum import StrEnum

from backend.i18n.catalog import Lang


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlace:
    """The place of a chunk: a document in a language, and the number of the chunk in it."""

    name: str
    lang: Lang
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedLine:
    """A line as a model may read it. ``text`` has code between backticks, ``code`` is the block that belongs to it."""

    number: int
    place: ChunkPlace
    title: str
    heading: str
    text: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSentence:
    """A sentence of an answer that has passed the validator, and the places of the lines that it is from."""

    text: str
    places: tuple[ChunkPlace, ...]


class CitationRefusal(StrEnum):
    """The reason why a sentence is not shown."""

    UNCITED = "uncited"
    LENGTH = "length"
    LETTERS = "letters"
    ADDRESS = "address"
    COMMAND = "command"
    NUMBER = "number"
    WORD = "word"
    NEGATION = "negation"
    CONDITION = "condition"
    ORDER = "order"


class AnswerReason(StrEnum):
    """The origin of what a reader sees: a model's sentences, or the reason why there are none.

    ``FAR``: no passage speaks of the question, so no model is asked. ``NOT_SAID``: the model found no answer in the
    pages. ``REJECTED``: it gave one that the pages do not hold. ``ASK_AGAIN``: what was known has lapsed.
    """

    ANSWERED = "answered"
    NOT_SAID = "not_said"
    REJECTED = "rejected"
    OFF = "off"
    FAR = "far"
    WAITING = "waiting"
    ASK_AGAIN = "ask_again"
    BUDGET_TOKENS = "budget_tokens"
    BUDGET_CALLS = "budget_calls"
    RESTING = "resting"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    KEY_REFUSED = "key_refused"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    DECLINED = "declined"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookAnswer:
    """An answer, where it comes from, and the passages that were read for it, the nearest first."""

    reason: AnswerReason
    sentences: tuple[AnswerSentence, ...] = ()
    nearest: tuple[ChunkPlace, ...] = ()
