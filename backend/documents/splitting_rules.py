"""Splits a document into chunks at its headings, and each chunk into lines, by the Markdown parser that shows it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from backend.documents.types import Chunk, Document, Line

# A passage is read on a phone, and five of them by a model: a long section becomes several.
MOST_CHARACTERS = 1200
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(slots=True)
class _Section:
    heading: str
    lines: list[Line] = field(default_factory=list)


def chunks_of(document: Document) -> list[Chunk]:
    """The chunks of a document, in order. Comments, which nobody sees on the page, are left out."""
    sections = _sections(_COMMENT.sub("", document.markdown))
    parts = [(section.heading, part) for section in sections for part in _parts(section.lines)]
    return [
        Chunk(
            name=document.name,
            lang=document.lang,
            number=number,
            title=document.title,
            summary=document.summary,
            heading=heading,
            lines=part,
        )
        for number, (heading, part) in enumerate(parts, 1)
    ]


def text_of(chunk: Chunk) -> str:
    """A chunk as one text, with its title and its heading."""
    lines = [part for line in chunk.lines for part in (line.text, line.code) if part]
    return "\n".join([f"{chunk.title}: {chunk.heading}", *lines])


def shown(inline: str) -> str:
    """Inline Markdown as a person reads it: no addresses and no pictures, code between backticks."""
    [node] = SyntaxTreeNode(_PARSER.parseInline(inline)).children
    return " ".join("".join(_shown(node)).split())


def _shown(node: SyntaxTreeNode) -> Iterator[str]:
    for child in node.children:
        match child.type:
            case "text":
                yield child.content
            case "code_inline":
                yield f"`{child.content}`"
            case "softbreak" | "hardbreak":
                yield " "
            case "image":
                continue
            case _:
                yield from _shown(child)


def _sections(markdown: str) -> list[_Section]:
    sections = [_Section(heading="")]
    for node in SyntaxTreeNode(_PARSER.parse(markdown)).children:
        if node.type == "heading":
            sections.append(_Section(heading=_inline(node)))
        else:
            _add(sections[-1], node)
    return sections


def _add(section: _Section, node: SyntaxTreeNode) -> None:
    if node.type in {"fence", "code_block"}:
        _add_code(section, node.content.rstrip("\n"))
        return
    section.lines.extend(_lines(node))


def _add_code(section: _Section, code: str) -> None:
    """Code belongs to the line before it, which says what it is for."""
    if not section.lines:
        section.lines.append(Line(text="", code=code))
        return
    before = section.lines[-1]
    section.lines[-1] = replace(before, code=f"{before.code}\n{code}".strip("\n"))


def _lines(node: SyntaxTreeNode) -> Iterator[Line]:
    match node.type:
        case "paragraph":
            yield Line(text=_inline(node))
        case "list_item":
            yield from _item(node)
        case "tr":
            yield Line(text=" — ".join(filter(None, (_inline(cell) for cell in node.children))))
        case "thead":
            # The heads of a table's columns say nothing by themselves.
            return
        case _:
            for child in node.children:
                yield from _lines(child)


def _item(node: SyntaxTreeNode) -> Iterator[Line]:
    section = _Section(heading="")
    for child in node.children:
        _add(section, child)
    yield from section.lines


def _inline(node: SyntaxTreeNode) -> str:
    return " ".join(" ".join(child.content for child in node.children if child.type == "inline").split())


def _parts(lines: list[Line]) -> Iterator[tuple[Line, ...]]:
    part: list[Line] = []
    size = 0
    for line in lines:
        length = len(line.text) + len(line.code)
        if part and size + length > MOST_CHARACTERS:
            yield tuple(part)
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield tuple(part)
