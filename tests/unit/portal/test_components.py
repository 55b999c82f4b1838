"""What small parts promise to who reads with the ears."""

import pytest
import reflex as rx

from portal.bridge import Problem
from portal.components.status import error_panel, note
from portal.components.table import TableColumn, data_table


@pytest.mark.parametrize(
    ("tone", "role"), [("info", "status"), ("ok", "status"), ("warn", "alert"), ("bad", "alert")]
)
def test_only_bad_news_interrupts(tone: str, role: str) -> None:
    assert f'role:"{role}"' in str(note("x", tone=tone)).replace(" ", "")


def test_an_error_tells_its_reference_once() -> None:
    problem = Problem(text="It broke: 0123abcd", reference="0123abcd")

    assert str(error_panel(problem, retry=None)).count("0123abcd") == 1


@pytest.mark.parametrize("opens", [True, False])
def test_only_a_table_that_leaves_something_for_later_has_rows_that_open(opens: bool) -> None:
    columns = [
        TableColumn(head="Day", cell=lambda row: row, leads=True),
        TableColumn(head="Prompt", cell=lambda row: row, opens=opens),
    ]

    drawn = str(data_table(rx.Var.create(["a"]), columns, caption="Days", name=lambda row: row)).replace(
        " ", ""
    )

    assert ('"aria-expanded":"false"' in drawn) is opens
    assert drawn.count('"data-opener":"1"') == opens


def test_rows_that_open_cannot_all_be_called_the_same() -> None:
    columns = [TableColumn(head="Day", cell=lambda row: row, leads=True, opens=True)]

    with pytest.raises(ValueError, match="names"):
        data_table(rx.Var.create(["a"]), columns, caption="Days")
