"""Nouns of wording: numbered alerts go in, groups of numbers with a title and a text come out."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedAlert:
    """An alert as a model may read it: everything here is data, cleaned and cut, and nothing else is evidence.

    ``number`` counts from 1 without a gap, ``group`` is the number of its group in our own summary. ``facts`` are
    allow-listed labels and annotations by name, at most 200 characters each, without invisible signs and secrets.
    ``fingerprint`` and ``is_muted`` are part of what identifies the alert's state; a model need not read the former.
    """

    number: int
    group: int
    fingerprint: str
    name: str
    severity: str
    service: str
    is_muted: bool
    started_at: datetime
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedGroup:
    """A group of alerts, by their numbers, in a model's words; it has passed the validator."""

    numbers: tuple[int, ...]
    title: str
    text: str
