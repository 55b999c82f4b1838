"""Tables. On a phone a row becomes a card, or one line that opens, where columns say that they can wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from portal.i18n import t

_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column: its head, and the cell of a row. A wide column takes a whole line on a phone.

    On a phone, a column that ``opens`` is hidden until its row is opened; rows with ``stays`` show it from the
    beginning. Content of the class ``more`` is hidden until then, too.
    """

    head: Any
    cell: Any
    is_number: bool = False
    leads: bool = False
    is_wide: bool = False
    opens: bool = False
    stays: Any = None


def data_table(
    rows: Any,
    columns: Sequence[TableColumn],
    *,
    caption: Any,
    key: Any = None,
    name: Any = None,
    heading: Any = None,
) -> rx.Component:
    """A table with a line for each row. ``cell`` of a column makes a row's content.

    ``name`` makes the words that the button which opens a row adds to its own.
    ``heading`` makes the text above a row, empty for a row that begins no group.
    """
    line = _line_of(columns, key=key, name=name, heading=heading)
    return _table(columns, caption, rx.foreach(rows, line))


def table_in_slots(
    slots: Sequence[Any],
    columns: Sequence[TableColumn],
    *,
    caption: Any,
    name: Any,
    heading: Any,
    headed: Any,
) -> rx.Component:
    """As ``data_table``, for rows that are vars of their own (``portal/slots.py``). An empty slot shows nothing.

    ``headed`` makes the content of a row's ``heading``.
    """
    line = _line_of(columns, key=None, name=name, heading=heading, headed=headed)
    shown = [rx.cond(slot.key != "", line(slot), rx.fragment()) for slot in slots]
    return _table(columns, caption, rx.fragment(*shown))


def _line_of(
    columns: Sequence[TableColumn], *, key: Any, name: Any, heading: Any, headed: Any = None
) -> Callable[[Any], Any]:
    folds = any(column.opens for column in columns)
    if folds and name is None:
        raise ValueError("rows that open must have names")

    def line(row: Any) -> rx.Component:
        extra = {"key": key(row)} if key else {}
        opener = _opener(name(row)) if folds else rx.fragment()
        cells = [_cell(column, row, opener if column.leads else rx.fragment()) for column in columns]
        if heading is None:
            return rx.el.tr(*cells, **extra)
        above = rx.el.tr(
            rx.el.th((headed or heading)(row), col_span=len(columns), scope="colgroup"),
            class_name="group-head",
        )
        return rx.fragment(rx.cond(heading(row) != "", above, rx.fragment()), rx.el.tr(*cells), **extra)

    return line


def _table(columns: Sequence[TableColumn], caption: Any, lines: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.table(
            rx.el.caption(caption, class_name="visually-hidden"),
            rx.el.thead(rx.el.tr(*[_head(column) for column in columns])),
            rx.el.tbody(lines),
            class_name=_shape(columns),
        ),
        class_name="table-wrap",
    )


def _shape(columns: Sequence[TableColumn]) -> str:
    """Class names for the table's look on a phone: cards, or lines of two or three columns that open."""
    shown = [column for column in columns if not column.opens]
    if len(shown) == len(columns):
        return "table stacks"
    return "table stacks folds pairs" if len(shown) <= _PAIR else "table stacks folds"


def _head(column: TableColumn) -> rx.Component:
    return rx.el.th(column.head, scope="col", class_name="n" if column.is_number else "")


def _cell(column: TableColumn, row: Any, opener: rx.Component) -> rx.Component:
    return rx.el.td(
        opener,
        column.cell(row),
        class_name=_names(column, row),
        custom_attrs={"data-label": column.head},
    )


def _names(column: TableColumn, row: Any) -> Any:
    names = {"n": column.is_number, "head": column.leads, "wide": column.is_wide, "opens": column.opens}
    given = " ".join(name for name, is_given in names.items() if is_given)
    return given if column.stays is None else rx.cond(column.stays(row), f"{given} stays", given)


def _opener(name: Any) -> rx.Component:
    """Only a phone shows it. The page's own script opens the row (assets/portal.js); the server hears nothing."""
    return rx.el.button(
        type="button",
        aria_label=t("table.details", row=name),
        aria_expanded="false",
        class_name="opener",
        custom_attrs={"data-opener": "1"},
    )
