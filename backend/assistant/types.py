"""Nouns of wording: numbered alerts go in, groups of numbers with a title and a text come out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.clock import TEHRAN


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

    @property
    def since(self) -> str:
        """The time of day at which it began, in Tehran, as our own sentences say it."""
        return f"{self.started_at.astimezone(TEHRAN):%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedGroup:
    """A group of alerts, by their numbers, in a model's words; it has passed the validator."""

    numbers: tuple[int, ...]
    title: str
    text: str


class Refusal(StrEnum):
    """The reason why the validator refuses an answer."""

    GROUPS = "groups"
    LENGTH = "length"
    LETTERS = "letters"
    ADDRESS = "address"
    COMMAND = "command"
    CAUSE = "cause"
    REASSURANCE = "reassurance"
    NUMBER = "number"
    WORD = "word"
    NEGATION = "negation"
    ORDER = "order"


class WordingReason(StrEnum):
    """The origin of what a reader sees: a model's words, or the reason why there are none.

    ``WAITING``: a model is being asked, by this process or another. ``OFF``: there is no key, or no alert. ``RESTING``:
    the model failed several times in a row and is left alone for a while.
    """

    WORDED = "worded"
    OFF = "off"
    WAITING = "waiting"
    BUDGET_TOKENS = "budget_tokens"
    BUDGET_CALLS = "budget_calls"
    RESTING = "resting"
    REJECTED = "rejected"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    KEY_REFUSED = "key_refused"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    DECLINED = "declined"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Groups of alerts in a model's words, all of them or none, and where that comes from."""

    reason: WordingReason
    groups: tuple[WordedGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The use of the model: tokens of the day, calls of the hour, and the failures since the last success."""

    tokens_today: int
    calls_in_hour: int
    last_failures: tuple[datetime, ...]
    """When the newest calls failed, the newest first, as far as no success lies between."""
