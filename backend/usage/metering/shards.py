"""Splitting the tenants of a large Prometheus into parts that one query each can read. Pure."""

from collections import Counter
from collections.abc import Sequence

PLACES = 8


def shard_matchers(label: str, tenants: Sequence[str], parts: int) -> list[str]:
    """Matchers on the tenant label: anchored expressions of similar weight, and a complement for the rest.

    A shard holds the tenants with certain letters at one place of their name, because an expression of
    thousands of names is slow in Prometheus. The last matcher is the complement, so no tenant is ever lost.
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
    """The weight of the heaviest shard when the letters at a place are dealt out, with the shards."""
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
    # Written in code points, with the backslash that a PromQL string wants, no letter has a meaning of its own.
    any_of = "[" + "".join(f"\\\\x{{{ord(character):x}}}" for character in characters) + "]"
    before, after = (f".{{{place}}}", ".*") if place >= 0 else (".*", f".{{{-place - 1}}}")
    return f"(?s:{before}{any_of}{after})"
