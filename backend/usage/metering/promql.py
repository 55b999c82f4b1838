"""Writes texts of PromQL. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from backend.clients.prometheus import instant_text, quoted
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import Point

# VictoriaMetrics accepts queries of 16,384 bytes, and Prometheus longer ones.
LONGEST_QUERY_BYTES = 16_000
# Room for what stands around selectors and names: functions, instants, a mark and brackets.
AROUND_BYTES = 200


def reach(point: Point, longest_ms: int | None = None) -> str:
    """The range from a point back to its ``since_ms``, or over ``longest_ms`` if that is shorter."""
    # Prometheus 3 leaves out the first instant of a range, and Prometheus 2 includes it. A range that begins one
    # millisecond before the first scrape of the incarnation is right for both: no older one was scraped there.
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
    """A regular expression (RE2) that matches exactly this text."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"\\x{{{ord(found[0]):x}}}", value)


def name_bytes(value: str) -> int:
    """Bytes that a value takes in a matcher of several values."""
    return len(quoted(escaped(value)).encode())


def groups_of(
    values: Iterable[str], most: int, longest_bytes: int, size_of: Callable[[str], int] = name_bytes
) -> list[list[str]]:
    """Values in their order, split into groups of at most ``most`` values and ``longest_bytes`` bytes of a query."""
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
    """A matcher that selects some values of a label."""
    return f"{label}=~{quoted('|'.join(map(escaped, values)))}"


def selector(metric: str, matchers: Iterable[str]) -> str:
    """The series of a metric that all matchers select. Each text may hold several matchers, also in braces."""
    inner = ",".join(bare for matcher in matchers if (bare := matcher.strip().strip("{}").strip(" ,")))
    return f"{metric}{{{inner}}}"


def any_of(parts: Sequence[str]) -> str:
    """The union of vectors, as a balanced tree: in a chain, Prometheus would read the first ones again and again."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({any_of(parts[:middle])} or {any_of(parts[middle:])})"
