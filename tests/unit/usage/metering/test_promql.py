"""Texts of PromQL, from whatever operators write into the settings."""

import pytest

from backend.usage.metering.promql import selector


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
