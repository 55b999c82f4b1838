"""Rules that read an alert's expression: what it measures, and the limit that it compares with, for a chart.

Only the outermost level is read: ``rate(a[5m]) / rate(b[5m]) > 0.05 and rate(b[5m]) > 1`` measures the quotient against
0.05. What is not understood is charted as it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN, _CLOSED = "([{", ")]}"
_QUOTES = "\"'`"
_SETS = re.compile(r"\b(?:and|or|unless)\b", re.IGNORECASE)
_COMPARED = re.compile(r"==|!=|>=|<=|>|<")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
LONGEST = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The part of an expression that is measured, and the limit where that is a plain number."""

    query: str
    limit: float | None = None


def measured(expression: str) -> Measured:
    """The part of an alert's expression that is measured; the expression itself where it compares nothing."""
    plain = _without_comments(expression)[:LONGEST].strip()
    bare = _outermost(plain)
    first_set = _SETS.search(bare)
    end = first_set.start() if first_set else len(plain)
    compared = _COMPARED.search(bare, 0, end)
    if compared is None:
        return Measured(query=_unwrapped(plain[:end].strip()) if first_set else plain)
    query, limit = plain[: compared.start()].strip(), plain[compared.end() : end].strip()
    if not query or limit.startswith("bool"):
        return Measured(query=plain)
    is_number = _NUMBER.fullmatch(limit)
    return Measured(query=query, limit=float(limit) if is_number else None)


def _unwrapped(query: str) -> str:
    """The part of a set operation, read once more where brackets hold all of it."""
    if query.startswith("(") and query.endswith(")") and not _outermost(query)[1:-1].strip("\0"):
        return measured(query[1:-1]).query
    return query


def _outermost(text: str) -> str:
    """The text with a zero byte for every sign within brackets or quotation marks, at the same places."""
    return "".join(sign if depth == 0 else "\0" for sign, depth in _depths(text))


def _depths(text: str) -> Iterator[tuple[str, int]]:
    depth, quote, is_escaped = 0, "", False
    for sign in text:
        if quote:
            yield sign, 1
            if not is_escaped and sign == quote:
                quote = ""
            is_escaped = sign == "\\" and not is_escaped and quote != "`"
        elif sign in _QUOTES:
            quote = sign
            yield sign, 1
        elif sign in _OPEN:
            depth += 1
            yield sign, depth
        elif sign in _CLOSED:
            yield sign, depth
            depth = max(0, depth - 1)
        else:
            yield sign, depth


def _without_comments(text: str) -> str:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return " ".join(line.strip() for line in lines)
