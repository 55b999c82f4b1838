"""A list in slots: a var for each line, so that a tab is sent only the lines that changed. A var is always sent whole.

A state inherits ``slots_of(row)`` and writes with ``fill``; its page shows ``slots``, an empty one as nothing.
A row is a frozen dataclass with a default for each field; the one with its defaults stands for an empty slot.
"""

from collections.abc import Sequence
from typing import Any, cast

import reflex as rx

_NAME = "slot_{}"


def slots_of(row: Any, count: int) -> Any:
    """A mixin with ``count`` vars, each holding an empty row at first."""
    names = [_NAME.format(number) for number in range(count)]
    body = {
        "__annotations__": dict.fromkeys(names, type(row)),
        "__module__": __name__,
        **dict.fromkeys(names, row),
    }
    return cast("Any", type(rx.State))(f"{type(row).__name__}Slots", (rx.State,), body, mixin=True)


def fill(state: Any, rows: Sequence[Any], empty: Any, count: int) -> None:
    """Put rows into the slots, and ``empty`` into those that are left over. A slot that stays as it was is not sent."""
    for number in range(count):
        name = _NAME.format(number)
        row = rows[number] if number < len(rows) else empty
        if getattr(state, name) != row:
            setattr(state, name, row)


def slots(state: Any, count: int) -> list[Any]:
    """The slots of a state as vars, for its page."""
    return [getattr(state, _NAME.format(number)) for number in range(count)]
