"""Use cases of runbooks: read the page of an alert."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from backend.actor import STAFF_ROLES, Actor, require_role
from backend.errors import NotFound
from backend.i18n.catalog import Lang
from runbooks.rendering import to_html
from runbooks.types import RunbookPage

PAGES = Path(__file__).with_name("pages")
_SUFFIX: Mapping[Lang, str] = {"en": ".md", "fa": ".fa.md"}


def names(actor: Actor) -> list[str]:
    """The alerts that have a page, by the alphabet. For staff."""
    require_role(actor, *STAFF_ROLES)
    return sorted(name for name, lang in _pages() if lang == "en")


def page(actor: Actor, name: str, lang: Lang) -> RunbookPage:
    """The page of an alert. For staff. Raises NotFound for a name that is no alert's, whatever it looks like."""
    require_role(actor, *STAFF_ROLES)
    html = _pages().get((name, lang))
    if html is None:
        raise NotFound
    return RunbookPage(name=name, html=html)


def has_page(name: str) -> bool:
    """Whether a name is one of a page."""
    return (name, "en") in _pages()


@cache
def _pages() -> Mapping[tuple[str, Lang], str]:
    """Every page as HTML. Names are looked up here and never become a path."""
    return {
        (path.name.removesuffix(_SUFFIX[lang]), lang): to_html(path.read_text(encoding="utf-8"))
        for lang in _SUFFIX
        for path in PAGES.glob(f"*{_SUFFIX[lang]}")
        if (lang == "fa") == path.name.endswith(_SUFFIX["fa"])
    }
