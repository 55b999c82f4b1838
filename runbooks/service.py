"""Use cases of runbooks: read the page of an alert, of an action, or of a procedure."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from backend.actor import STAFF_ROLES, Actor, require_role
from backend.errors import NotFound
from backend.i18n.catalog import Lang, has
from runbooks import registry
from runbooks.rendering import to_html
from runbooks.types import PageKind, RunbookPage

PAGES = Path(__file__).with_name("pages")
_SUFFIX: Mapping[Lang, str] = {"en": ".md", "fa": ".fa.md"}


def names(actor: Actor, kind: PageKind | None = None) -> list[str]:
    """The pages of a kind, or all of them, by the alphabet. For staff."""
    require_role(actor, *STAFF_ROLES)
    known = sorted(name for name, lang in _pages() if lang == "en")
    return known if kind is None else [name for name in known if kind_of(name) is kind]


def page(actor: Actor, name: str, lang: Lang) -> RunbookPage:
    """A page. For staff. Raises NotFound for a name that is no page's, whatever it looks like."""
    require_role(actor, *STAFF_ROLES)
    html = _pages().get((name, lang))
    if html is None:
        raise NotFound
    return RunbookPage(name=name, kind=kind_of(name), html=html)


def has_page(name: str) -> bool:
    """Whether a name is one of a page."""
    return (name, "en") in _pages()


def kind_of(name: str) -> PageKind:
    """The subject of a page."""
    if name in registry.actions():
        return PageKind.ACTION
    return PageKind.ALERT if has(f"alerts.name.{name}") else PageKind.PROCEDURE


@cache
def _pages() -> Mapping[tuple[str, Lang], str]:
    """Every page as HTML. Names are looked up here and never become a path."""
    return {
        (path.name.removesuffix(_SUFFIX[lang]), lang): to_html(path.read_text(encoding="utf-8"))
        for lang in _SUFFIX
        for path in PAGES.glob(f"*{_SUFFIX[lang]}")
        if (lang == "fa") == path.name.endswith(_SUFFIX["fa"])
    }
