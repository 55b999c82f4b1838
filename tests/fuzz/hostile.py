"""Data that is nearly right: a true sample in which parts are of another kind, missing, repeated, huge or cut."""

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

# What has broken readers before: numbers beyond 64 bits, no numbers, marks of direction, zero bytes, half a pair.
ODD_TEXTS = [
    "",
    "\0",
    "\u202etxt",
    "ك",
    "NaN",
    "1e999",
    "-1",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "2026-11-28T10:00:00+23:59",
    "x" * 5000,
    "۱۴۰۵",
    "a\nb",
    '{"a":1}',
    "<script>",
]
ODD_NUMBERS = [0, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 0.5, -0.0, 1e308]
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=20)
SCALARS = st.none() | st.booleans() | st.sampled_from(ODD_NUMBERS) | st.integers() | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
Place = tuple[str | int, ...]


def places(value: object, at: Place = ()) -> list[Place]:
    """Every place in a JSON value, the value itself first."""
    inner: list[Place] = [at]
    if isinstance(value, dict):
        for key, each in value.items():
            inner += places(each, (*at, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            inner += places(each, (*at, number))
    return inner


def put(value: Any, at: Place, new: object) -> Any:
    """A copy of a JSON value with something else at a place."""
    if not at:
        return new
    made = copy.deepcopy(value)
    inner = made
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = new
    return made


def _without(value: Any, at: Place) -> Any:
    made = copy.deepcopy(value)
    inner = made
    for key in at[:-1]:
        inner = inner[key]
    if at:
        del inner[at[-1]]
    return made


@st.composite
def nearly(draw: st.DrawFn, sample: object) -> Any:
    """The sample with up to three changes."""
    made = copy.deepcopy(sample)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from(places(made)))
        made = _without(made, at) if draw(st.booleans()) and at else put(made, at, draw(VALUES))
    return made


def written(value: object) -> bytes:
    """A JSON value as bytes; halves of pairs and all."""
    return json.dumps(value).encode()


def bodies(sample: object) -> st.SearchStrategy[bytes]:
    """The body of an answer: nearly the sample, cut somewhere, deeply nested, with an endless number, or any bytes."""
    right: st.SearchStrategy[bytes] = nearly(sample).map(written)
    cut: Callable[[tuple[bytes, int]], bytes] = lambda drawn: drawn[0][: drawn[1]]  # noqa: E731 (typed)
    nested = st.integers(1, 3000).map(lambda depth: b"[" * depth + b"]" * depth)
    endless = st.integers(1, 5000).map(lambda digits: b'{"model": ' + b"9" * digits + b"}")
    return (
        right
        | right
        | right
        | st.tuples(right, st.integers(0, 300)).map(cut)
        | nested
        | endless
        | st.binary(max_size=60)
    )
