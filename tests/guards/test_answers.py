"""Every control of every page names the place where its answer appears, and that place is on the page."""

from collections.abc import Iterator
from typing import Any

import pytest
import reflex as rx
from reflex_base.components.component import BaseComponent

from portal.components.answer import ANOTHER_PAGE, ASKER, CONTENT, answer, answered_by
from portal.components.basics import PostForm, button, post_form
from portal.portal import app
from portal.visitor import VisitorState

# What brings an answer to the reader: the page's script for some, the browser or a screen reader for others.
SHOWS = ("data-answer", "data-reveal", "data-list", "data-modal", "aria-live")
# Where the answer is no place on the page: the next page, the field itself, the control that asked.
ELSEWHERE = {ANOTHER_PAGE, ASKER, "the-field"}


def parts(component: Any) -> Iterator[Any]:
    """A component and everything in it, on whichever branch."""
    yield component
    for child in component.children:
        yield from parts(child)


def plain(value: Any) -> str:
    """What an attribute says, when it is the same for everybody."""
    return str(getattr(value, "_var_value", value))


def attribute(part: Any, name: str) -> str:
    """One of our own attributes of a part, or an empty string."""
    return plain(getattr(part, "custom_attrs", {}).get(name, ""))


def shows(part: Any) -> bool:
    """Whether what changes in a part reaches the reader."""
    is_known = any(name in getattr(part, "custom_attrs", {}) for name in SHOWS)
    role = plain(getattr(part, "role", ""))
    return is_known or role in {"status", "alert", "tabpanel"} or plain(part.id) == CONTENT


def unanswered(page: Any) -> list[str]:
    """Controls that name no place for their answer, or one that is not there."""
    there = {plain(part.id) for part in parts(page) if getattr(part, "id", None) is not None and shows(part)}
    return [
        f"{type(part).__name__} {sorted(part.event_triggers)} -> {place or 'nowhere'}"
        for part in controls(page)
        if (place := attribute(part, "data-answered-by")) not in there | ELSEWHERE
    ]


def controls(page: Any) -> list[Any]:
    """Everything that sends an event or a form."""
    return [part for part in parts(page) if getattr(part, "event_triggers", {}) or isinstance(part, PostForm)]


@pytest.fixture(scope="module")
def pages() -> dict[str, BaseComponent]:
    """All pages, built as the compiler builds them."""
    if "sign-in" not in app._load_events:
        app._apply_decorated_pages()
    return {
        route: page.component() if callable(page.component) else page.component
        for route, page in app._unevaluated_pages.items()
    }


def test_every_action_has_a_place_for_its_answer(pages: dict[str, BaseComponent]) -> None:
    found = {route: wrong for route, page in pages.items() if (wrong := unanswered(page))}

    assert found == {}


def test_all_pages_and_their_controls_are_looked_at(pages: dict[str, BaseComponent]) -> None:
    assert {"account", "billing", "invoices", "invoices/[invoice_id]", "payments", "usage"} <= set(pages)
    assert sum(len(controls(page)) for page in pages.values()) > 40


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({}, id="no place"),
        pytest.param(answered_by("nowhere"), id="a place that is not there"),
        pytest.param(answered_by("silent"), id="a place that tells nobody"),
    ],
)
def test_an_action_without_its_answer_is_seen(attributes: dict[str, Any]) -> None:
    act = button("x", on_click=VisitorState.dismiss, custom_attrs=attributes)
    heard = button("x", on_click=VisitorState.dismiss, custom_attrs=answered_by("said"))
    page = rx.el.div(
        rx.cond(VisitorState.unexpected != "", rx.el.p(act), rx.fragment()),
        rx.match(VisitorState.unexpected, ("a", heard), rx.fragment()),
        post_form(action="/x", answered_by="nowhere-either"),
        answer("said", (VisitorState.unexpected, "bad", "x")),
        rx.el.div(id="silent"),
    )

    assert len(unanswered(page)) == 2
