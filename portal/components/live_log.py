"""A log that is followed live. Its lines come by a stream that the page's script reads (assets/log.js)."""

from typing import Any

import reflex as rx

from portal.components.basics import button
from portal.i18n import t

SEARCH_ID = "log-search"


def live_log(stream_url: Any, label: Any, *tools: Any, is_short: bool = False) -> rx.Component:
    """The lines of the stream at an address, with tools to stop, to jump to the end and to search."""
    return rx.el.div(
        _tools(*tools),
        _counts(),
        rx.el.div(
            class_name="log-lines limited" if is_short else "log-lines",
            dir="ltr",
            role="log",
            tab_index=0,
            aria_label=label,
            # A screen reader would read a thousand lines a second.
            custom_attrs={"data-log-lines": "1", "aria-live": "off", "data-empty": t("log.empty")},
        ),
        class_name="log",
        custom_attrs={"data-log": stream_url, **_words()},
    )


def _words() -> dict[str, Any]:
    """The sentences of the script, by the state of the stream."""
    return {
        "data-word-connecting": t("log.connecting"),
        "data-word-live": t("log.live"),
        "data-word-again": t("log.again"),
        "data-word-lost": t("log.lost"),
        "data-word-paused": t("log.paused"),
        "data-word-hidden": t("log.hidden"),
        "data-word-crowded": t("log.crowded"),
    }


def _tools(*more: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(class_name="live", role="status", custom_attrs={"data-log-status": "1"}),
        button(
            rx.fragment(
                rx.el.span(t("log.pause"), class_name="when-running"),
                rx.el.span(t("log.resume"), class_name="when-paused"),
            ),
            kind="small",
            custom_attrs={"data-log-act": "pause"},
        ),
        button(t("log.newest"), kind="small", custom_attrs={"data-log-act": "newest"}),
        rx.el.label(t("log.search"), html_for=SEARCH_ID, class_name="visually-hidden"),
        rx.el.input(
            id=SEARCH_ID,
            type="search",
            placeholder=t("log.search"),
            auto_complete="off",
            max_length=200,
            dir="auto",
            class_name="input log-search",
            custom_attrs={"data-log-search": "1"},
        ),
        *more,
        class_name="row log-tools",
    )


def _counts() -> rx.Component:
    """Numbers of lines that the script fills in; each is hidden while it is zero."""
    return rx.el.div(
        _count("found", t("log.found"), {"data-log-found": "1"}),
        _count("unseen", t("log.unseen"), {"data-log-count": "unseen"}),
        _count("older", t("log.older"), {"data-log-count": "older"}),
        _count("missed", t("log.missed"), {"data-log-count": "missed"}),
        class_name="log-counts small muted",
        role="status",
    )


def _count(name: str, words: Any, attributes: dict[str, str]) -> rx.Component:
    return rx.el.span(
        words,
        " ",
        rx.el.bdi(custom_attrs={"data-n": "1"}),
        hidden=True,
        data_testid=f"log-{name}",
        custom_attrs=attributes,
    )
