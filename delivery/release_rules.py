"""Versions and release notes from commit messages, as pure functions.

A message may end with a line of its own for the people who use the portal: ``Breaks: what they must do now``,
``Adds: what they can do now`` or ``Fixes: what works again``. Such a line decides the version and stands in the notes;
a change without one counts as a fix and is named by its subject.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple, Self

# Semantic Versioning 2.0.0 without build metadata and pre-releases: every release of ours is one for all.
_TAG = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)


class Effect(StrEnum):
    """What a change means to those who use the portal, the greatest first. The value is the name of the line."""

    BREAKS = "Breaks"
    ADDS = "Adds"
    FIXES = "Fixes"


class Version(NamedTuple):
    """A semantic version."""

    major: int
    minor: int
    patch: int

    @classmethod
    def of_tag(cls, tag: str) -> Self | None:
        """The version of a tag such as v1.4.0; None where the tag is no version."""
        found = _TAG.fullmatch(tag)
        return cls(*map(int, found.groups())) if found else None

    @property
    def tag(self) -> str:
        """The tag of this version."""
        return f"v{self}"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A commit: its subject, and its lines for people."""

    subject: str
    told: tuple[tuple[Effect, str], ...] = ()


def next_version(last: Version, changes: Sequence[Change]) -> Version:
    """The version after these changes. Below 1.0.0 a change that breaks something counts like one that adds."""
    effects = {effect for change in changes for effect, _ in change.told}
    if Effect.BREAKS in effects and last.major:
        return Version(last.major + 1, 0, 0)
    if effects & {Effect.BREAKS, Effect.ADDS}:
        return Version(last.major, last.minor + 1, 0)
    return Version(last.major, last.minor, last.patch + 1)


def notes(version: Version, day: date, changes: Sequence[Change]) -> str:
    """The notes of a release in Markdown: what it means to people first, then the other changes by their subjects."""
    parts = [f"## {version} ({day})"]
    for effect in Effect:
        lines = [sentence for change in changes for each, sentence in change.told if each is effect]
        parts += _part(effect, lines)
    parts += _part("Also changed", [change.subject for change in changes if not change.told])
    return "\n\n".join(parts) + "\n"


def _part(title: str, lines: Sequence[str]) -> list[str]:
    return [f"### {title}", "\n".join(f"- {line}" for line in lines)] if lines else []
