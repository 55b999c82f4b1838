"""The manual's pages as tests read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
LANGUAGES = ("fa", "en")
_FENCE = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(.*?)$(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) +(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code: the mark above it, the language behind its fence, and its lines."""

    mark: str
    info: str
    text: str


def pages(lang: str) -> dict[str, str]:
    """Every page of a language by its file's name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((DOCS / lang).glob("*.md"))}


def blocks(page: str) -> Iterator[Block]:
    """The blocks of code of a page."""
    return (
        Block(mark=found[1] or "", info=found[2].strip(), text=found[3].strip("\n"))
        for found in _FENCE.finditer(page)
    )


def without_blocks(page: str) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page)


def headings(page: str) -> list[tuple[int, str]]:
    """Level and words of each heading."""
    return [(len(found[1]), found[2]) for found in _HEADING.finditer(without_blocks(page))]


def prose(page: str, *, code: str = "آن") -> str:
    """What a page says in words: a word for code, without addresses of links and marks of Markdown."""
    said = re.sub(r"`[^`]*`", code, without_blocks(page))
    said = re.sub(r'^!!! \w+ "(.*)"$', r"\1", said, flags=re.MULTILINE)
    said = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", said)
    said = re.sub(r"<[^>]+>|\*|^#+ |\{[^}]*\}|^ *-{3,}.*$", "", said, flags=re.MULTILINE)
    return re.sub(r" *\|[ -]*", "\n", said)


def known_tests() -> set[str]:
    """The names of all tests."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
