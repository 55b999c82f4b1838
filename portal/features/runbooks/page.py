"""Pages of runbooks: the list of them, and one with what an alert means and what is to be done."""

import reflex as rx

from portal import routes
from portal.components.basics import badge, card, link, page_head
from portal.components.runbook import runbook_text
from portal.features.runbooks.state import ActionRow, RunbookRow, RunbooksState, RunbookState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.pages import Group


@page(
    routes.RUNBOOKS,
    "page.runbooks.title",
    STAFF,
    nav="page.runbooks.nav",
    group=Group.WATCH,
    order=25,
    on_load=[RunbooksState.load],
)
def runbooks() -> rx.Component:
    """The actions, then every alert's runbook with what the alert means for users."""
    return rx.fragment(
        page_head(
            t("page.runbooks.heading"), t("page.runbooks.intro"), link(t("page.runbooks.ask"), routes.ASK)
        ),
        loaded(RunbooksState, rx.el.div(_actions(), _pages(), class_name="columns"), lines=12),
    )


@page(routes.RUNBOOK, "page.runbook.title", STAFF, on_load=[RunbookState.load])
def runbook() -> rx.Component:
    """The subject in words, then its page; an action leads to its form."""
    return loaded(RunbookState, _runbook(), lines=12)


def _actions() -> rx.Component:
    rows = rx.el.ul(rx.foreach(RunbooksState.view.actions, _action), class_name="runbook-list")
    return card(
        t("page.runbooks.actions"),
        rows,
        aside=link(t("page.runbooks.runs"), routes.RUNS),
        data_testid="actions",
    )


def _pages() -> rx.Component:
    rows = rx.el.ul(rx.foreach(RunbooksState.view.rows, _row), class_name="runbook-list")
    return card(t("page.runbooks.pages"), rows)


def _action(row: ActionRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(link(row.title, row.url), badge(row.risk, row.risk_tone), class_name="row"),
        rx.el.div(row.said, class_name="small muted"),
    )


def _row(row: RunbookRow) -> rx.Component:
    return rx.el.li(
        link(row.name, row.url),
        " ",
        rx.el.span(row.code, class_name="ltr small muted"),
        rx.el.div(row.said, class_name="small muted"),
    )


def _runbook() -> rx.Component:
    shown = RunbookState.view
    return rx.fragment(
        page_head(shown.name, shown.said),
        rx.el.p(
            rx.el.span(shown.code, class_name="ltr"),
            " · ",
            link(t("page.runbook.all"), routes.RUNBOOKS),
            " · ",
            link(t("page.runbook.alerts"), routes.ALERTS),
            rx.cond(
                shown.start_url != "",
                rx.fragment(" · ", link(t("page.runbook.start"), shown.start_url)),
                rx.fragment(),
            ),
            class_name="small muted",
        ),
        rx.el.div(runbook_text(shown.html), class_name="card"),
    )
