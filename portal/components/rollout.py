"""The state of something that moves: a word with a mark and a colour, each of which says it alone."""

from typing import Any

import reflex as rx


def state_badge(word: Any, tone: Any, mark: Any = "") -> rx.Component:
    """A state in a word. ``tone`` is ok, warn, bad or info; ``mark`` a state whose sign stands before it."""
    return rx.el.span(
        word, class_name=rx.Var.create(f"badge {tone} marked"), custom_attrs={"data-mark": mark}
    )
