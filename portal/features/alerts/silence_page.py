"""The form that silences: matchers, an end, a reason; then what it would cover, and only then the button."""

import reflex as rx

from backend.audit.rules import MAX_REASON
from portal import routes
from portal.components.answer import ANOTHER_PAGE, answer_region, answered_by
from portal.components.basics import button, card, link, page_head
from portal.components.status import note
from portal.features.alerts.silence_rows import LengthChoice
from portal.features.alerts.silence_state import FREE, SilenceFormState
from portal.guard import OPERATORS
from portal.i18n import t
from portal.layout import page
from portal.loaded import loaded
from portal.typed import is_filled

PREVIEW, SAVED = "silence-preview", "silence-saved"


@page(routes.NEW_SILENCE, "page.alerts.silence_title", OPERATORS, on_load=[SilenceFormState.load])
def silence() -> rx.Component:
    """The form, and below it what it would do."""
    is_extending = is_filled(SilenceFormState.view.fixed)
    return rx.fragment(
        page_head(
            rx.cond(is_extending, t("page.alerts.extend_heading"), t("page.alerts.silence_heading")),
            t("page.alerts.silence_intro"),
        ),
        loaded(SilenceFormState, rx.fragment(_form(is_extending), _preview())),
    )


def _form(is_extending: rx.Var[bool]) -> rx.Component:
    shown = SilenceFormState.view
    return rx.el.section(
        rx.el.form(
            rx.cond(is_extending, _fixed(), _matchers()),
            _end(),
            _reason(),
            rx.el.div(
                link(t("dialog.cancel"), routes.SILENCES, class_name="btn"),
                button(
                    rx.cond(is_extending, t("page.alerts.extend"), t("page.alerts.look")),
                    kind="primary",
                    type="submit",
                    disabled=SilenceFormState.is_working,
                ),
                class_name="row end",
            ),
            on_submit=SilenceFormState.look,
            class_name="form",
            custom_attrs=answered_by(PREVIEW),
            key=shown.matchers,
        ),
        class_name="card card-body",
    )


def _fixed() -> rx.Component:
    shown = SilenceFormState.view
    return rx.el.div(
        rx.el.span(t("page.alerts.matchers"), class_name="label"),
        rx.foreach(shown.fixed, lambda each: rx.el.code(each, class_name="outside")),
        rx.el.p(t("page.alerts.ends_now", until=shown.until), class_name="hint"),
        class_name="field",
    )


def _matchers() -> rx.Component:
    return rx.el.div(
        rx.el.label(t("page.alerts.matchers"), html_for="matchers"),
        rx.el.p(t("page.alerts.matchers_hint"), id="matchers-hint", class_name="hint"),
        rx.el.textarea(
            id="matchers",
            name="matchers",
            default_value=SilenceFormState.view.matchers,
            required=True,
            rows="5",
            dir="ltr",
            spell_check=False,
            auto_complete="off",
            class_name="input code-input",
            custom_attrs={"data-missing": t("page.sign_in.missing"), "aria-describedby": "matchers-hint"},
        ),
        class_name="field",
    )


def _end() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.label(t("page.alerts.length"), html_for="length"),
            rx.el.select(
                rx.foreach(SilenceFormState.view.lengths, _length),
                rx.el.option(t("page.alerts.free_end"), value=FREE),
                id="length",
                name="length",
                default_value="2h",
                on_change=SilenceFormState.choose_length,
                class_name="input",
                custom_attrs=answered_by("free-end"),
            ),
            class_name="field",
        ),
        answer_region("free-end", "", rx.cond(SilenceFormState.is_free, _free_end(), rx.fragment())),
    )


def _length(choice: LengthChoice) -> rx.Component:
    return rx.el.option(choice.title, value=choice.value)


def _free_end() -> rx.Component:
    return rx.el.div(
        _typed("day", t("page.alerts.end_day"), t("page.alerts.end_day_hint")),
        _typed("at", t("page.alerts.end_time"), t("page.alerts.end_time_hint")),
        class_name="form",
    )


def _typed(name: str, label: object, hint: object) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name),
        rx.el.p(hint, id=f"{name}-hint", class_name="hint"),
        rx.el.input(
            id=name,
            name=name,
            dir="ltr",
            required=True,
            max_length=20,
            auto_complete="off",
            class_name="input",
            custom_attrs={"data-missing": t("page.sign_in.missing"), "aria-describedby": f"{name}-hint"},
        ),
        class_name="field",
    )


def _reason() -> rx.Component:
    return rx.el.div(
        rx.el.label(t("page.alerts.reason"), html_for="reason"),
        rx.el.textarea(
            id="reason",
            name="reason",
            required=True,
            max_length=MAX_REASON,
            rows="2",
            class_name="input",
            custom_attrs={"data-missing": t("page.sign_in.missing")},
        ),
        class_name="field",
    )


def _preview() -> rx.Component:
    shown = SilenceFormState.preview
    return rx.fragment(
        answer_region(
            PREVIEW,
            shown.until + SilenceFormState.problem_text,
            rx.cond(
                SilenceFormState.problem_text != "",
                note(SilenceFormState.problem_text, tone="bad", data_testid="silence-problem"),
                rx.fragment(),
            ),
            rx.cond(shown.until != "", _covered(), rx.fragment()),
        ),
    )


def _covered() -> rx.Component:
    shown = SilenceFormState.preview
    confirm = button(
        t("page.alerts.silence"),
        kind="primary",
        on_click=SilenceFormState.save,
        disabled=SilenceFormState.is_working,
        custom_attrs=answered_by(ANOTHER_PAGE),
    )
    return card(
        t("page.alerts.would_cover", n=shown.count),
        rx.el.div(
            rx.el.div(
                rx.foreach(shown.matchers, lambda each: rx.el.code(each, class_name="outside")),
                class_name="row",
            ),
            rx.cond(shown.covers_nothing, note(t("page.alerts.covers_nothing"), tone="warn"), rx.fragment()),
            rx.cond(shown.has_watchdog, note(t("page.alerts.covers_watchdog"), tone="bad"), rx.fragment()),
            rx.el.ul(
                rx.foreach(shown.covered, lambda each: rx.el.li(each, class_name="outside")),
                class_name="alerts",
            ),
            rx.cond(shown.left_out != "", rx.el.p(shown.left_out, class_name="muted small"), rx.fragment()),
            rx.el.p(t("page.alerts.would_end", until=shown.until)),
            rx.el.p(shown.reason, class_name="muted outside"),
            rx.cond(
                shown.equal != "",
                rx.fragment(
                    note(shown.equal, tone="warn"),
                    rx.el.div(
                        link(t("page.alerts.extend_that"), shown.equal_url, class_name="btn primary"),
                        class_name="row end",
                    ),
                ),
                rx.el.div(confirm, class_name="row end"),
            ),
            class_name="form",
        ),
        data_testid="silence-preview",
    )
