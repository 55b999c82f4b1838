"""A modal question. The browser makes it modal (assets/portal.js), so focus stays inside and Escape closes it."""

from typing import Any

import reflex as rx

from backend.audit.rules import MAX_REASON
from portal.components.answer import ASKER, answered_by
from portal.components.basics import button
from portal.i18n import t


def dialog(title: Any, *content: Any, on_close: Any, label_id: str) -> rx.Component:
    """A dialog that is open for as long as it is rendered."""
    return rx.el.dialog(
        rx.el.div(
            rx.el.h2(title, id=label_id),
            *content,
            class_name="form",
        ),
        rx.el.button(
            t("dialog.close"),
            type="button",
            on_click=on_close,
            class_name="visually-hidden",
            tab_index=-1,
            custom_attrs=answered_by(ASKER, **{"data-close": "1"}),
        ),
        id=dialog_id(label_id),
        class_name="dialog",
        custom_attrs={"data-modal": "1", "aria-labelledby": label_id},
    )


def dialog_id(label_id: str) -> str:
    """The id of the place for a question, for ``answered_by`` of the button that opens it."""
    return f"dialog-{label_id}"


def dialog_buttons(confirm: Any, *, on_close: Any, kind: str = "primary", busy: Any = False) -> rx.Component:
    """Cancel and go on; the second submits the form around both."""
    return rx.el.div(
        button(t("dialog.cancel"), on_click=on_close, custom_attrs=answered_by(ASKER)),
        button(confirm, kind=kind, type="submit", disabled=busy),
        class_name="row end",
    )


def reason_dialog(
    title: Any,
    *content: Any,
    label: Any,
    confirm: Any,
    problem: Any,
    busy: Any,
    on_submit: Any,
    on_close: Any,
    label_id: str,
    answer_at: str,
    choice: rx.Component | None = None,
) -> rx.Component:
    """A question that is answered with a written ``reason``. ``problem`` says why the last one was not taken.

    ``choice`` are further fields of the answer.
    """
    return dialog(
        title,
        *content,
        rx.cond(problem != "", rx.el.div(problem, class_name="note bad", role="alert"), rx.fragment()),
        rx.el.form(
            choice if choice is not None else rx.fragment(),
            rx.el.div(
                rx.el.label(label, html_for="reason"),
                rx.el.textarea(
                    id="reason",
                    name="reason",
                    required=True,
                    max_length=MAX_REASON,
                    auto_focus=True,
                    class_name="input",
                    custom_attrs={"data-missing": t("page.sign_in.missing")},
                ),
                class_name="field",
            ),
            dialog_buttons(confirm, on_close=on_close, busy=busy),
            on_submit=on_submit,
            class_name="form",
            custom_attrs=answered_by(answer_at),
        ),
        on_close=on_close,
        label_id=label_id,
    )
