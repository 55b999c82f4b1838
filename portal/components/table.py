"""Tables. On a phone a row becomes a card whose lines carry the column's name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its head, and what a row shows in it. A wide one takes a whole line on a phone."""

    head: Any
    cell: Any
    is_number: bool = False
    leads: bool = False
    is_wide: bool = False


def data_table(rows: Any, columns: Sequence[Column], *, caption: Any, key: Any = None) -> rx.Component:
    """One line for each row. ``cell`` of a column is a function from the row to what is shown."""

    def line(row: Any) -> rx.Component:
        extra = {"key": key(row)} if key else {}
        return rx.el.tr(*[_cell(column, row) for column in columns], **extra)

    return rx.el.div(
        rx.el.table(
            rx.el.caption(caption, class_name="visually-hidden"),
            rx.el.thead(rx.el.tr(*[_head(column) for column in columns])),
            rx.el.tbody(rx.foreach(rows, line)),
            class_name="table stacks",
        ),
        class_name="table-wrap",
    )


def _head(column: Column) -> rx.Component:
    return rx.el.th(column.head, scope="col", class_name="n" if column.is_number else "")


def _cell(column: Column, row: Any) -> rx.Component:
    names = [
        "n" if column.is_number else "",
        "head" if column.leads else "",
        "wide" if column.is_wide else "",
    ]
    return rx.el.td(
        column.cell(row),
        class_name=" ".join(filter(None, names)),
        custom_attrs={"data-label": column.head},
    )
