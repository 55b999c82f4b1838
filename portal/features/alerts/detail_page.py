"""The page of one alert: what it means and since when, its rule with a small chart, whom it concerns, what to do."""

import reflex as rx

from portal import routes
from portal.components.basics import badge, card, fact_if, link, page_head
from portal.components.listing import list_region
from portal.components.runbook import runbook_text
from portal.components.runs import action_links
from portal.components.status import empty_state, note, skeleton
from portal.components.table import TableColumn, data_table
from portal.features.alerts.detail_rows import ConcernRow, LabelRow
from portal.features.alerts.detail_state import AlertState
from portal.features.alerts.parts import deploys_before
from portal.features.alerts.rows import WatchLine
from portal.features.alerts.trend_parts import trend_chart
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.typed import is_filled


@page(
    routes.ALERT,
    "page.alerts.alert_title",
    STAFF,
    on_load=[AlertState.load, AlertState.follow, AlertState.measure],
)
def alert() -> rx.Component:
    """An alert with all that is known of it."""
    return rx.fragment(live_note(AlertState), loaded(AlertState, _alert(), lines=12))


def _alert() -> rx.Component:
    shown = AlertState.view
    silence = link(t("page.alerts.silence_heading"), shown.silence_url, class_name="btn primary")
    return rx.fragment(
        page_head(shown.name, shown.said, rx.cond(shown.can_act & shown.is_firing, silence, rx.fragment())),
        rx.el.p(
            rx.el.span(shown.code, class_name="ltr"),
            " · ",
            link(t("page.alerts.back"), routes.ALERTS),
            class_name="small muted",
        ),
        rx.foreach(shown.watch.alarms, _alarm),
        _facts(),
        action_links(shown.actions),
        _trend(),
        _runbook(),
        _events(),
        _past(),
        _labels(),
    )


def _alarm(line: WatchLine) -> rx.Component:
    return note(line.sentence, tone=line.tone)


def _facts() -> rx.Component:
    shown = AlertState.view
    return rx.el.section(
        rx.el.dl(
            rx.el.div(rx.el.dt(t("page.alerts.severity")), rx.el.dd(badge(shown.severity, shown.tone))),
            rx.el.div(rx.el.dt(t("page.alerts.since")), rx.el.dd(shown.since)),
            rx.el.div(rx.el.dt(t("page.alerts.lasting")), rx.el.dd(shown.lasted)),
            rx.el.div(rx.el.dt(t("page.alerts.end")), rx.el.dd(shown.ended)),
            fact_if(shown.muted_by != "", t("page.alerts.muted_label"), shown.muted_by),
            class_name="facts",
        ),
        rx.cond(
            is_filled(shown.concerned),
            rx.el.div(
                rx.el.h3(t("page.alerts.concerned")),
                rx.el.ul(rx.foreach(shown.concerned, _concern), class_name="concerned"),
            ),
            rx.fragment(),
        ),
        deploys_before(shown.deploys),
        class_name="card card-body form",
    )


def _concern(row: ConcernRow) -> rx.Component:
    value = rx.cond(row.url != "", link(row.value, row.url), rx.el.span(row.value, class_name="outside"))
    return rx.el.li(rx.el.span(row.kind, ": ", class_name="muted"), value)


def _trend() -> rx.Component:
    shown = AlertState.trend
    told = rx.cond(
        shown.problem != "",
        note(shown.problem, tone="warn"),
        rx.fragment(
            rx.cond(
                shown.is_empty,
                rx.el.p(t("page.alerts.no_values"), class_name="muted"),
                rx.fragment(
                    rx.el.p(t("page.alerts.measured_hours"), class_name="muted small"), trend_chart(shown)
                ),
            ),
            rx.el.div(
                rx.el.h3(t("page.alerts.expression")),
                rx.el.pre(rx.el.code(shown.expression), class_name="expression", dir="ltr", tab_index=0),
                rx.cond(shown.hold != "", rx.el.p(shown.hold, class_name="small muted"), rx.fragment()),
                rx.cond(
                    shown.url != "",
                    rx.el.a(
                        t("page.alerts.in_prometheus"),
                        href=shown.url,
                        target="_blank",
                        rel="noopener noreferrer",
                    ),
                    rx.fragment(),
                ),
            ),
        ),
    )
    waiting = skeleton(4, t("page.alerts.measuring"))
    return card(t("page.alerts.measured"), rx.cond(AlertState.trend_phase == "ready", told, waiting))


def _runbook() -> rx.Component:
    shown = AlertState.view
    nothing = empty_state(t("page.alerts.no_runbook"), t("page.alerts.no_runbook_why"))
    return card(
        t("page.alerts.runbook"),
        rx.cond(shown.runbook != "", runbook_text(shown.runbook), nothing),
        flush=True,
    )


def _events() -> rx.Component:
    lines = rx.el.ul(rx.foreach(AlertState.view.events, _event), class_name="course")
    return card(t("page.alerts.events"), lines)


def _event(sentence: str) -> rx.Component:
    return rx.el.li(sentence)


def _past() -> rx.Component:
    shown = AlertState.view
    table = data_table(
        shown.past,
        [
            TableColumn(head=t("page.alerts.started"), cell=lambda row: row.started, leads=True),
            TableColumn(head=t("page.alerts.lasted"), cell=lambda row: row.lasted),
            TableColumn(head=t("page.alerts.ended"), cell=lambda row: row.ended, is_wide=True, opens=True),
            TableColumn(head=t("page.alerts.notes"), cell=lambda row: row.notes, is_wide=True, opens=True),
        ],
        caption=t("page.alerts.past"),
        key=lambda row: row.key,
        name=lambda row: row.started,
    )
    return card(
        t("page.alerts.past"), list_region(t("page.alerts.past"), table, pager=shown.pager), flush=True
    )


def _labels() -> rx.Component:
    shown = AlertState.view
    return card(
        t("page.alerts.labels"),
        rx.el.dl(rx.foreach(shown.labels, _label), rx.foreach(shown.notes, _label), class_name="facts"),
    )


def _label(row: LabelRow) -> rx.Component:
    return rx.el.div(rx.el.dt(row.name), rx.el.dd(row.value, class_name="outside"))
