"""Placeholders for missing content: still loading, empty, or unavailable."""

from typing import Any

import reflex as rx

from portal.components.age import age
from portal.components.basics import button
from portal.i18n import t


def skeleton(lines: int = 4, label: Any = None) -> rx.Component:
    """Grey lines while content is on its way."""
    return rx.el.div(
        rx.el.span(t("state.loading") if label is None else label, class_name="visually-hidden"),
        *[
            rx.el.div(
                class_name="skeleton", style={"width": f"{92 - 9 * (line % 4)}%", "marginBlock": "10px"}
            )
            for line in range(lines)
        ],
        role="status",
        aria_busy="true",
        class_name="card-body",
    )


def empty_state(title: Any, explanation: Any) -> rx.Component:
    """Nothing here, and why that is fine."""
    return rx.el.div(
        _tray(),
        rx.el.h2(title),
        rx.el.p(explanation),
        class_name="empty",
    )


def note(*content: Any, tone: Any = "info", **props: Any) -> rx.Component:
    """A remark across the page: info, ok, warn or bad. Bad news interrupts a screen reader, good news waits."""
    return rx.el.div(
        rx.el.div(*content),
        class_name=rx.Var.create(f"note {tone}"),
        role="status" if isinstance(tone, str) and tone in {"info", "ok"} else "alert",
        **props,
    )


def error_panel(problem: Any, retry: Any) -> rx.Component:
    """An error sentence with a button to retry. Where waiting helps, the page clicks ``retry`` by itself."""
    return rx.el.div(
        rx.el.div(rx.el.p(problem.text, lost_since(problem.since_s))),
        rx.cond(problem.passes, _retry_button(retry, **{"data-retry": "1"}), _retry_button(retry)),
        class_name="note bad",
        role="alert",
    )


def lost_since(epoch_s: Any) -> rx.Component:
    """Age of a lost party's silence, to stand behind a sentence; nothing for an instant of zero."""
    return rx.cond(epoch_s > 0, rx.fragment(" ", t("state.lost_since"), " ", age(epoch_s)), rx.fragment())


def _retry_button(retry: Any, **attributes: str) -> rx.Component:
    attributes = {"data-answered-by": "content", **attributes}
    return button(t("state.retry"), kind="small", on_click=retry, custom_attrs=attributes)


def _tray() -> rx.Component:
    return rx.el.svg(
        rx.el.path(d="M5 13l3-8h8l3 8v6H5z M5 13h4l1.5 2.5h3L15 13h4"),
        custom_attrs={
            "viewBox": "0 0 24 24", "fill": "none", "stroke": "currentColor", "strokeWidth": "1.5",
            "strokeLinejoin": "round", "aria-hidden": "true",
        },
    )  # fmt: skip
