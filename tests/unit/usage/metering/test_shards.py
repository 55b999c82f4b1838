"""Shards hold every tenant once, whatever it is called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.usage.metering.shards import shard_matchers


def holds(matcher: str, tenant: str) -> bool:
    """What Prometheus does with such a matcher: RE2, anchored."""
    found = re.fullmatch(r'tenant(=~|!~)"(.*)"', matcher, re.DOTALL)
    assert found is not None
    expression = re.sub(r"\\\\x\{([0-9a-f]+)\}", lambda code: re.escape(chr(int(code[1], 16))), found[2])
    return (re.fullmatch(expression, tenant) is not None) == (found[1] == "=~")


@given(
    known=st.lists(st.text(max_size=12), min_size=1, max_size=40, unique=True).filter(any),
    unknown=st.text(max_size=12),
    parts=st.integers(2, 9),
)
def test_every_tenant_is_in_exactly_one_shard(known: list[str], unknown: str, parts: int) -> None:
    matchers = shard_matchers("tenant", known, parts)

    for tenant in [*known, unknown, ""]:
        assert sum(holds(matcher, tenant) for matcher in matchers) == 1


@pytest.mark.parametrize("parts", [2, 5, 10])
def test_shards_are_of_similar_weight(parts: int) -> None:
    tenants = [f"tenant-{number:06d}-prod" for number in range(10_000)]

    matchers = shard_matchers("tenant", tenants, parts)

    weights = [sum(holds(matcher, tenant) for tenant in tenants[::7]) for matcher in matchers]
    assert sum(weights) == len(tenants[::7])
    assert max(weights) <= 2 * len(tenants[::7]) / parts


def test_nobody_known_is_one_shard() -> None:
    assert shard_matchers("tenant", [""], 4) == [""]


def test_names_that_end_alike_are_split_where_they_begin() -> None:
    matchers = shard_matchers("tenant", [f"{first}{'x' * 12}" for first in "abcd"], 2)

    assert matchers == [
        r'tenant=~"(?s:.{0}[\\x{61}\\x{63}].*)"',
        r'tenant=~"(?s:.{0}[\\x{62}\\x{64}].*)"',
        r'tenant!~"(?s:.{0}[\\x{61}\\x{63}\\x{62}\\x{64}].*)"',
    ]


def test_the_heaviest_letters_are_dealt_first() -> None:
    tenants = ["b1c", "b2c", "b3c", "a4d", "a5d", "e6f"]

    heavy, light, rest = shard_matchers("tenant", [name[0] for name in tenants], 2)

    assert [sum(holds(each, name[0]) for name in tenants) for each in (heavy, light, rest)] == [3, 3, 0]
