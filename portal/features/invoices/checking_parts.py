"""Payments that are being checked with the bank, and the button that asks it now; on the list and on an invoice."""

from typing import Any

import reflex as rx

from portal.components.answer import answer, answered_by
from portal.components.basics import button, card
from portal.i18n import t
from portal.visitor import VisitorState

CHECK_ANSWER = "answer-check"


def checking_card(state: Any) -> rx.Component:
    """Payments under check and their meaning, above anything about paying. ``state`` is the page's own."""
    ask = button(
        rx.cond(state.is_checking, t("payment.check.asking"), t("payment.check.now")),
        on_click=state.check_now,
        disabled=state.is_checking,
        custom_attrs=answered_by(CHECK_ANSWER),
    )
    shown = card(
        t("payment.check.heading"),
        rx.el.div(
            rx.foreach(state.view.check.sentences, rx.el.p),
            rx.cond(VisitorState.visitor.is_staff, rx.fragment(), rx.el.div(ask, class_name="row")),
            class_name="form",
        ),
        data_testid="being-checked",
        custom_attrs={"data-no-print": "1"},
    )
    return rx.fragment(
        rx.cond(state.view.check.is_shown, shown, rx.fragment()),
        answer(
            CHECK_ANSWER,
            (state.check_answer, rx.cond(state.is_check_settled, "ok", "warn"), "check-answer"),
        ),
    )
