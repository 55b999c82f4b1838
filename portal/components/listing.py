"""A list with its pages and its filters. All of them are links, for the place in a list is an address (``place``)."""

from typing import Any

import reflex as rx

from portal.components.basics import Content, button, link
from portal.components.status import empty_state
from portal.i18n import t
from portal.place import LONGEST_WORD, Choice, PlaceState

LIST = "list"


def listing(
    title: Content, rows: Any, table: Any, *, pager: Any, choices: Any = None, **props: Any
) -> rx.Component:
    """A card with the table of a list: above it the ways to narrow it, below it the way to its other pages.

    Who turns a page goes on reading at the top of the list: the page brings it into view and puts the focus there.
    """
    return rx.el.section(
        rx.el.div(rx.el.h2(title), class_name="card-head"),
        rx.fragment() if choices is None else choice_links(choices),
        rx.el.div(
            rx.cond(
                rows.length() > 0,
                rx.fragment(table, page_links(pager)),
                empty_state(t("pager.none"), t("pager.none_why")),
            ),
            class_name="card-body flush",
        ),
        id=LIST,
        class_name="card",
        tab_index=-1,
        aria_label=title,
        custom_attrs={"data-list": pager.here},
        **props,
    )


def list_region(title: Content, table: Any, *, pager: Any, element_id: str = LIST) -> rx.Component:
    """A table with the way to its other pages, inside a card that holds more than this list."""
    has_others = (pager.previous != "") | (pager.following != "")
    return rx.el.div(
        table,
        rx.cond(has_others, page_links(pager), rx.fragment()),
        id=element_id,
        role="region",
        tab_index=-1,
        aria_label=title,
        custom_attrs={"data-list": pager.here},
    )


def page_links(pager: Any) -> rx.Component:
    """Position in a long list, with links to its neighbours."""
    return rx.el.nav(
        rx.el.span(pager.shown, class_name="muted small", custom_attrs={"aria-live": "polite"}),
        rx.el.div(
            _neighbour(t("pager.previous"), pager.previous),
            _neighbour(t("pager.next"), pager.following),
            class_name="row",
        ),
        class_name="pager no-print",
        aria_label=t("pager.label"),
    )


def choice_links(choices: Any, *, counts: Any = None) -> rx.Component:
    """The ways to narrow a list, side by side; the present one is marked. ``counts`` are numbers beside them."""
    links = (
        rx.foreach(choices, _choice)
        if counts is None
        else rx.foreach(
            choices,
            lambda choice, place: _choice_link(choice, rx.Var.create(f"{choice.title} ({counts[place]})")),
        )
    )
    return rx.el.nav(links, class_name="choices no-print", aria_label=t("pager.choices"))


def search_form(label: Content, *, name: str, value: Any, others: Any = None) -> rx.Component:
    """A search field for a list. ``others`` are hidden inputs with the list's other filters."""
    return rx.el.form(
        rx.el.label(label, html_for=f"search-{name}", class_name="muted small"),
        rx.el.div(
            rx.el.input(
                id=f"search-{name}",
                name=name,
                type="search",
                default_value=value,
                # Another value from the address is another box: React keeps what was typed into the old one.
                key=value,
                max_length=LONGEST_WORD,
                auto_complete="off",
                class_name="input",
            ),
            button(t("pager.search"), type="submit"),
            class_name="search",
        ),
        rx.fragment() if others is None else others,
        on_submit=PlaceState.seek,
        role="search",
        custom_attrs={"data-answered-by": LIST},
    )


def _neighbour(title: Content, url: Any) -> rx.Component:
    there = link(title, url, class_name="btn small", custom_attrs={"data-turns": "1"})
    nowhere = rx.el.span(title, class_name="btn small", aria_disabled="true")
    return rx.cond(url != "", there, nowhere)


def _choice(choice: Choice) -> rx.Component:
    return _choice_link(choice, choice.title)


def _choice_link(choice: Choice, words: Any) -> rx.Component:
    return link(
        words,
        choice.url,
        class_name="choice",
        aria_current=rx.cond(choice.is_chosen, "true", "false"),
        custom_attrs={"data-turns": "1"},
    )
