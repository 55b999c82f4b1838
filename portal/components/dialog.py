"""A modal question. The browser makes it modal (assets/portal.js), so focus stays inside and Escape closes it."""

from typing import Any

import reflex as rx

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
            custom_attrs={"data-close": "1"},
        ),
        class_name="dialog",
        custom_attrs={"data-modal": "1", "aria-labelledby": label_id},
    )


def dialog_buttons(confirm: Any, *, on_close: Any, kind: str = "primary", busy: Any = False) -> rx.Component:
    """Cancel and go on; the second submits the form around both."""
    return rx.el.div(
        button(t("dialog.cancel"), on_click=on_close),
        button(confirm, kind=kind, type="submit", disabled=busy),
        class_name="row end",
    )
