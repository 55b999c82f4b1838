"""The page of a pod's log. Its lines come by a stream of their own, which the page's script reads (assets/log.js)."""

import reflex as rx

from portal import routes
from portal.components.basics import badge, card, link, page_head
from portal.components.listing import choice_links
from portal.components.live_log import live_log
from portal.components.status import note
from portal.features.deploys.log_state import PodLogState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.typed import is_filled


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
        live_log(shown.stream_url, t("page.log.heading")),
        aside=badge(rx.el.bdi(shown.state, dir="ltr"), shown.tone),
        flush=True,
    )
