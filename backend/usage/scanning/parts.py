"""Splits the tenants of a scan into parts; one query scans one part. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from backend.usage.metering.shards import shard_matchers

MOST_PARTS = 100
_MATCHER = re.compile(r'\w+(=~|!~|!=|=)"(.*)"', re.DOTALL)
_CODE_POINT = re.compile(r"\\x\{([0-9a-fA-F]+)\}")


def part_matchers(label: str, tenants: Sequence[str], parts: int) -> list[str]:
    """Matchers on the tenant label that split the tenants into parts of similar size, and one for the rest.

    Every tenant is in exactly one part, also one that appears later. At most 101 matchers; one empty one if one part
    is enough.
    """
    wanted = min(parts, MOST_PARTS)
    if wanted <= 1 or not any(tenants):
        return [""]
    by_letter = shard_matchers(label, tenants, wanted)
    # Labels that end in a number have ten letters at a place. One place makes ten parts at most, so two are used.
    return by_letter if len(by_letter) > wanted else _by_two_letters(label, tenants, wanted)


def _by_two_letters(label: str, tenants: Sequence[str], parts: int) -> list[str]:
    weights = Counter(tenant[-2:] for tenant in tenants if len(tenant) > 1)
    if not weights:
        return [""]
    groups: list[list[str]] = [[] for _ in range(min(parts, len(weights)))]
    loads = [0] * len(groups)
    for ending, weight in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        lightest = loads.index(min(loads))
        groups[lightest].append(ending)
        loads[lightest] += weight
    return [
        *(f'{label}=~"{_expression(group)}"' for group in groups),
        f'{label}!~"{_expression(weights)}"',
    ]


def _expression(endings: Sequence[str] | Counter[str]) -> str:
    """A regular expression of labels with one of some endings, written in code points: no letter is an operator."""
    by_first: dict[str, str] = {}
    for ending in sorted(endings):
        by_first[ending[0]] = by_first.get(ending[0], "") + ending[1]
    choices = "|".join(f"{_one_of(first)}{_one_of(seconds)}" for first, seconds in by_first.items())
    return f"(?s:.*(?:{choices}))"


def _one_of(characters: str) -> str:
    return "[" + "".join(f"\\\\x{{{ord(character):x}}}" for character in characters) + "]"


def is_of_part(matcher: str) -> Callable[[str], bool]:
    """A test whether a tenant's label belongs to a part. To a matcher that cannot be parsed all labels belong."""
    found = _MATCHER.fullmatch(matcher)
    if found is None:
        return lambda _: True
    operator, text = found[1], found[2].replace('\\"', '"').replace("\\\\", "\\")
    pattern = re.escape(text) if operator in ("=", "!=") else _CODE_POINT.sub(_as_python, text)
    try:
        compiled = re.compile(pattern)
    except re.error:
        return lambda _: True
    is_without = operator.startswith("!")
    return lambda tenant: (compiled.fullmatch(tenant) is None) == is_without


def _as_python(code_point: re.Match[str]) -> str:
    return f"\\U{int(code_point[1], 16):08x}"
