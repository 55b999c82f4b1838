"""Links, buttons, badges, tiles and cards."""

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML
from reflex_components_core.react_router.dom import ReactRouterLink

from portal.i18n import t

Content = Any


class NavLink(ReactRouterLink):
    """A link that marks itself as the current page."""

    tag = "NavLink"
    alias = "PortalNavLink"


class PlainLink(BaseHTML):
    """A link that only the browser follows: within the page, or out of it. Reflex's own would ask the router."""

    tag = "a"
    href: rx.Var[str]


class PostForm(BaseHTML):
    """A form that the browser itself posts. Reflex's own form would stop it."""

    tag = "form"
    action: rx.Var[str]
    method: rx.Var[str]
    no_validate: rx.Var[bool]


def post_form(*content: Content, action: str, answered_by: str, **props: Any) -> rx.Component:
    """A plain form post, followed by a full page load. ``answered_by`` is where its answer appears (see ``answer``)."""
    attributes = {"data-answered-by": answered_by, **props.pop("custom_attrs", {})}
    return PostForm.create(*content, action=action, method="post", custom_attrs=attributes, **props)


def inline_form(*content: Content, action: str, **props: Any) -> rx.Component:
    """A form that the page itself posts, so that a mistake is told at its field and nothing that was typed is lost.

    The route answers with the next page, or with the field and a sentence. Without scripts the browser posts it.
    """
    return post_form(
        rx.el.div(
            class_name="note bad",
            role="alert",
            hidden=True,
            tab_index=-1,
            custom_attrs={"data-form-error": "1"},
        ),
        *content,
        action=action,
        answered_by="the-field",
        custom_attrs={"data-inline": "1", "data-lost": t("state.post_lost")},
        no_validate=True,
        **props,
    )


def link(content: Content, to: Any, **props: Any) -> rx.Component:
    """A link within the portal; it changes the page without loading it again."""
    return ReactRouterLink.create(content, to=to, **props)


def code_number(value: Content) -> rx.Component:
    """A number for reading out to a bank: Latin digits, left to right, selected with a click."""
    return rx.el.bdi(value, dir="ltr", class_name="code-number")


def button(content: Content, *, kind: str = "", **props: Any) -> rx.Component:
    """A button that submits nothing by itself. ``kind`` is primary, danger or small, or several of them."""
    return rx.el.button(content, type=props.pop("type", "button"), class_name=f"btn {kind}".strip(), **props)


def count_badge(count: Content, is_none: Any) -> rx.Component:
    """Badge with the number of waiting items; without any it does not warn."""
    return badge(count, rx.cond(is_none, "", "warn"))


def badge(content: Content, tone: Any = "") -> rx.Component:
    """A short word with a colour: ok, warn, bad or info. The word alone says it all; the colour only helps."""
    return rx.el.span(content, class_name=rx.Var.create(f"badge {tone}"))


def tile(
    label: Content, value: Content, note: Content = "", *, quiet: bool = False, **props: Any
) -> rx.Component:
    """A figure with its name and a remark."""
    return rx.el.dl(
        rx.el.dt(label),
        rx.el.dd(value, class_name="value num"),
        rx.el.dd(note, class_name="remark"),
        class_name="tile quiet" if quiet else "tile",
        **props,
    )


def tiles(*children: Content) -> rx.Component:
    """Tiles side by side, as many as fit."""
    return rx.el.div(*children, class_name="tiles")


def card(
    title: Content, *children: Content, aside: Content = None, flush: bool = False, **props: Any
) -> rx.Component:
    """A surface with a heading. ``flush`` lets a table reach the edges."""
    return rx.el.section(
        rx.el.div(rx.el.h2(title), rx.fragment() if aside is None else aside, class_name="card-head"),
        rx.el.div(*children, class_name="card-body flush" if flush else "card-body"),
        class_name="card",
        **props,
    )


def page_head(title: Content, subtitle: Content = "", aside: Content = None) -> rx.Component:
    """A page's own heading, the only one of the first level."""
    return rx.el.div(
        rx.el.div(rx.el.h1(title), rx.el.p(subtitle, class_name="muted")),
        rx.fragment() if aside is None else aside,
        class_name="page-head",
    )


def field(
    label: Content,
    *,
    element_id: str,
    hint: Content = None,
    words: dict[str, Any] | None = None,
    **props: Any,
) -> rx.Component:
    """A required input, with its label, a hint, and a place for its error.

    ``words`` replace the browser's own messages: ``data-mistyped``, ``data-short``. The input runs from left to right
    in
    both languages.
    """
    error_id, hint_id = f"{element_id}-error", f"{element_id}-hint"
    return rx.el.div(
        rx.el.label(label, html_for=element_id),
        rx.fragment() if hint is None else rx.el.p(hint, id=hint_id, class_name="hint"),
        rx.el.input(
            id=element_id,
            required=True,
            dir="ltr",
            class_name="input",
            custom_attrs={
                "data-missing": t("page.sign_in.missing"),
                "aria-describedby": error_id if hint is None else f"{hint_id} {error_id}",
                **(words or {}),
            },
            **props,
        ),
        rx.el.p(id=error_id, class_name="field-error", role="alert"),
        class_name="field",
    )


def fact_if(shown: Any, name: Content, value: Content) -> rx.Component:
    """A name and value that only some things have, in a list of the class ``facts``."""
    return rx.cond(shown, rx.el.div(rx.el.dt(name), rx.el.dd(value)), rx.fragment())
