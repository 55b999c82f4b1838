"""The list of runs: own and everybody's, by action, state, person, target and alert."""

import reflex as rx

from portal import routes
from portal.components.age import age
from portal.components.basics import badge, link, page_head
from portal.components.listing import choice_links, listing, search_form
from portal.components.status import note
from portal.components.table import TableColumn, data_table
from portal.features.runbooks.list_rows import ACTION, ALERT, STATE, TARGET, WHO, ListedRun, NarrowLink
from portal.features.runbooks.list_state import RunsState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.pages import Group
from portal.place import Choice
from portal.typed import is_filled


@page(
    routes.RUNS,
    "page.runs.title",
    STAFF,
    nav="page.runs.nav",
    group=Group.WATCH,
    order=27,
    on_load=[RunsState.load, RunsState.follow],
)
def runs() -> rx.Component:
    """Every run, the newest first."""
    shown = RunsState.view
    return rx.fragment(
        page_head(
            t("page.runs.heading"), t("page.runs.intro"), link(t("page.runs.actions"), routes.RUNBOOKS)
        ),
        live_note(RunsState),
        rx.cond(
            shown.waiting != "",
            note(link(shown.waiting, shown.waiting_url), tone="warn", data_testid="waiting"),
            rx.fragment(),
        ),
        loaded(RunsState, _runs(), lines=10),
    )


def _runs() -> rx.Component:
    shown = RunsState.view
    return rx.fragment(
        rx.el.details(
            rx.el.summary(t("page.runs.filters")),
            choice_links(shown.states),
            choice_links(shown.actions),
            search_form(t("page.runs.target"), name=TARGET, value=shown.target, others=_kept()),
            open=shown.pager.is_narrowed,
            class_name="filters",
        ),
        rx.cond(
            is_filled(shown.narrowed),
            rx.el.nav(
                rx.foreach(shown.narrowed, _narrowed), class_name="row", aria_label=t("page.runs.narrowed")
            ),
            rx.fragment(),
        ),
        listing(t("page.runs.heading"), shown.rows, _table(), pager=shown.pager, choices=shown.whose),
    )


def _kept() -> rx.Component:
    """A search for a target keeps what else the list is narrowed to."""
    kept = RunsState.view.kept
    values = {ACTION: kept.action, WHO: kept.who, STATE: kept.state, ALERT: kept.alert}
    return rx.fragment(
        *[rx.el.input(type="hidden", name=name, value=value) for name, value in values.items()]
    )


def _narrowed(choice: Choice) -> rx.Component:
    return rx.el.span(
        badge(choice.title, "info"), " ", link(t("page.runs.widen"), choice.url, class_name="small")
    )


def _table() -> rx.Component:
    return data_table(
        RunsState.view.rows,
        [
            TableColumn(head=t("page.runs.action"), cell=lambda row: link(row.title, row.url), leads=True),
            TableColumn(head=t("page.runs.state"), cell=lambda row: badge(row.state, row.tone)),
            TableColumn(head=t("page.runs.target"), cell=_targets, opens=True, is_wide=True),
            TableColumn(head=t("page.runs.who"), cell=lambda row: _narrow(row.who), opens=True, is_wide=True),
            TableColumn(head=t("page.runs.asked"), cell=_asked, opens=True),
            TableColumn(head=t("page.runs.took"), cell=lambda row: row.took, opens=True),
            TableColumn(head=t("page.runs.alert"), cell=_alert, opens=True, is_wide=True),
        ],
        caption=t("page.runs.heading"),
        key=lambda row: row.key,
        name=lambda row: row.title,
    )


def _asked(row: ListedRun) -> rx.Component:
    return rx.el.div(
        rx.el.span(row.asked, class_name="num"), rx.el.div(age(row.asked_s), class_name="small muted")
    )


def _targets(row: ListedRun) -> rx.Component:
    return rx.el.div(rx.foreach(row.targets, lambda each: rx.el.div(_narrow(each))))


def _alert(row: ListedRun) -> rx.Component:
    return rx.cond(row.alert.url != "", _narrow(row.alert), rx.fragment())


def _narrow(each: NarrowLink) -> rx.Component:
    return link(each.title, each.url, class_name="names", custom_attrs={"data-turns": "1"})
