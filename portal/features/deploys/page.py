"""The list of workloads: what needs somebody first."""

from typing import Any

import reflex as rx

from portal import routes
from portal.components.age import age
from portal.components.basics import link, page_head
from portal.components.listing import LIST, choice_links, page_links, search_form
from portal.components.rollout import state_badge
from portal.components.status import empty_state, note, skeleton
from portal.components.table import TableColumn, table_in_slots
from portal.features.deploys.queries import NAMESPACE, STATE
from portal.features.deploys.state import DeploysState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.pages import Group
from portal.place import PAGE_SIZE, SEARCH
from portal.slots import slots
from portal.typed import is_filled


@page(
    routes.DEPLOYS,
    "page.deploys.title",
    STAFF,
    nav="page.deploys.nav",
    group=Group.WATCH,
    order=20,
    on_load=[DeploysState.load, DeploysState.follow],
)
def deploys() -> rx.Component:
    """Every workload, by Helm release, with the ways to narrow the list."""
    shown = DeploysState.view
    return rx.fragment(
        page_head(t("page.deploys.heading"), DeploysState.tally.summary),
        live_note(DeploysState),
        rx.cond(shown.freshness != "", note(shown.freshness, tone="warn"), rx.fragment()),
        search_form(t("page.deploys.search"), name=SEARCH, value=shown.wanted, others=_others()),
        loaded(DeploysState, _list(), lines=10),
    )


def _others() -> rx.Component:
    """The list's other filters, which a search keeps."""
    shown = DeploysState.view
    return rx.fragment(
        rx.el.input(type="hidden", name=STATE, value=shown.state, read_only=True),
        rx.el.input(type="hidden", name=NAMESPACE, value=shown.namespace, read_only=True),
    )


def _list() -> rx.Component:
    shown = DeploysState.view
    return rx.el.section(
        rx.el.div(rx.el.h2(t("page.deploys.workloads")), class_name="card-head"),
        choice_links(shown.states, counts=DeploysState.tally.counts),
        rx.cond(is_filled(shown.namespaces), choice_links(shown.namespaces), rx.fragment()),
        rx.el.div(
            rx.match(
                shown.emptiness,
                ("reading", skeleton(6, t("page.deploys.reading"))),
                ("none", empty_state(t("pager.none"), t("page.deploys.none_why"))),
                rx.fragment(_table(), page_links(shown.pager)),
            ),
            class_name="card-body flush",
        ),
        id=LIST,
        class_name="card",
        tab_index=-1,
        aria_label=t("page.deploys.workloads"),
        custom_attrs={"data-list": shown.pager.here},
    )


def _table() -> rx.Component:
    return table_in_slots(
        slots(DeploysState, PAGE_SIZE),
        [
            TableColumn(head=t("page.deploys.name"), cell=_name, leads=True),
            TableColumn(head=t("page.deploys.state"), cell=_state),
            TableColumn(head=t("page.deploys.replicas"), cell=lambda row: row.replicas, opens=True),
            TableColumn(
                head=t("page.deploys.image"),
                cell=lambda row: rx.el.bdi(row.image, dir="ltr", class_name="names"),
                opens=True,
            ),
            TableColumn(
                head=t("page.deploys.since"), cell=lambda row: age(row.since_s, title=row.since), opens=True
            ),
            TableColumn(
                head=t("page.deploys.why"),
                cell=_why,
                is_wide=True,
                opens=True,
                stays=lambda row: row.reason != "",
            ),
        ],
        caption=t("page.deploys.workloads"),
        name=lambda row: row.name,
        heading=lambda row: row.heading,
        headed=_heading,
    )


def _heading(row: Any) -> rx.Component:
    named = rx.el.bdi(row.heading, dir="ltr", class_name="names")
    return rx.cond(row.heading == "-", t("page.deploys.no_release"), named)


def _name(row: Any) -> rx.Component:
    return rx.el.div(
        link(rx.el.bdi(row.name, dir="ltr", class_name="names"), row.url),
        rx.el.div(
            rx.el.bdi(row.namespace, " · ", row.kind, dir="ltr", class_name="names"),
            class_name="muted small",
        ),
    )


def _state(row: Any) -> rx.Component:
    return state_badge(row.state, row.tone, row.mark)


def _why(row: Any) -> rx.Component:
    return rx.cond(
        row.reason != "",
        rx.el.div(
            rx.el.div(row.reason),
            rx.el.bdi(row.words, dir="ltr", class_name="small muted said names"),
            class_name="reasons",
        ),
        rx.fragment(),
    )
