"""The small chart of an alert shows what was measured, and the limit, in shares of its height."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.alerts.types import TrendPoint
from portal.features.alerts.trend_layout import lay_out_trend

START = datetime(2026, 11, 28, 9, tzinfo=UTC)


def points(*values: float | None) -> list[TrendPoint]:
    return [TrendPoint(at=START + timedelta(minutes=3 * n), value=value) for n, value in enumerate(values)]


def test_values_are_shares_of_a_round_height_and_those_over_the_limit_are_marked() -> None:
    laid = lay_out_trend(points(0.02, None, 0.08), 0.05, "en")

    assert [column.height for column in laid.columns] == ["20.00%", "0.00%", "80.00%"]
    assert [column.is_over for column in laid.columns] == [False, False, True]
    assert [tick.label for tick in laid.ticks] == ["0", "0.05", "0.1"]
    assert (laid.limit, laid.limit_height) == ("Limit 0.05", "50.00%")
    assert laid.columns[1].about == "12:33: \u2068—\u2069"


def test_numbers_are_persian_in_persian() -> None:
    laid = lay_out_trend(points(12_345.0), None, "fa")

    assert laid.columns[0].about == "۱۲:۳۰: \u2068۱۲٬۳۴۵\u2069"
    assert laid.limit == ""


@pytest.mark.parametrize("values", [(), (0.0, 0.0), (None,), (-5.0,), (5e-324,)])
def test_a_chart_of_nothing_has_no_heights(values: tuple[float | None, ...]) -> None:
    laid = lay_out_trend(points(*values), 0.0, "en")

    assert {column.height for column in laid.columns} <= {"0.00%"}
    assert laid.limit_height == "0.00%"


@given(
    st.lists(st.floats(-1e12, 1e12, allow_nan=False), max_size=10), st.floats(-1e12, 1e12, allow_nan=False)
)
def test_no_box_leaves_the_chart(values: list[float], limit: float) -> None:
    laid = lay_out_trend(points(*values), limit, "en")

    heights = [float(each.height[:-1]) for each in (*laid.columns, *laid.ticks)]
    assert all(0 <= height <= 100 for height in [*heights, float(laid.limit_height[:-1])])
