"""Nouns of runbooks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookPage:
    """An alert's page in one language. ``html`` is safe to show: it comes from Markdown without HTML of its own."""

    name: str
    html: str
