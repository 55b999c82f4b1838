"""Nouns of runbooks."""

from dataclasses import dataclass
from enum import StrEnum


class PageKind(StrEnum):
    """Subject of a page: an alert, an action, or a procedure that is followed by hand."""

    ALERT = "alert"
    ACTION = "action"
    PROCEDURE = "procedure"


PROCEDURES = ("recovery-db", "rotate-secrets", "scale-gpu")
"""The pages that are followed by hand, also while the portal is down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookPage:
    """A page in one language. ``html`` is safe to show: it comes from Markdown without HTML of its own."""

    name: str
    kind: PageKind
    html: str
