"""Texts of PromQL, from whatever operators write into the settings."""

import re

import pytest

from backend.usage.metering.incarnations import Point
from backend.usage.metering.promql import escaped, groups_of, one_of, reach, selector


@pytest.mark.parametrize(
    ("matchers", "inner"),
    [
        pytest.param(["", " , "], "", id="nothing"),
        pytest.param(
            ['{job="docuchat"}', 'model=~"gpt.*"'], 'job="docuchat",model=~"gpt.*"', id="with braces"
        ),
        pytest.param([' {job="a", site="b",} '], 'job="a", site="b"', id="several in one"),
        pytest.param(['XL="1"', 'team="X"'], 'XL="1",team="X"', id="a label that begins with any letter"),
    ],
)
def test_matchers_become_one_selector(matchers: list[str], inner: str) -> None:
    assert selector("tokens", matchers) == f"tokens{{{inner}}}"


def test_a_range_reaches_one_millisecond_before_the_first_scrape_and_no_further() -> None:
    point = Point(target=0, at_ms=61_000, since_ms=1_000)

    assert reach(point) == "[60001ms] @ 61.000"
    assert reach(point, 5_000) == "[5000ms] @ 61.000"
    assert reach(point, 90_000) == "[60001ms] @ 61.000"


def test_an_expression_matches_its_text_and_writes_letters_and_digits_as_they_are() -> None:
    assert escaped("Az_09") == "Az_09"
    assert escaped("a.b-1") == r"a\x{2e}b\x{2d}1"


def test_a_matcher_of_several_names_them_with_a_bar_between() -> None:
    matcher = one_of("tenant", ["acme", "a.c"])

    found = re.fullmatch(r'tenant=~"(.*)"', matcher)
    assert found is not None
    assert found[1] == r"acme|a\\x{2e}c"


@pytest.mark.parametrize(
    ("most", "longest_bytes", "groups"),
    [
        pytest.param(9, 9, [["aaa", "bbb", "ccc"], ["dd"]], id="filled to the last byte"),
        pytest.param(9, 8, [["aaa", "bbb"], ["ccc", "dd"]], id="one byte less"),
        pytest.param(2, 99, [["aaa", "bbb"], ["ccc", "dd"]], id="so many at most"),
        pytest.param(9, 1, [["aaa"], ["bbb"], ["ccc"], ["dd"]], id="each too long stands alone"),
    ],
)
def test_values_fill_groups_in_their_order(most: int, longest_bytes: int, groups: list[list[str]]) -> None:
    assert groups_of(["aaa", "bbb", "ccc", "dd"], most, longest_bytes, len) == groups
