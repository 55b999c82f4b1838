"""Navigation: built from the registry of pages, for each role with its own pages."""

from collections.abc import Sequence

import reflex as rx

from backend.actor import Role
from portal.components.basics import NavLink
from portal.i18n import t
from portal.pages import Group, Page, named_in_bar, roles_of
from portal.visitor import VisitorState


def navigation() -> rx.Component:
    """Pages without a group by themselves, then a menu for each group; a group of one page is a link to it."""
    return rx.el.nav(
        *[_entry(page) for page in named_in_bar(None)],
        *[_group(group, pages) for group in Group if (pages := named_in_bar(group))],
        class_name="nav",
        aria_label=t("nav.label"),
    )


def _entry(page: Page, class_name: str = "") -> rx.Component:
    return _for_roles(page.roles, NavLink.create(t(page.nav), to=page.route, class_name=class_name))


def _group(group: Group, pages: Sequence[Page]) -> rx.Component:
    if len(pages) == 1:
        return _entry(pages[0])
    menu = rx.el.details(
        rx.el.summary(t(f"nav.group.{group}"), _arrow()),
        rx.el.div(*[_entry(page, "menu-item") for page in pages], class_name="menu-box"),
        class_name="menu",
    )
    return _for_roles(roles_of(pages), menu)


def _for_roles(roles: frozenset[Role], content: rx.Component) -> rx.Component:
    """Show content to these roles only. A courtesy: access to the page itself is checked by the server."""
    is_theirs = rx.Var.create([str(role) for role in sorted(roles)]).contains(VisitorState.visitor.role_code)
    return rx.cond(is_theirs, content, rx.fragment())


def _arrow() -> rx.Component:
    return rx.el.svg(
        rx.el.path(d="m6 9 6 6 6-6"),
        custom_attrs={
            "viewBox": "0 0 24 24", "fill": "none", "stroke": "currentColor", "strokeWidth": "2",
            "strokeLinecap": "round", "strokeLinejoin": "round", "aria-hidden": "true",
        },
    )  # fmt: skip
