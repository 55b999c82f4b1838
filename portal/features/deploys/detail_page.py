"""The page of a workload: where its rollout stands and why, its pods, revisions and events."""

import reflex as rx

from portal import routes
from portal.components.basics import link
from portal.features.deploys.detail_parts import actions, figures, head, pods, reason
from portal.features.deploys.detail_state import WorkloadState
from portal.features.deploys.history_parts import difference, events, ledger, revisions
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded


@page(
    routes.WORKLOAD,
    "page.workload.title",
    STAFF,
    on_load=[WorkloadState.load, WorkloadState.follow],
)
def workload() -> rx.Component:
    """The state first, then what hinders it, then everything below it."""
    return rx.fragment(
        live_note(WorkloadState),
        loaded(
            WorkloadState,
            rx.fragment(
                head(), reason(), actions(), figures(), pods(), ledger(), difference(), revisions(), events()
            ),
            lines=10,
        ),
        rx.el.div(link(t("page.workload.back"), routes.DEPLOYS), class_name="below"),
    )
