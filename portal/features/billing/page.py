"""The billing page of staff; an auditor sees all of it and can do nothing."""

import reflex as rx

from portal import routes
from portal.components.answer import answer
from portal.components.basics import badge, count_badge, page_head, tile, tiles
from portal.components.status import note
from portal.components.tabs import tab_panel, tabs
from portal.features.billing.compare_parts import compare_view
from portal.features.billing.parts import (
    BILLING_ANSWER,
    held_table,
    plan_view,
    release_dialog,
    runs_table,
    unknown_table,
)
from portal.features.billing.state import BillingState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.pages import Group
from portal.typed import is_empty, is_filled


@page(
    routes.BILLING,
    "page.billing.title",
    STAFF,
    nav="page.billing.nav",
    group=Group.MONEY,
    order=10,
    on_load=[BillingState.load],
)
def billing() -> rx.Component:
    """Alarms first, then the views, then the one open question."""
    return rx.fragment(
        page_head(t("page.billing.heading"), t("page.billing.intro")),
        loaded(BillingState, _billing(), lines=10),
        rx.cond(BillingState.chosen_key != "", release_dialog(), rx.fragment()),
    )


def _billing() -> rx.Component:
    shown = BillingState.view
    return rx.fragment(
        rx.cond(
            is_filled(shown.overdue),
            note(
                rx.el.strong(t("page.billing.overdue")),
                " ",
                rx.foreach(shown.overdue, lambda day: rx.el.span(badge(day.name, "bad"), " ")),
                rx.el.p(t("page.billing.overdue_what"), class_name="small"),
                tone="bad",
            ),
            rx.fragment(),
        ),
        rx.cond(shown.mail_problem != "", note(shown.mail_problem, tone="warn"), rx.fragment()),
        tiles(
            tile(t("page.billing.open_days"), shown.open_days, t("page.billing.open_days_note")),
            tile(t("page.billing.held_count"), shown.held_count, t("page.billing.held_note")),
            tile(t("page.billing.last_run"), shown.last_run, t("page.billing.last_run_note"), quiet=True),
        ),
        rx.el.section(
            tabs(
                BillingState.tab,
                [
                    ("runs", t("page.billing.runs"), rx.fragment()),
                    (
                        "held",
                        t("page.billing.held"),
                        count_badge(shown.held_count, is_empty(shown.held)),
                    ),
                    ("unknown", t("page.billing.unknown"), rx.fragment()),
                    ("plan", t("page.billing.plan"), rx.fragment()),
                    ("compare", t("page.compare.tab"), rx.fragment()),
                ],
                on_choose=BillingState.choose_tab,
                label=t("page.billing.views"),
            ),
            answer(BILLING_ANSWER, (BillingState.done, "ok", "done")),
            tab_panel(
                rx.match(
                    BillingState.tab,
                    ("held", held_table()),
                    ("unknown", unknown_table()),
                    ("plan", plan_view()),
                    ("compare", compare_view()),
                    runs_table(),
                ),
                chosen=BillingState.tab,
            ),
            class_name="card",
        ),
    )
