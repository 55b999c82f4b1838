"""From an asked question to what the page shows: the answer with its sources, and the passages."""

import re
from dataclasses import dataclass, field

from backend.assistant.answer_types import AnswerReason, AnswerSentence, ChunkPlace
from backend.documents.types import Chunk, Line
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import routes
from runbooks.ask_service import AskResult
from runbooks.rendering import to_html
from runbooks.service import has_page

# No part of a name, a command or an address.
_NUMBER = re.compile(r"(?<![\w.:/-])\d+(?:\.\d+)?(?![\w/-]|[.:]\d)")


_NO_ANSWER = frozenset({AnswerReason.NOT_SAID, AnswerReason.FAR})
# Reasons that are known at once: nobody has seen a place for sentences before.
_AT_ONCE = frozenset(
    {AnswerReason.FAR, AnswerReason.RESTING, AnswerReason.BUDGET_CALLS, AnswerReason.BUDGET_TOKENS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLink:
    """The source of a sentence; one without a page of its own has no address."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """A sentence of an answer as HTML that is safe to show, and its sources."""

    html: str
    sources: list[SourceLink] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageRow:
    """A passage: where it stands, and its lines as HTML that is safe to show. Without a page of its own, no address."""

    title: str
    where: str
    url: str
    html: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskView:
    """A question, the answer, the sentences about both, and the passages; only a question while it is being asked.

    ``said`` is about what was found, ``line`` says whose words one reads, or why no model answers.
    """

    question: str = ""
    direction: str = ""
    said: str = ""
    tone: str = ""
    line: str = ""
    is_waiting: bool = False
    has_place: bool = False
    sentences: list[AnswerRow] = field(default_factory=list)
    rows: list[PassageRow] = field(default_factory=list)


def to_ask(question: str, asked: AskResult, lang: Lang) -> AskView:
    """The answer and the passages as the page shows them; where the pages do not say it, that is said first."""
    key, reason = _key(asked), asked.answer.reason
    return AskView(
        question=question,
        direction=_direction(asked.passages[0].lang if asked.passages else lang),
        said=text(f"page.ask.said.{key}", lang),
        tone="info" if key in {"answered", "found"} else "warn",
        line="" if reason is AnswerReason.OFF else text(f"page.ask.model.{reason}", lang),
        is_waiting=reason is AnswerReason.WAITING,
        has_place=reason not in _AT_ONCE,
        sentences=[_to_sentence(each, asked.passages) for each in asked.answer.sentences],
        rows=[_to_row(chunk, lang) for chunk in asked.passages],
    )


def _key(asked: AskResult) -> str:
    if asked.answer.sentences:
        return "answered"
    reason = asked.answer.reason
    # Before a model has read them nobody says that the passages are of no use.
    if reason is AnswerReason.WAITING or (asked.is_answered and reason not in _NO_ANSWER):
        return "found" if asked.passages else "nothing"
    return "near" if asked.passages else "nothing"


def _to_sentence(sentence: AnswerSentence, passages: tuple[Chunk, ...]) -> AnswerRow:
    titles = {chunk.name: chunk.title for chunk in passages}
    names = dict.fromkeys(place.name for place in sentence.places)
    lang = _lang_of(sentence.places)
    return AnswerRow(
        html=to_html(_in_digits(sentence.text, lang)),
        sources=[SourceLink(title=titles.get(name, name), url=_url(name)) for name in names],
    )


def _lang_of(places: tuple[ChunkPlace, ...]) -> Lang:
    return places[0].lang if places else "en"


def _in_digits(said: str, lang: Lang) -> str:
    """The numbers of a sentence in the digits of its language; code stays as it is."""
    parts = said.split("`")
    return "`".join(
        part if number % 2 else _NUMBER.sub(lambda found: fmt.digits(found[0], lang), part)
        for number, part in enumerate(parts)
    )


def _to_row(chunk: Chunk, lang: Lang) -> PassageRow:
    url = _url(chunk.name)
    heading = chunk.heading or chunk.title
    return PassageRow(
        title=chunk.title,
        where=chunk.heading if url else text("page.ask.document", lang, name=chunk.name, heading=heading),
        url=url,
        html="".join(map(_to_html, chunk.lines)),
        direction=_direction(chunk.lang),
    )


def _url(name: str) -> str:
    return routes.runbook(name) if has_page(name) else ""


def _direction(lang: Lang) -> str:
    return "rtl" if lang == "fa" else "ltr"


def _to_html(line: Line) -> str:
    code = f"\n\n```\n{line.code}\n```" if line.code else ""
    return to_html(line.text + code)
