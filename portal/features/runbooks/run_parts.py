"""The views of a run's page: its plan, what it waits for, and its buttons."""

from typing import Any

import reflex as rx

from portal.components.answer import ANOTHER_PAGE, answered_by
from portal.components.basics import button, card, link
from portal.components.dialog import dialog_id, reason_dialog
from portal.features.runbooks.run_rows import ChangeRow
from portal.features.runbooks.run_state import RunPageState
from portal.i18n import t
from portal.typed import is_filled

ANSWER = "answer-run"
DECLINE_TITLE = "decline-title"


def plan_card() -> rx.Component:
    """Everything that the run will change, each value before and after, and the commands that would do the same."""
    plan = RunPageState.view.plan
    return card(
        t("page.run.plan"),
        rx.el.div(
            rx.cond(
                is_filled(plan.changes),
                rx.el.div(rx.foreach(plan.changes, _change), class_name="changes"),
                rx.el.p(t("page.run.no_changes"), class_name="muted"),
            ),
            rx.cond(
                is_filled(plan.notes),
                rx.el.ul(rx.foreach(plan.notes, _note), class_name="bullets"),
                rx.fragment(),
            ),
            rx.cond(is_filled(plan.commands), _commands(), rx.fragment()),
            class_name="form",
        ),
        aside=rx.el.span(
            t("page.run.hash"), " ", rx.el.code(plan.short, title=plan.key), class_name="small muted"
        ),
        data_testid="plan",
    )


def _change(row: ChangeRow) -> rx.Component:
    return rx.el.section(
        rx.el.h3(row.what, class_name="outside"),
        rx.el.div(
            _side(t("page.run.before"), row.before, "before"),
            _side(t("page.run.after"), row.after, "after"),
            class_name="change-sides",
        ),
        class_name="change",
    )


def _side(title: Any, value: Any, name: str) -> rx.Component:
    return rx.el.figure(
        rx.el.figcaption(title, class_name="small muted"),
        rx.el.pre(rx.cond(value == "", "∅", value), dir="auto", tab_index=0, class_name="expression"),
        class_name=name,
    )


def _note(sentence: str) -> rx.Component:
    return rx.el.li(sentence, class_name="outside")


def _commands() -> rx.Component:
    return rx.el.details(
        rx.el.summary(t("page.run.commands")),
        rx.el.p(t("page.run.commands_what"), class_name="hint"),
        rx.foreach(RunPageState.view.plan.commands, _command),
        class_name="details",
    )


def _command(line: str) -> rx.Component:
    return rx.el.pre(rx.el.code(line), dir="ltr", tab_index=0, class_name="expression copied")


def decision() -> rx.Component:
    """The way to confirm a plan, or to approve another person's."""
    choices = RunPageState.view.choices
    return rx.cond(choices.confirm, _confirm(), rx.cond(choices.decide, _decide(), rx.fragment()))


def _confirm() -> rx.Component:
    shown = RunPageState.view
    return card(
        t("page.run.confirm"),
        rx.el.form(
            rx.el.input(type="hidden", name="plan", value=shown.plan.key, read_only=True),
            rx.el.p(rx.cond(shown.is_dangerous, t("page.run.confirm_dangerous"), t("page.run.confirm_says"))),
            rx.cond(shown.plan.typed != "", _typed(), rx.fragment()),
            rx.el.div(
                button(
                    rx.cond(shown.is_dangerous, t("page.run.ask_approver"), t("page.run.run_it")),
                    kind="primary",
                    type="submit",
                ),
                class_name="row end",
            ),
            on_submit=RunPageState.confirm,
            class_name="form",
            custom_attrs=answered_by(ANSWER),
            key=shown.plan.key,
        ),
        data_testid="confirm",
    )


def _typed() -> rx.Component:
    return rx.el.div(
        rx.el.label(t("page.run.type"), " ", rx.el.code(RunPageState.view.plan.typed), html_for="typed"),
        rx.el.input(
            id="typed",
            name="typed",
            required=True,
            dir="ltr",
            auto_complete="off",
            spell_check=False,
            class_name="input",
            custom_attrs={"data-missing": t("page.sign_in.missing")},
        ),
        class_name="field",
    )


def _decide() -> rx.Component:
    shown = RunPageState.view
    decline = button(
        t("page.run.decline"),
        kind="danger",
        on_click=RunPageState.ask_decline,
        custom_attrs=answered_by(dialog_id(DECLINE_TITLE)),
    )
    return card(
        t("page.run.decide"),
        rx.el.form(
            rx.el.input(type="hidden", name="plan", value=shown.plan.key, read_only=True),
            rx.el.p(t("page.run.decide_says")),
            rx.el.div(
                decline, button(t("page.run.approve"), kind="primary", type="submit"), class_name="row end"
            ),
            on_submit=RunPageState.approve,
            class_name="form",
            custom_attrs=answered_by(ANSWER),
            key=shown.plan.key,
        ),
        data_testid="decide",
    )


def decline_dialog() -> rx.Component:
    """The question for the reason of declining."""
    return reason_dialog(
        t("page.run.decline_title"),
        rx.el.p(t("page.run.decline_says"), class_name="muted"),
        label=t("page.run.reason"),
        confirm=t("page.run.decline"),
        problem=RunPageState.decline_problem,
        busy=False,
        on_submit=RunPageState.decline,
        on_close=RunPageState.close_decline,
        label_id=DECLINE_TITLE,
        answer_at=ANSWER,
    )


def buttons() -> rx.Component:
    """Everything else that can be done with the run now."""
    shown = RunPageState.view
    choices = shown.choices
    form = rx.cond(
        shown.is_ended & (shown.form_url != ""),
        link(t("page.run.form_again"), shown.form_url, class_name="btn"),
        rx.fragment(),
    )
    return rx.el.div(
        _button(choices.cancel, t("page.run.cancel"), RunPageState.cancel, ANSWER, kind="danger"),
        _button(choices.go_on, t("page.run.go_on"), RunPageState.go_on, ANSWER),
        _button(choices.undo, t("page.run.undo"), RunPageState.undo, ANOTHER_PAGE),
        _button(choices.repeat, t("page.run.repeat"), RunPageState.repeat, ANOTHER_PAGE),
        form,
        class_name="row",
    )


def _button(is_shown: Any, words: Any, handler: Any, place: str, *, kind: str = "") -> rx.Component:
    shown = button(
        words, kind=kind, on_click=handler, disabled=RunPageState.is_working, custom_attrs=answered_by(place)
    )
    return rx.cond(is_shown, shown, rx.fragment())
