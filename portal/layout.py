"""The frame around every page: account, navigation, language and theme."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import reflex as rx
from reflex_components_core.core.banner import has_connection_errors

from backend.actor import Role
from backend.i18n.catalog import text
from portal import pages, routes
from portal.components.answer import ANOTHER_PAGE, CONTENT, answer_region, answered_by
from portal.components.basics import PlainLink, button, link, post_form
from portal.components.status import error_panel, lost_since, note
from portal.guard import ConnectionState
from portal.i18n import by_language, language_mark, script_needed, t
from portal.navigation import navigation
from portal.pages import Group, Page
from portal.visitor import VisitorState


def frame(content: rx.Component) -> rx.Component:
    """A page with everything around it."""
    return rx.fragment(
        PlainLink.create(t("nav.skip"), href="#content", class_name="skip"),
        _top_bar(),
        _development(),
        _sandbox_banner(),
        rx.el.main(_notices(), _frame_problem(), content, id="content", class_name="page", tab_index=-1),
        rx.el.footer(t("brand.footer"), class_name="foot"),
    )


def bare_frame(content: rx.Component) -> rx.Component:
    """A page without navigation, for visitors who are not signed in."""
    return rx.fragment(
        rx.el.header(
            rx.el.div(
                _brand(),
                rx.el.div(language_link(), theme_button(), class_name="tools"),
                class_name="topbar-in",
            ),
            class_name="topbar",
        ),
        _development(),
        rx.el.main(_notices(), content, id="content"),
    )


def language_link() -> rx.Component:
    """Link to the other language: a full page load, so that the languages never mix."""
    return rx.el.a(
        by_language("English", "فارسی"),
        href=by_language("/lang/en", "/lang/fa"),
        reload_document=True,
        lang=by_language("en", "fa"),
        class_name="tool",
        custom_attrs={"data-language": "1"},
    )


def theme_button() -> rx.Component:
    """Light or dark; the page changes at once, the server only remembers."""
    return rx.el.button(
        _icon(
            "M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4m0-12.8L17 7M7 17l-1.4 1.4"
            "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0",
            "when-dark",
        ),
        _icon("M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5", "when-light"),
        type="button",
        class_name="tool",
        aria_label=t("nav.theme"),
        title=t("nav.theme"),
        custom_attrs={"data-theme-toggle": "1"},
    )


def _top_bar() -> rx.Component:
    visitor = VisitorState.visitor
    return rx.el.header(
        rx.el.div(
            _brand(),
            rx.cond(visitor.company != "", rx.el.span(visitor.company, class_name="company"), rx.fragment()),
            navigation(),
            rx.el.div(language_link(), theme_button(), _user_menu(), class_name="tools"),
            class_name="topbar-in",
        ),
        class_name="topbar",
    )


def _development() -> rx.Component:
    """Over every page outside production. The boot script shows it before the first paint, so nothing moves."""
    return rx.el.div(t("state.development"), class_name="development")


def _sandbox_banner() -> rx.Component:
    """Over every page while the gateway's sandbox is in use, for staff too: nothing that is paid here is real.

    It is in every page and shown by the boot script's mark, so that nothing has to make way for it later.
    """
    return rx.el.div(t("payment.sandbox_gateway"), class_name="banner sandbox-gateway", role="note")


def _brand() -> rx.Component:
    return link(
        rx.fragment(
            rx.el.img(src="/favicon.svg", alt="", class_name="brand-mark"),
            rx.el.span(t("brand.name"), class_name="brand-name"),
        ),
        routes.HOME,
        class_name="brand",
        aria_label=t("brand.name"),
        reload_document=True,
    )


def _user_menu() -> rx.Component:
    visitor = VisitorState.visitor
    return rx.el.details(
        rx.el.summary(
            rx.el.span(visitor.initial, class_name="avatar", aria_hidden="true"),
            rx.el.span(t("nav.account_menu"), class_name="visually-hidden"),
            class_name="tool",
        ),
        rx.el.div(
            rx.el.div(
                rx.el.div(visitor.name, style={"fontWeight": "650"}),
                rx.el.div(visitor.email, class_name="muted small ltr", style={"textAlign": "start"}),
                rx.el.div(visitor.role, class_name="muted small"),
                class_name="menu-who",
            ),
            link(t("nav.account"), routes.ACCOUNT, class_name="menu-item"),
            PlainLink.create(
                t("page.manual.nav"),
                href=by_language(f"{routes.MANUAL}/", f"{routes.MANUAL}/en/"),
                class_name="menu-item",
            ),
            post_form(
                rx.el.button(t("nav.sign_out"), type="submit", class_name="menu-item"),
                action=routes.POST_SIGN_OUT,
                answered_by=ANOTHER_PAGE,
            ),
            class_name="menu-box",
        ),
        class_name="menu",
    )


def _notices() -> rx.Component:
    """Notices for every page: the server is away, the database is away, or an event failed."""
    return rx.fragment(
        rx.cond(
            has_connection_errors,
            note(t("state.connection_lost"), tone="warn", custom_attrs={"data-wait-for-server": "1"}),
            rx.fragment(),
        ),
        rx.cond(
            ConnectionState.is_database_lost,
            note(
                t("error.unavailable.database"),
                lost_since(ConnectionState.database_lost_s),
                tone="bad",
                custom_attrs={"data-wait-for-server": "1"},
            ),
            rx.fragment(),
        ),
        rx.cond(
            ConnectionState.is_state_store_lost,
            note(t("state.store_lost"), tone="bad", custom_attrs={"data-wait-for-server": "1"}),
            rx.fragment(),
        ),
        rx.cond(
            ConnectionState.is_rushed,
            note(t("state.rushed"), tone="warn", custom_attrs={"data-wait-for-server": "1"}),
            rx.fragment(),
        ),
        rx.cond(
            ConnectionState.failure != "",
            note(t("error.unknown", reference=ConnectionState.failure), tone="bad"),
            rx.fragment(),
        ),
        answer_region(
            "unexpected",
            VisitorState.unexpected,
            rx.cond(VisitorState.unexpected != "", _failed(), rx.fragment()),
        ),
    )


def _failed() -> rx.Component:
    close = button(
        t("dialog.close"), kind="small", on_click=VisitorState.dismiss, custom_attrs=answered_by(CONTENT)
    )
    return note(rx.el.div(rx.el.span(VisitorState.unexpected), close, class_name="row between"), tone="bad")


def _frame_problem() -> rx.Component:
    """Asks again for a frame that could not be filled. While the database is away, the content says so already."""
    problem = VisitorState.problem
    again = rx.el.button(
        type="button",
        hidden=True,
        on_click=VisitorState.enter,
        custom_attrs=answered_by(CONTENT, **{"data-retry": "1"}),
    )
    return rx.cond(
        problem.passes,
        again,
        rx.cond(problem.text != "", error_panel(problem, VisitorState.enter), rx.fragment()),
    )


def _icon(path: str, class_name: str) -> rx.Component:
    return rx.el.svg(
        rx.el.path(d=path),
        class_name=class_name,
        custom_attrs={
            "viewBox": "0 0 24 24", "fill": "none", "stroke": "currentColor", "strokeWidth": "1.8",
            "strokeLinecap": "round", "aria-hidden": "true",
        },
    )  # fmt: skip


def page(
    route: str,
    title: str,
    roles: frozenset[Role] = frozenset(),
    *,
    nav: str = "",
    group: Group | None = None,
    order: int = 0,
    on_load: Sequence[Any] = (),
    bare: bool = False,
) -> Callable[[Callable[[], rx.Component]], Callable[[], rx.Component]]:
    """Register a page: all that the rest of the portal knows of it stands here.

    Args:
        route: its address; a part in brackets differs from page to page.
        title: the catalogue key of what the browser calls it.
        roles: whom it is for; nobody named means everybody, signed in or not.
        nav: the catalogue key of its entry in the bar; without one it has none.
        group: the group of the bar that the entry stands in.
        order: the entry's place among its neighbours, the smallest first.
        on_load: the handlers that load its content.
        bare: without the bar, for who is not signed in.
    """

    def register(build: Callable[[], rx.Component]) -> Callable[[], rx.Component]:
        pages.register(
            Page(
                route=route,
                title=title,
                module=build.__module__,
                roles=roles,
                nav=nav,
                group=group,
                order=order,
            )
        )

        # Reflex bundles by a function's module: without the page's own, every page would load the chart of one.
        @rx.page(route=route, title=text(title, "fa"), on_load=[VisitorState.enter, *on_load])
        @wraps(build)
        def framed() -> rx.Component:
            inner = bare_frame(build()) if bare else frame(build())
            return rx.fragment(_title(title), language_mark(), script_needed(), inner, _hydrated())

        return build

    return register


def _title(key: str) -> rx.Component:
    """The prerendered title is Persian; assets/portal.js puts this one in its place when the language is another."""
    return rx.el.span(hidden=True, custom_attrs={"data-title": t(key)})


def _hydrated() -> rx.Component:
    """A marker for tests and measurements that clicks are answered from now on."""
    return rx.cond(
        rx.State.is_hydrated,
        rx.el.span(hidden=True, custom_attrs={"data-hydrated": "1"}),
        rx.fragment(),
    )
