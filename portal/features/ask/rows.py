"""From findings to what the page shows: passages with their sources, and the sentence above them."""

from dataclasses import dataclass, field

from backend.documents.types import Chunk, Findings, Line
from backend.i18n.catalog import Lang, text
from portal import routes
from runbooks.rendering import to_html
from runbooks.service import has_page


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
    """A question, the sentence about what was found, and the passages."""

    question: str = ""
    said: str = ""
    tone: str = ""
    rows: list[PassageRow] = field(default_factory=list)


def to_ask(question: str, findings: Findings, lang: Lang) -> AskView:
    """The findings as the page shows them; where the pages do not say it, that is said first."""
    key = "found" if findings.is_answered else "near" if findings.passages else "nothing"
    return AskView(
        question=question,
        said=text(f"page.ask.said.{key}", lang),
        tone="" if findings.is_answered else "warn",
        rows=[_to_row(passage.chunk, lang) for passage in findings.passages],
    )


def _to_row(chunk: Chunk, lang: Lang) -> PassageRow:
    is_page = has_page(chunk.name)
    return PassageRow(
        title=chunk.title,
        where=chunk.heading
        if is_page
        else text("page.ask.document", lang, name=chunk.name, heading=chunk.heading),
        url=routes.runbook(chunk.name) if is_page else "",
        html="".join(map(_to_html, chunk.lines)),
        direction="rtl" if chunk.lang == "fa" else "ltr",
    )


def _to_html(line: Line) -> str:
    code = f"\n\n```\n{line.code}\n```" if line.code else ""
    return to_html(line.text + code)
