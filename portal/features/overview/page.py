"""The overview: the staff's first page, and the same on a wall screen by ``?wall=1``."""

import reflex as rx

from portal import routes
from portal.components.basics import link
from portal.features.overview.parts import (
    alerts,
    changes,
    chart,
    dependencies,
    headline,
    rollouts,
    services,
    silences,
    tile_group,
    troubles,
)
from portal.features.overview.state import WALL, OverviewState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.pages import Group


@page(
    routes.OVERVIEW,
    "page.overview.title",
    STAFF,
    nav="page.overview.nav",
    group=Group.WATCH,
    order=10,
    on_load=[OverviewState.load, OverviewState.follow],
)
def overview() -> rx.Component:
    """The sentence first, then what is wrong, then every figure with its page."""
    return rx.fragment(
        live_note(OverviewState),
        rx.cond(
            OverviewState.is_wall, rx.el.span(hidden=True, custom_attrs={"data-wall": "1"}), rx.fragment()
        ),
        loaded(OverviewState, _overview(), lines=10),
    )


def _overview() -> rx.Component:
    return rx.fragment(
        headline(),
        troubles(),
        services(),
        rx.el.div(alerts(), rollouts(), class_name="columns"),
        tile_group(t("page.overview.signals"), OverviewState.signals, chart()),
        tile_group(t("page.overview.works"), OverviewState.works),
        tile_group(t("page.overview.money"), OverviewState.money),
        rx.el.div(
            dependencies(), rx.el.div(changes(), silences(), class_name="column"), class_name="columns"
        ),
        rx.cond(
            OverviewState.is_wall,
            link(
                t("page.overview.leave_wall"), routes.OVERVIEW, class_name="small muted", reload_document=True
            ),
            link(
                t("page.overview.wall"),
                f"{routes.OVERVIEW}?{WALL}=1",
                class_name="small",
                reload_document=True,
            ),
        ),
    )
