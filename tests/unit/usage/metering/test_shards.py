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
