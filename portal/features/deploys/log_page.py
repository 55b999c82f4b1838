"""The page of a pod's log. Its lines come by a stream of their own, which the page's script reads (assets/log.js)."""

from typing import Any

import reflex as rx

from portal import routes
from portal.components.basics import badge, button, card, link, page_head
from portal.components.listing import choice_links
from portal.components.status import note
from portal.features.deploys.log_state import PodLogState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.typed import is_filled

SEARCH_ID = "log-search"


@page(
    routes.POD_LOG,
    "page.log.title",
    STAFF,
    on_load=[PodLogState.load, PodLogState.follow],
)
def pod_log() -> rx.Component:
    """The head with the ways to other logs, and the lines."""
    shown = PodLogState.view
    return rx.fragment(
        page_head(
            rx.el.bdi(shown.pod, dir="ltr", class_name="names"),
            link(rx.el.bdi(shown.workload, dir="ltr"), shown.workload_url),
        ),
        live_note(PodLogState),
        rx.cond(shown.freshness != "", note(shown.freshness, tone="warn"), rx.fragment()),
        loaded(PodLogState, _log(), lines=12),
    )


def _log() -> rx.Component:
    shown = PodLogState.view
    return card(
        t("page.log.heading"),
        rx.cond(is_filled(shown.containers), choice_links(shown.containers), rx.fragment()),
        choice_links(shown.runs),
        rx.el.div(
            _tools(),
            _counts(),
            rx.el.div(
                class_name="log-lines",
                dir="ltr",
                role="log",
                tab_index=0,
                aria_label=t("page.log.heading"),
                # A screen reader would read a thousand lines a second.
                custom_attrs={"data-log-lines": "1", "aria-live": "off"},
            ),
            class_name="log",
            custom_attrs={"data-log": shown.stream_url, **_words()},
        ),
        aside=badge(rx.el.bdi(shown.state, dir="ltr"), shown.tone),
        flush=True,
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


def _tools() -> rx.Component:
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
