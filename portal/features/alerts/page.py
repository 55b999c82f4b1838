"""The page of alerts: whether somebody watches, what fires now in groups, and what fired before."""

import reflex as rx

from portal import routes
from portal.components.answer import answer
from portal.components.basics import link, page_head, tile, tiles
from portal.components.listing import LIST, choice_links, list_region, page_links, search_form
from portal.components.status import empty_state, note
from portal.components.table import TableColumn, data_table
from portal.features.alerts.parts import alert_name, group_card, severity_badge
from portal.features.alerts.rows import WatchLine
from portal.features.alerts.silence_parts import ENDED_ANSWER, ending_note, silence_card
from portal.features.alerts.state import HISTORY, SILENCES, AlertsState
from portal.features.alerts.wording_parts import wording_line
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.live import live_note
from portal.loaded import loaded
from portal.pages import Group
from portal.place import SEARCH
from portal.typed import either, is_filled


@page(
    routes.ALERTS,
    "page.alerts.title",
    STAFF,
    nav="page.alerts.nav",
    group=Group.WATCH,
    order=20,
    on_load=[AlertsState.load, AlertsState.follow],
)
def alerts() -> rx.Component:
    """The alarms about watching itself, then the chosen view."""
    return rx.fragment(
        page_head(t("page.alerts.heading"), t("page.alerts.intro")),
        live_note(AlertsState),
        loaded(AlertsState, _alerts(), lines=8),
    )


def _alerts() -> rx.Component:
    shown = AlertsState.view
    return rx.fragment(
        rx.foreach(shown.watch.alarms, _alarm),
        rx.foreach(shown.ending, ending_note),
        tiles(
            tile(t("page.alerts.firing"), shown.firing, shown.watch.looked),
            tile(t("page.alerts.muted"), shown.muted, t("page.alerts.muted_note"), quiet=True),
        ),
        choice_links(shown.tabs),
        rx.match(shown.tab, (HISTORY, _history()), (SILENCES, _silences()), _now()),
    )


def _alarm(line: WatchLine) -> rx.Component:
    return note(line.sentence, tone=line.tone)


def _now() -> rx.Component:
    shown = AlertsState.view
    return rx.el.section(
        rx.el.details(
            rx.el.summary(t("page.alerts.filters")),
            choice_links(shown.severities),
            rx.cond(is_filled(shown.services), choice_links(shown.services), rx.fragment()),
            rx.cond(shown.has_muted, choice_links(shown.mutings), rx.fragment()),
            open=shown.pager.is_narrowed,
            class_name="filters",
        ),
        rx.cond(
            is_filled(shown.groups),
            rx.fragment(wording_line(shown.wording), rx.foreach(shown.groups, group_card), _pages()),
            rx.el.div(_nothing(), class_name="card"),
        ),
        id=LIST,
        tab_index=-1,
        aria_label=t("page.alerts.now"),
        class_name="stack",
        custom_attrs={"data-list": shown.pager.here},
    )


def _nothing() -> rx.Component:
    """Silence is good news only while somebody watches."""
    return rx.cond(
        AlertsState.view.watch.is_well,
        rx.cond(
            AlertsState.view.pager.is_narrowed,
            empty_state(t("page.alerts.none_fits"), t("page.alerts.none_fits_why")),
            empty_state(t("page.alerts.none"), t("page.alerts.none_why")),
        ),
        empty_state(t("page.alerts.unknown"), t("page.alerts.unknown_why")),
    )


def _pages() -> rx.Component:
    """The way to the other pages, where there are any."""
    pager = AlertsState.view.pager
    return rx.cond(either(pager.previous != "", pager.following != ""), page_links(pager), rx.fragment())


def _history() -> rx.Component:
    shown = AlertsState.view
    table = data_table(
        shown.past,
        [
            TableColumn(head=t("page.alerts.alert"), cell=alert_name, leads=True),
            TableColumn(head=t("page.alerts.severity"), cell=severity_badge),
            TableColumn(head=t("page.alerts.started"), cell=lambda row: row.started, opens=True),
            TableColumn(head=t("page.alerts.lasted"), cell=lambda row: row.lasted),
            TableColumn(head=t("page.alerts.ended"), cell=lambda row: row.ended, is_wide=True, opens=True),
            TableColumn(head=t("page.alerts.notes"), cell=lambda row: row.notes, is_wide=True, opens=True),
        ],
        caption=t("page.alerts.history"),
        key=lambda row: row.key,
        name=lambda row: rx.Var.create(f"{row.name} · {row.started}"),
    )
    return rx.el.section(
        search_form(t("page.alerts.search"), name=SEARCH, value=shown.wanted, others=_tab_field()),
        choice_links(shown.severities),
        rx.foreach(shown.gaps, lambda gap: note(gap, tone="warn")),
        rx.el.div(
            rx.cond(
                is_filled(shown.past),
                rx.fragment(list_region(t("page.alerts.history"), table, pager=shown.pager)),
                empty_state(t("page.alerts.no_history"), t("page.alerts.no_history_why")),
            ),
            class_name="card",
        ),
        class_name="stack",
    )


def _silences() -> rx.Component:
    shown = AlertsState.view
    return rx.el.section(
        rx.cond(
            shown.can_act,
            rx.el.div(
                link(t("page.alerts.new_silence"), routes.NEW_SILENCE, class_name="btn primary"),
                class_name="row",
            ),
            rx.fragment(),
        ),
        answer(
            ENDED_ANSWER,
            (AlertsState.ended, "ok", "ended"),
            (AlertsState.end_problem, "bad", "end-problem"),
        ),
        rx.cond(
            is_filled(shown.silences),
            rx.fragment(rx.foreach(shown.silences, silence_card), _pages()),
            rx.el.div(
                empty_state(t("page.alerts.no_silences"), t("page.alerts.no_silences_why")), class_name="card"
            ),
        ),
        id=LIST,
        tab_index=-1,
        aria_label=t("page.alerts.silences"),
        class_name="stack",
        custom_attrs={"data-list": shown.pager.here},
    )


def _tab_field() -> rx.Component:
    return rx.el.input(type="hidden", name="tab", value=HISTORY)
