"""Place in a list: the page, and the filters. Both stand in the address and nowhere else.

So Back, Forward, a reload, a shared link, a lost connection and signing in again all lead to the same rows. The way to
another place is a link. The page it leads to asks ``place_of`` when it loads, and shows ``to_pager`` and ``choices``.

A page with several lists names each of them in the address: the first one's page is ``page``, the others have names of
their own, as in ``?tab=held&held=2``. A link of one list keeps the pages of the others.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import reflex as rx

from backend.free_text import storable
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import routes
from portal.guard import EVERYBODY, allow


class HasTotal(Protocol):
    """A page of a longer list."""

    @property
    def total(self) -> int:
        """Rows of the whole list."""


P = TypeVar("P", bound=HasTotal)
R = TypeVar("R")

PAGE = "page"
SEARCH = "q"
# What the page's own script writes when a tab is chosen (assets/portal.js).
TAB = "tab"
PAGE_SIZE = 20
LONGEST_WORD = 60
_LAST_PAGE = 99_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A page of a list, the first one being 1, and the words that narrow the list, by their names in the address.

    ``name`` is the list's own one; ``others`` are the pages of the other lists there, by theirs.
    """

    path: str
    page: int = 1
    words: tuple[tuple[str, str], ...] = ()
    name: str = PAGE
    others: tuple[tuple[str, int], ...] = ()

    def word(self, name: str) -> str:
        """The filter under a name; empty where there is none."""
        return dict(self.words).get(name, "")

    def first(self, size: int = PAGE_SIZE) -> int:
        """Number of rows before this page."""
        return (self.page - 1) * size

    def within(self, total: int, size: int = PAGE_SIZE) -> "Place":
        """This place, or the last page of a list that ends before it."""
        return replace(self, page=max(1, min(self.page, -(-total // size))))

    def at(self, page: int) -> "Place":
        """Another page of the same list."""
        return replace(self, page=page)

    def of(self, name: str) -> "Place":
        """The place in another list of the same page."""
        pages = {**dict(self.others), self.name: self.page}
        page = pages.pop(name, 1)
        return replace(self, name=name, page=page, others=tuple(sorted(pages.items())))

    def in_tab(self, tab: str) -> "Place":
        """The same page of the list, whose view is the chosen one; of a page's first view an empty name."""
        return replace(self.with_word(TAB, tab), page=self.page)

    def with_word(self, name: str, value: str) -> "Place":
        """The first page of the list, narrowed in another way; an empty value no more by this name."""
        others = [(known, word) for known, word in self.words if known != name]
        return replace(self, page=1, words=tuple(sorted([*others, (name, value)] if value else others)))

    @property
    def address(self) -> str:
        """The link to this place. The same place has always the same one."""
        pages = sorted([*self.others, (self.name, self.page)])
        turned = {name: str(page) for name, page in pages if page > 1}
        return routes.with_query(self.path, {**dict(self.words), **turned})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pager:
    """The range of rows, with links to this page and its neighbours; an empty link where there is no neighbour."""

    shown: str = ""
    previous: str = ""
    following: str = ""
    here: str = ""
    is_narrowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A filter of a list, and the link to it."""

    title: str
    url: str
    is_chosen: bool


def place_of(
    state: rx.State, names: Mapping[str, Collection[str] | None] | None = None, *, others: Sequence[str] = ()
) -> Place:
    """The place that a page's address names. ``names`` holds the words that each name may stand for, None for any.

    ``others`` are the names of the page's further lists; ``Place.of`` leads to them.
    Anybody can write an address: what is no page is the first one, unknown words are none, long ones are cut.
    """
    query = state.router.url.query_parameters
    words = {name: _word(query.get(name, ""), known) for name, known in (names or {}).items()}
    return Place(
        path=routes.own_path(state.router.url.path.rstrip("/")),
        page=_page(query.get(PAGE, "")),
        words=tuple(sorted((name, word) for name, word in words.items() if word)),
        others=tuple(sorted((name, _page(query.get(name, ""))) for name in others)),
    )


def page_at(place: Place, read: Callable[[int, int], P]) -> tuple[Place, P]:
    """A page of a list that is read by limit and offset, and its place: the last one where the list ends before."""
    found = read(PAGE_SIZE, place.first())
    # An old link, or rows that left this list meanwhile.
    nearest = place.within(found.total)
    return (place, found) if nearest == place else (nearest, read(PAGE_SIZE, nearest.first()))


def to_pager(place: Place, *, shown: int, total: int, lang: Lang, size: int = PAGE_SIZE) -> Pager:
    """The pager below a page of ``shown`` rows of a list of ``total`` rows."""
    first = place.first(size)
    words = text(
        "pager.shown",
        lang,
        first=fmt.number(min(first + 1, total), lang),
        last=fmt.number(first + shown, lang),
        total=fmt.number(total, lang),
    )
    return Pager(
        shown=words,
        previous=place.at(place.page - 1).address if place.page > 1 else "",
        following=place.at(place.page + 1).address if first + shown < total else "",
        here=place.address,
        is_narrowed=bool(place.words),
    )


def page_of(place: Place, rows: Sequence[R], lang: Lang) -> tuple[list[R], Pager]:
    """A page of a list that was read whole, and its pager: the last page where the list ends before the place."""
    place = place.within(len(rows))
    shown = list(rows[place.first() : place.first() + PAGE_SIZE])
    return shown, to_pager(place, shown=len(shown), total=len(rows), lang=lang)


def choices(place: Place, name: str, titles: Sequence[tuple[str, str]]) -> list[Choice]:
    """The ways to narrow a list by one name: pairs of a word in the address, empty for all, and a title."""
    return [
        Choice(title=title, url=place.with_word(name, word).address, is_chosen=place.word(name) == word)
        for word, title in titles
    ]


class PlaceState(rx.State):
    """Narrows a list to typed words by a new address; the page reads it from there."""

    @rx.event
    @allow(EVERYBODY)
    def seek(self, form: dict[str, Any]) -> Any:
        """Narrow the list of this page to the words of a form, and show its first page."""
        place = Place(path=routes.own_path(self.router.url.path.rstrip("/")))
        for name, value in list(form.items())[:10] if isinstance(form, dict) else ():
            if name != PAGE and isinstance(value, str):
                place = place.with_word(str(name), value.strip()[:LONGEST_WORD])
        return rx.redirect(place.address)


def _word(written: str, known: Collection[str] | None) -> str:
    word = storable(written).strip()[:LONGEST_WORD]
    return word if known is None or word in known else ""


def _page(written: str) -> int:
    is_number = written.isascii() and written.isdigit() and len(written) <= len(str(_LAST_PAGE))
    return max(1, int(written)) if is_number else 1
