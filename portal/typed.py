"""Vars and handlers, with types: while a page is built, a state's attribute is a Var, and mypy takes it for a value."""

from collections.abc import Sequence
from typing import Any, cast

import reflex as rx
from reflex_base.event import EventSpec


def count(values: Sequence[Any]) -> rx.vars.NumberVar[int]:
    """Length of a list, counted in the browser."""
    return cast("rx.vars.ArrayVar[Any]", values).length()


def is_empty(values: Sequence[Any]) -> rx.vars.BooleanVar:
    """True in the browser when a list holds nothing."""
    return count(values) == 0


def is_filled(values: Sequence[Any]) -> rx.vars.BooleanVar:
    """True in the browser when a list holds something."""
    return count(values) > 0


def contains(words: str, part: str) -> rx.vars.BooleanVar:
    """True in the browser when a text holds another."""
    return cast("rx.vars.StringVar[str]", words).contains(part)


def either(first: object, second: object) -> rx.Var[bool]:
    """True in the browser when one of two claims is true."""
    return cast("rx.Var[bool]", first) | cast("rx.Var[bool]", second)


def negated(claim: object) -> rx.Var[bool]:
    """True in the browser when a claim is false."""
    return ~cast("rx.Var[bool]", claim).bool()


def sent(handler: Any, *arguments: Any) -> EventSpec:
    """A handler with its arguments, to be run on a click; mypy takes a handler for the function behind it."""
    return cast("EventSpec", handler(*arguments))
