"""Registry of the portal's pages: address, roles and entry in the bar. ``layout.page`` registers a page.

The bar, the redirects between pages and the tests read this registry, so only its own file names a page.
Whom a page is for is a courtesy for visitors; what protects data is the guard and the services.
"""

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module

from backend.actor import Role
from portal import features


class Group(StrEnum):
    """A group of staff pages by purpose. The bar shows the groups in this order."""

    WATCH = "watch"
    ACT = "act"
    MONEY = "money"
    COMPANY = "company"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page. Without roles it is for everybody, signed in or not; without ``nav`` the bar does not name it.

    ``title`` and ``nav`` are catalogue keys, ``module`` is where the page is built.
    """

    route: str
    title: str
    module: str
    roles: frozenset[Role] = frozenset()
    nav: str = ""
    group: Group | None = None
    order: int = 0

    @property
    def has_places(self) -> bool:
        """Whether the address holds something that differs, such as an invoice's id."""
        return "[" in self.route

    def is_at(self, path: str) -> bool:
        """Whether a path leads to this page."""
        parts, pattern = path.strip("/").split("/"), self.route.strip("/").split("/")
        return len(pattern) == len(parts) and all(
            want.startswith("[") or want == got for want, got in zip(pattern, parts, strict=True)
        )


_pages: dict[str, Page] = {}


def register(page: Page) -> None:
    """Remember a page.

    Raises:
        ValueError: another module has a page at this address.
    """
    known = _pages.setdefault(page.route, page)
    if known.module != page.module:
        raise ValueError(f"{known.module} and {page.module} both have a page at {page.route}")
    _pages[page.route] = page


def load_features() -> None:
    """Import every page of every feature, which registers it: modules in ``portal/features`` that are called page.

    The bundle holds one chunk for each of these modules.
    """
    for module in pkgutil.walk_packages(features.__path__, f"{features.__name__}."):
        if module.name.endswith((".page", "_page")):
            import_module(module.name)


def registered() -> list[Page]:
    """All pages, by their address."""
    return sorted(_pages.values(), key=lambda page: page.route)


def named_in_bar(group: Group | None) -> list[Page]:
    """The pages of a group that the bar names, in their order. None: those that stand in the bar by themselves."""
    found = [page for page in registered() if page.nav and page.group == group]
    return sorted(found, key=lambda page: page.order)


def roles_of_path(path: str) -> frozenset[Role] | None:
    """Roles of the page at a path, or None when no page with roles is there."""
    return next((page.roles for page in _pages.values() if page.roles and page.is_at(path)), None)


def roles_of(pages: Sequence[Page]) -> frozenset[Role]:
    """All roles that may open at least one of these pages."""
    return frozenset().union(*(page.roles for page in pages))
