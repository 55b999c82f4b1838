"""A runbook's page inside another page."""

from typing import Any

import reflex as rx


def runbook_text(html: Any) -> rx.Component:
    """The HTML of a `RunbookPage`, and of nothing else: it is shown as it is."""
    return rx.html(html, class_name="card-body runbook")
