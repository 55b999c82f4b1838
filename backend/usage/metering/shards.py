"""Splits the tenants of a large Prometheus into shards; one query reads one shard. Pure."""

from collections import Counter
from collections.abc import Sequence

PLACES = 8
"""Letters at the beginning and at the end of a label that a split may use."""


def shard_matchers(label: str, tenants: Sequence[str], parts: int) -> list[str]:
    """Matchers on the tenant label that split the tenants into ``parts`` shards of similar size, and one for the rest.

    A shard holds the tenants with certain letters at one place of their label, because Prometheus is slow with a
    regular expression of thousands of labels. The last matcher selects all tenants that no other one selects, so
    every tenant is in exactly one shard, also one that appears later.
    """
    if not any(tenants):
        return [""]
    chosen = min(
        (_at_place(tenants, parts, place) for place in (*range(-1, -PLACES - 1, -1), *range(PLACES))),
        key=lambda candidate: candidate[0],
    )
    _, place, groups = chosen
    matchers = [f'{label}=~"{_expression(place, group)}"' for group in groups]
    everybody = "".join(group for group in groups)
    return [*matchers, f'{label}!~"{_expression(place, everybody)}"']


def _at_place(tenants: Sequence[str], parts: int, place: int) -> tuple[int, int, list[str]]:
    """A split of the tenants by the letter at a place: tenants in the largest shard, place, letters of each shard."""
    needed = -place if place < 0 else place + 1
    weights = Counter(tenant[place] for tenant in tenants if len(tenant) >= needed)
    outside = len(tenants) - weights.total()
    groups, loads = [""] * parts, [0] * parts
    for character, weight in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        lightest = loads.index(min(loads))
        groups[lightest] += character
        loads[lightest] += weight
    return max([outside, *loads]), place, [group for group in groups if group]


def _expression(place: int, characters: str) -> str:
    # A letter is written as its code point, so that no letter is an operator of regular expressions. A PromQL string
    # wants the backslash twice.
    any_of = "[" + "".join(f"\\\\x{{{ord(character):x}}}" for character in characters) + "]"
    before, after = (f".{{{place}}}", ".*") if place >= 0 else (".*", f".{{{-place - 1}}}")
    return f"(?s:{before}{any_of}{after})"
