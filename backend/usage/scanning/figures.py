"""Computes the two figures of a meter that fell: its tokens are not below the one and not above the other. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from backend.usage.scanning.types import Finding, FindingKind


class Ends(NamedTuple):
    """Opening and closing reading of a meter on a day, in tokens."""

    opening: int
    opened_at: datetime
    closing: int
    closed_at: datetime


class Figures(NamedTuple):
    """Tokens of a meter that fell on a day."""

    least_tokens: int
    """The sum of all rises, which the scrapes prove."""
    most_tokens: int
    """The sum of all rises, and of the values after each fall, as if each fall were a restart from zero."""


def figures_of(findings: Iterable[Finding], ends: Ends | None) -> Figures:
    """The figures of one meter from its findings. Of several copies of the meter the highest figures count.

    ``ends`` adds what was counted between the boundary samples and the samples of the finding. It is None if the
    opening reading is no boundary sample.
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
    """Rise, and value after a fall, from the opening reading to the first sample of the finding."""
    if finding.first_at <= ends.opened_at:
        return 0, 0
    return _step(ends.opening, finding.first_value)


def _tail(finding: Finding, ends: Ends) -> tuple[int, int]:
    """The same from the last sample of the finding to the closing reading.

    Negative if the closing reading is earlier and lower, because the stored next day started there.
    """
    if ends.closed_at <= finding.last_at:
        return min(0, ends.closing - finding.last_value), 0
    return _step(finding.last_value, ends.closing)


def _step(before: int, after: int) -> tuple[int, int]:
    return (after - before, 0) if after >= before else (0, after)
