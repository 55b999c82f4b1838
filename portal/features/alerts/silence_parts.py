"""Parts of the list of silences."""

import reflex as rx

from portal.components.answer import answered_by
from portal.components.basics import badge, button, link
from portal.components.status import note
from portal.features.alerts.silence_rows import EndingSoon, SilenceRow
from portal.features.alerts.state import AlertsState
from portal.i18n import t
from portal.typed import is_filled, sent

ENDED_ANSWER = "silence-ended"


def ending_note(soon: EndingSoon) -> rx.Component:
    """A silence that ends soon, before what it mutes storms back."""
    extend = rx.cond(
        AlertsState.view.can_act,
        link(t("page.alerts.extend"), soon.url, class_name="btn small"),
        rx.fragment(),
    )
    return note(rx.el.div(soon.sentence, extend, class_name="row between"), tone="warn")


def silence_card(row: SilenceRow) -> rx.Component:
    """A silence with its reason, its end and its history."""
    return rx.el.article(
        rx.el.div(
            rx.el.div(
                rx.foreach(row.matchers, lambda each: rx.el.code(each, class_name="outside")),
                class_name="row",
            ),
            badge(row.state, row.tone),
            class_name="card-head",
        ),
        rx.el.div(
            rx.el.dl(
                rx.el.div(rx.el.dt(t("page.alerts.until_label")), rx.el.dd(row.until)),
                rx.el.div(rx.el.dt(t("page.alerts.by")), rx.el.dd(row.who)),
                rx.el.div(rx.el.dt(t("page.alerts.reason")), rx.el.dd(row.why)),
                class_name="facts",
            ),
            rx.cond(row.is_live, rx.el.p(row.covers, class_name="small muted"), rx.fragment()),
            rx.cond(AlertsState.view.can_act, _actions(row), rx.fragment()),
            rx.cond(
                is_filled(row.changes),
                rx.el.details(
                    rx.el.summary(t("page.alerts.changes"), class_name="small"),
                    rx.el.ul(
                        rx.foreach(row.changes, lambda each: rx.el.li(each, class_name="outside")),
                        class_name="small",
                    ),
                ),
                rx.fragment(),
            ),
            class_name="card-body form",
        ),
        class_name="card",
        key=row.key,
    )


def _actions(row: SilenceRow) -> rx.Component:
    end = button(
        t("page.alerts.end_now"),
        kind="small danger",
        on_click=sent(AlertsState.end_silence, row.key),
        disabled=AlertsState.is_ending,
        custom_attrs=answered_by(ENDED_ANSWER),
    )
    return rx.cond(
        row.is_live,
        rx.el.div(
            link(t("page.alerts.extend"), row.extend_url, class_name="btn small"), end, class_name="row"
        ),
        rx.el.div(link(t("page.alerts.again"), row.again_url, class_name="btn small"), class_name="row"),
    )
