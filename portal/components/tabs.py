"""Tabs: one of several views of the same page."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from portal.components.answer import TAB_PANEL, answered_by


def tabs(chosen: Any, entries: Sequence[tuple[str, Any, Any]], *, on_choose: Any, label: Any) -> rx.Component:
    """Buttons for views. Each entry is the view's name, its title, and a count or remark beside it."""
    return rx.el.div(
        *[
            rx.el.button(
                title,
                aside,
                type="button",
                role="tab",
                id=f"tab-{name}",
                aria_selected=rx.cond(chosen == name, "true", "false"),
                aria_controls=TAB_PANEL,
                tab_index=rx.cond(chosen == name, 0, -1),
                on_click=on_choose(name),
                class_name="tab",
                # The address names the tab, so that Back and a shared link find it again.
                custom_attrs=answered_by(TAB_PANEL, **{"data-tab": name}),
            )
            for name, title, aside in entries
        ],
        role="tablist",
        aria_label=label,
        class_name="tabs no-print",
        custom_attrs={"data-arrows": "1"},
    )


def tab_panel(*content: Any, chosen: Any) -> rx.Component:
    """Content of the chosen tab."""
    return rx.el.div(
        *content,
        id=TAB_PANEL,
        role="tabpanel",
        custom_attrs={"aria-labelledby": rx.Var.create(f"tab-{chosen}")},
    )
