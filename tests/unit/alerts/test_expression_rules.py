"""An alert's expression measures something, and compares it with a limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.alerts.expression_rules import Measured, measured

QUOTIENT = 'sum by (job) (rate(a{status=~"5..",x!="a > b"}[5m])) / sum by (job) (rate(a[5m]))'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("up == 0", Measured(query="up", limit=0), id="equal"),
        pytest.param(f"{QUOTIENT} > 0.05 and b > 1", Measured(query=QUOTIENT, limit=0.05), id="a quotient"),
        pytest.param(
            f"# why\n{QUOTIENT}\n  > 2e-1\nand\n b", Measured(query=QUOTIENT, limit=0.2), id="lines"
        ),
        pytest.param("a > 5 * max(b)", Measured(query="a"), id="a limit that is measured too"),
        pytest.param("vector(1)", Measured(query="vector(1)"), id="nothing compared"),
        pytest.param(
            'absent(up{job="portal"} == 1)', Measured(query='absent(up{job="portal"} == 1)'), id="inside"
        ),
        pytest.param("(a > 1) and b", Measured(query="a"), id="brackets"),
        pytest.param("a > bool 1", Measured(query="a > bool 1"), id="a claim"),
        pytest.param('a{x="\\" > 1"} < 3', Measured(query='a{x="\\" > 1"}', limit=3), id="a quotation mark"),
        pytest.param("brand > 1", Measured(query="brand", limit=1), id="and within a word"),
        pytest.param("> 1", Measured(query="> 1"), id="no left side"),
    ],
)
def test_what_is_measured_stands_before_the_comparison(expression: str, expected: Measured) -> None:
    assert measured(expression) == expected


@given(st.text(st.sampled_from("a(){}[]\"'` <>=!and1#\n\\"), max_size=40))
def test_whatever_an_expression_looks_like_it_is_read(expression: str) -> None:
    assert isinstance(measured(expression), Measured)
