"""The form of an action: what it does, its fields, why its button is grey, and the way to its plan."""

import reflex as rx

from portal import routes
from portal.components.answer import ANOTHER_PAGE, answer, answered_by
from portal.components.basics import badge, button, card, fact_if, link, page_head
from portal.components.runs import step_list
from portal.components.status import note
from portal.features.runbooks.form_rows import ActionObstacle, FieldView, ValueChoice
from portal.features.runbooks.form_state import ActionFormState
from portal.guard import STAFF
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.typed import is_filled, sent
from runbooks.form_rules import LONGEST_VALUE

ANSWER, OBSTACLES = "answer-action", "action-obstacles"


@page(
    routes.ACTION,
    "page.action.title",
    STAFF,
    on_load=[ActionFormState.load],
)
def action() -> rx.Component:
    """The form; nothing is started here: its button asks for a plan."""
    return loaded(ActionFormState, _action(), retry=ActionFormState.look, lines=10)


def _action() -> rx.Component:
    shown = ActionFormState.view
    return rx.fragment(
        page_head(shown.title, shown.what, badge(shown.risk, shown.risk_tone)),
        rx.el.p(
            rx.cond(
                shown.origin != "",
                rx.el.span(
                    t("page.action.from_alert"),
                    " ",
                    link(shown.origin, shown.origin_url),
                    " · ",
                    class_name="began-from",
                ),
                rx.fragment(),
            ),
            link(t("page.action.all"), routes.RUNBOOKS),
            " · ",
            link(t("page.action.runs"), routes.RUNS + "?action=" + shown.name),
            " · ",
            link(t("page.action.runbook"), routes.RUNBOOKS + "/" + shown.name),
            class_name="small muted",
        ),
        rx.foreach(shown.not_offered, lambda each: note(each, tone="warn", data_testid="not-offered")),
        rx.el.div(_form(), _facts(), class_name="columns"),
    )


def _form() -> rx.Component:
    shown = ActionFormState.view
    return card(
        t("page.action.fields"),
        rx.el.form(
            rx.el.div(rx.foreach(shown.fields, _field), class_name="form"),
            rx.el.div(
                rx.cond(is_filled(shown.obstacles), _obstacles(), rx.fragment()),
                rx.cond(shown.is_unknown, note(t("page.action.unknown"), tone="warn"), rx.fragment()),
                id=OBSTACLES,
                tab_index=-1,
                aria_live="polite",
            ),
            answer(ANSWER, (ActionFormState.action_problem, "bad", "action-problem")),
            rx.cond(
                ActionFormState.can_act, _button(), rx.el.p(t("page.action.reads_only"), class_name="muted")
            ),
            on_submit=ActionFormState.ask,
            class_name="form",
            custom_attrs=answered_by(
                ANOTHER_PAGE, **{"data-secrets": routes.POST_RUN_INPUT, "data-lost": t("state.post_lost")}
            ),
            key=shown.name,
        ),
    )


def _button() -> rx.Component:
    return rx.el.div(
        rx.el.span(t("page.action.plan_first"), class_name="hint"),
        button(
            t("page.action.make_plan"),
            kind="primary",
            type="submit",
            disabled=ActionFormState.view.is_blocked | ActionFormState.is_working,
        ),
        class_name="row between",
    )


def _obstacles() -> rx.Component:
    return note(
        rx.el.strong(t("page.action.blocked")),
        rx.el.ul(rx.foreach(ActionFormState.view.obstacles, _obstacle), class_name="course"),
        tone="warn",
        data_testid="obstacles",
    )


def _obstacle(each: ActionObstacle) -> rx.Component:
    there = rx.cond(each.url != "", rx.fragment(" ", link(each.url_words, each.url)), rx.fragment())
    return rx.el.li(each.sentence, there)


def _field(each: FieldView) -> rx.Component:
    box = rx.match(
        each.kind,
        ("choice", _choice(each)),
        ("secret", _secret(each)),
        ("number", _text(each, input_mode="numeric", dir="ltr")),
        _text(each, dir="auto"),
    )
    return rx.el.div(
        rx.el.label(each.label, html_for=each.element_id),
        rx.cond(each.hint != "", rx.el.p(each.hint, class_name="hint"), rx.fragment()),
        box,
        rx.cond(
            each.problem != "", rx.el.p(each.problem, class_name="field-error", role="alert"), rx.fragment()
        ),
        class_name="field",
        key=each.key,
    )


def _choice(each: FieldView) -> rx.Component:
    return rx.el.select(
        rx.foreach(each.choices, _option),
        id=each.element_id,
        name=each.name,
        default_value=each.value,
        on_change=lambda value: sent(ActionFormState.fill, each.name, value),
        class_name="input",
        custom_attrs=answered_by(OBSTACLES),
    )


def _option(choice: ValueChoice) -> rx.Component:
    return rx.el.option(choice.title, value=choice.value)


def _text(each: FieldView, **props: object) -> rx.Component:
    return rx.el.input(
        id=each.element_id,
        name=each.name,
        default_value=each.value,
        max_length=LONGEST_VALUE,
        auto_complete="off",
        on_blur=lambda value: sent(ActionFormState.fill, each.name, value),
        class_name="input",
        custom_attrs=answered_by(OBSTACLES),
        **props,
    )


def _secret(each: FieldView) -> rx.Component:
    """The page's script posts it by itself (assets/portal.js); the form holds only the name that came back.

    The box has no name, so no form holds what is typed, and no event carries it.
    """
    return rx.fragment(
        rx.el.input(
            id=each.element_id,
            type="password",
            auto_complete="off",
            dir="ltr",
            class_name="input",
            custom_attrs={"data-secret": each.name},
        ),
        rx.el.input(type="hidden", name=each.name, default_value=""),
        rx.el.p(class_name="field-error", role="alert", custom_attrs={"data-secret-problem": each.name}),
    )


def _facts() -> rx.Component:
    shown = ActionFormState.view
    return card(
        t("page.action.what_happens"),
        rx.el.div(
            rx.el.p(shown.risk_says),
            step_list(shown.steps),
            rx.el.dl(
                rx.el.div(rx.el.dt(t("page.action.undo")), rx.el.dd(shown.undo)),
                rx.el.div(rx.el.dt(t("page.action.deadline")), rx.el.dd(shown.deadline)),
                fact_if(shown.durations != "", t("page.action.durations"), shown.durations),
                class_name="facts",
            ),
            class_name="form",
        ),
    )
