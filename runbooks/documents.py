"""The documents that can be asked: the pages of runbooks in both languages, and what is written for operators."""

from collections.abc import Iterator, Sequence
from functools import cache

from backend.documents.types import Document
from backend.i18n.catalog import Lang
from runbooks import wording
from runbooks.service import PAGES, kind_of

_HOUSE = PAGES.parents[1]
# For operators; what remains is for those who change the code.
_DOCS = ("docs/operation.md", "docs/settings.md", "docs/trouble.md", "docs/debugging.md")


@cache
def documents() -> Sequence[Document]:
    """Every document, in a fixed order. An installation without the repository has the pages alone."""
    return (*_pages(), *_docs())


def _pages() -> Iterator[Document]:
    for path in sorted(PAGES.glob("*.md")):
        lang: Lang = "fa" if path.name.endswith(".fa.md") else "en"
        name = path.name.removesuffix(".md").removesuffix(".fa")
        yield Document(
            name=name,
            lang=lang,
            title=wording.page_title(name, kind_of(name), lang),
            summary=wording.page_says(name, kind_of(name), lang),
            markdown=path.read_text(encoding="utf-8"),
        )


def _docs() -> Iterator[Document]:
    for name in _DOCS:
        path = _HOUSE / name
        if path.is_file():
            markdown = path.read_text(encoding="utf-8")
            heading, _, rest = markdown.partition("\n")
            yield Document(name=name, lang="en", title=heading.removeprefix("# "), markdown=rest)
