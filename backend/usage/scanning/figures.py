"""The two figures of a meter that fell: the least and the most that was used. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from backend.usage.scanning.types import Finding, FindingKind


class Ends(NamedTuple):
    """The opening and the closing reading of a meter on a day."""

    opening: int
    opened_at: datetime
    closing: int
    closed_at: datetime


class Figures(NamedTuple):
    """Tokens between two readings of a meter that fell between them."""

    least_tokens: int
    """Everything that rose. The scrapes prove it."""
    most_tokens: int
    """The same with what was left after each fall, as if each were a restart from zero."""


def figures_of(findings: Iterable[Finding], ends: Ends | None) -> Figures:
    """The figures of one meter from its findings; of copies that several servers or jobs scraped, the highest.

    ``ends`` is None where the readings of the day are not the beginning and the end of what is counted.
    """
    found = [_figures(finding, ends) for finding in findings]
    return Figures(max(one.least_tokens for one in found), max(one.most_tokens for one in found))


def _figures(finding: Finding, ends: Ends | None) -> Figures:
    rose, restarted = finding.rose_tokens, finding.restarted_tokens
    if ends is not None and finding.kind is not FindingKind.ALTERNATES:
        for step in (_head(finding, ends), _tail(finding, ends)):
            rose, restarted = rose + step[0], restarted + step[1]
    least = max(0, rose)
    return Figures(least, max(least, rose + restarted))


def _head(finding: Finding, ends: Ends) -> tuple[int, int]:
    """Tokens that rose, and that a restart would have left, from the opening reading to the first sample."""
    if finding.first_at <= ends.opened_at:
        return 0, 0
    return _step(ends.opening, finding.first_value)


def _tail(finding: Finding, ends: Ends) -> tuple[int, int]:
    """The same from the last sample to the closing reading, which is earlier where the next day began earlier."""
    if ends.closed_at <= finding.last_at:
        return min(0, ends.closing - finding.last_value), 0
    return _step(finding.last_value, ends.closing)


def _step(before: int, after: int) -> tuple[int, int]:
    return (after - before, 0) if after >= before else (0, after)
