"""Reasons to look at a usage day, an invoice or a payment, shared by their pages."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from portal.components.basics import badge


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason to look at a day, an invoice or a payment: its name, and a sentence."""

    name: str
    sentence: str
    tone: str = "warn"


def reasons(listed: Any) -> rx.Component:
    """Each reason's name as a badge over its sentence."""
    return rx.el.div(rx.foreach(listed, _reason), class_name="reasons")


def _reason(each: Reason) -> rx.Component:
    return rx.el.div(badge(each.name, each.tone), rx.el.p(each.sentence, class_name="small muted"))
