"""Texts of PromQL. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from backend.clients.prometheus import instant_text, quoted
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import Point

# VictoriaMetrics takes queries of 16,384 bytes, and Prometheus longer ones.
LONGEST_QUERY_BYTES = 16_000
# Around a counter and around names: functions, instants, a mark and brackets.
AROUND_BYTES = 200


def reach(point: Point, longest_ms: int | None = None) -> str:
    """The range that reaches from a point back to the beginning of its incarnation, or less far."""
    # Left-open ranges (3.x) leave out their first instant, left-closed ones (2.x) have it: one millisecond
    # before the incarnation's first scrape is right for both, and no earlier incarnation was scraped there.
    reach_ms = point.at_ms - point.since_ms + 1
    shown_ms = reach_ms if longest_ms is None else min(longest_ms, reach_ms)
    return f"[{shown_ms}ms] @ {instant_text(point.at_ms)}"


def range_of(first_ms: int, last_ms: int) -> str:
    """The samples from one millisecond to another, both included; left-closed ranges have one millisecond more."""
    return f"[{last_ms - first_ms + 1}ms] @ {instant_text(last_ms)}"


def reach_of(span: Span, lookback_ms: int) -> str:
    """A window and the look-back before it, where the sample lies that opens it."""
    return range_of(span.start_ms - lookback_ms, span.end_ms)


def escaped(value: str) -> str:
    """A regular expression of RE2 that matches exactly this text."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"\\x{{{ord(found[0]):x}}}", value)


def name_bytes(value: str) -> int:
    """The bytes of a value in a matcher of several."""
    return len(quoted(escaped(value)).encode())


def groups_of(
    values: Iterable[str], most: int, longest_bytes: int, size_of: Callable[[str], int] = name_bytes
) -> list[list[str]]:
    """Values in their order, in groups of at most so many that take at most so many bytes of a query."""
    groups: list[list[str]] = []
    length = 0
    for value in values:
        size = size_of(value)
        if not groups or len(groups[-1]) == most or length + size > longest_bytes:
            groups.append([])
            length = 0
        groups[-1].append(value)
        length += size
    return groups


def one_of(label: str, values: Sequence[str]) -> str:
    """A matcher of some values of a label."""
    return f"{label}=~{quoted('|'.join(map(escaped, values)))}"


def selector(metric: str, matchers: Iterable[str]) -> str:
    """The series of a metric that all matchers match; a matcher may hold several, with or without braces."""
    inner = ",".join(bare for matcher in matchers if (bare := matcher.strip().strip("{}").strip(" ,")))
    return f"{metric}{{{inner}}}"


def any_of(parts: Sequence[str]) -> str:
    """The union of vectors, as a balanced tree: a chain would look at the first of them again and again."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({any_of(parts[:middle])} or {any_of(parts[middle:])})"
