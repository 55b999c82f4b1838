"""Parts of a scan: every tenant is in exactly one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.usage.scanning.parts import MOST_PARTS, part_matchers


def has(matcher: str, tenant: str) -> bool:
    """What Prometheus says of a tenant, whose regular expressions know code points as Python does not."""
    if not matcher:
        return True
    found = re.fullmatch(r'tenant(=~|!~)"(.*)"', matcher, re.DOTALL)
    assert found is not None
    told = re.sub(r"\\\\x\{([0-9a-f]+)\}", lambda point: re.escape(chr(int(point[1], 16))), found[2])
    return (re.fullmatch(told, tenant) is not None) == (found[1] == "=~")


@given(st.lists(st.text(max_size=6), max_size=40), st.integers(0, 200), st.text(max_size=6))
def test_every_tenant_is_in_one_part(tenants: list[str], parts: int, newcomer: str) -> None:
    matchers = part_matchers("tenant", tenants, parts)

    for tenant in (*tenants, newcomer):
        assert sum(has(matcher, tenant) for matcher in matchers) == 1


@pytest.mark.parametrize(
    ("parts", "matchers", "heaviest"), [(0, 1, 1_000), (1, 1, 1_000), (2, 3, 500), (9, 10, 200)]
)
def test_few_parts_are_told_by_one_letter(parts: int, matchers: int, heaviest: int) -> None:
    tenants = [f"tenant-{number:04}" for number in range(1_000)]

    told = part_matchers("tenant", tenants, parts)

    assert len(told) == matchers
    assert max(sum(has(each, tenant) for tenant in tenants) for each in told) == heaviest


def test_the_heaviest_endings_are_dealt_out_first_in_whatever_order_tenants_are_listed() -> None:
    tenants = ["ppxa", "ppxb", "ppya", "ppyb", "pqyb", "qpyb"]

    matchers = part_matchers("tenant", tenants, 3)

    assert matchers == part_matchers("tenant", tenants[::-1], 3)
    assert sorted(sum(has(each, tenant) for tenant in tenants) for each in matchers) == [0, 1, 2, 3]


@pytest.mark.parametrize("newcomer", ["tenant-9X", "tenant-99\n", "9", ""])
def test_a_newcomer_with_another_ending_is_in_one_part(newcomer: str) -> None:
    matchers = part_matchers("tenant", [f"tenant-{number:04}" for number in range(1_000)], 40)

    assert sum(has(each, newcomer) for each in matchers) == 1


def test_numbered_tenants_are_split_into_as_many_parts_as_are_wanted() -> None:
    tenants = [f"tenant-{number:04}" for number in range(1_000)]

    matchers = part_matchers("tenant", tenants, 40)

    sizes = [sum(has(matcher, tenant) for tenant in tenants) for matcher in matchers]
    assert len(matchers) == 41
    assert max(sizes) == 30
    assert sum(sizes) == 1_000


def test_there_are_never_too_many_parts() -> None:
    tenants = [f"{first}{second}" for first in "abcdefghijklmnop" for second in "abcdefghijklmnop"]

    assert len(part_matchers("tenant", tenants, 10**6)) == MOST_PARTS + 1
