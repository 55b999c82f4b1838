"""The page of deployments: how delivery goes, and what was deployed by whom, the newest first."""

import reflex as rx

from portal import routes
from portal.components.basics import badge, link, page_head
from portal.components.listing import choice_links, listing
from portal.components.status import empty_state
from portal.features.deployments.parts import deployments_table, figures
from portal.features.deployments.state import DeploymentsState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.pages import Group
from portal.place import Choice
from portal.typed import is_filled


@page(
    routes.DEPLOYMENTS,
    "page.deployments.title",
    STAFF,
    nav="page.deployments.nav",
    group=Group.WATCH,
    order=30,
    on_load=[DeploymentsState.load, DeploymentsState.follow],
)
def deployments() -> rx.Component:
    """DORA's figures, then the ledger."""
    return rx.fragment(
        page_head(t("page.deployments.heading"), t("page.deployments.intro")),
        live_note(DeploymentsState),
        loaded(
            DeploymentsState,
            rx.cond(
                DeploymentsState.view.is_unused,
                empty_state(t("page.deployments.unused"), t("page.deployments.unused_why")),
                _deployments(),
            ),
            lines=10,
        ),
    )


def _deployments() -> rx.Component:
    shown = DeploymentsState.view
    return rx.fragment(
        figures(),
        rx.cond(is_filled(shown.services), choice_links(shown.services), rx.fragment()),
        rx.cond(
            is_filled(shown.narrowed),
            rx.el.nav(
                rx.foreach(shown.narrowed, _narrowed),
                class_name="row",
                aria_label=t("page.deployments.narrowed"),
            ),
            rx.fragment(),
        ),
        listing(
            t("page.deployments.history"),
            shown.rows,
            deployments_table(),
            pager=shown.pager,
            choices=shown.results,
        ),
    )


def _narrowed(choice: Choice) -> rx.Component:
    return rx.el.span(
        badge(rx.el.bdi(choice.title), "info"),
        " ",
        link(t("page.deployments.widen"), choice.url, class_name="small"),
    )
