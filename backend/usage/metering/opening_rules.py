"""The table of openings: the whole rule for the opening reading of a series. Pure. `docs/*/usage.md` shows it, too.

Each process incarnation is classified once (``kind_of``). Its kind names the places in which the opening reading of
each of its series is looked for, in order (``rule_of``). The first place that has a reading of the series opens it. A
series without a reading in any of them began at zero (``opening_of``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, assert_never

from backend.usage.types import EarlierClosing, Key, OpeningSource, StoredIncarnation, UsageFlag, Values


class IncarnationKind(StrEnum):
    """Classification of a process incarnation in a window (start, end].

    Its start is *watched* if it lies in the window, or less than the look-back before it while samples or stored
    readings prove that Prometheus was watching. Then all that it ever counted is ours to bill.
    """

    STORED = "stored"
    """Scraped before the window, and its closing readings are stored."""
    RETURNED = "returned"
    """Stored for an earlier day, not scraped in the look-back before the window, and scraped again within it."""
    WATCHED = "watched"
    """Its start was watched; stored, or scraped before a window whose day before is not stored."""
    BORN = "born"
    """Its start was watched; first scraped within the window."""
    OVERLOOKED = "overlooked"
    """Its start was watched; its scrapes of the day before came after that day was stored without it."""
    KNOWN = "known"
    """Its start was not watched; scraped before the window, and not stored."""
    COLD = "cold"
    """Its start was not watched; first scraped within the window, and not stored."""
    MOVED = "moved"
    """Its start time moved within the window: it may be the same process that was scraped before."""
    LATE = "late"
    """Ended before the window, and stored; more of its scrapes came after that."""
    LATE_BORN = "late_born"
    """Ended before the window; its start was watched; scrapes came after the day before was stored."""
    LATE_COLD = "late_cold"
    """Ended before the window; its start was not watched; all scrapes came after the day before was stored."""
    SILENT = "silent"
    """Stored, alive, and not scraped in the window."""
    NO_START = "no_start"
    """An instance without a start time."""

    @property
    def is_born(self) -> bool:
        """Whether the start of the process was watched, so that all its meters began at zero."""
        return self in _BORN


_BORN = frozenset(
    {
        IncarnationKind.WATCHED,
        IncarnationKind.BORN,
        IncarnationKind.OVERLOOKED,
        IncarnationKind.LATE_BORN,
    }
)
UNKNOWN_PAST = frozenset({IncarnationKind.COLD, IncarnationKind.LATE, IncarnationKind.LATE_COLD})
"""Kinds whose series may have been above zero before their first scrape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncarnationFacts:
    """The facts about an incarnation that decide its kind."""

    is_scraped_before: bool
    is_scraped_within: bool
    is_stored: bool
    is_born: bool
    """Whether its start was watched."""
    is_moved: bool
    is_day_before_stored: bool


def kind_of(facts: IncarnationFacts) -> IncarnationKind:
    """The kind of an incarnation that was scraped in the window, or whose scrapes came too late for the day before."""
    if facts.is_moved:
        return IncarnationKind.MOVED
    if not facts.is_scraped_within:
        return _late_kind(facts)
    if facts.is_born:
        return _born_kind(facts)
    if facts.is_stored:
        return IncarnationKind.STORED if facts.is_scraped_before else IncarnationKind.RETURNED
    return IncarnationKind.KNOWN if facts.is_scraped_before else IncarnationKind.COLD


def _late_kind(facts: IncarnationFacts) -> IncarnationKind:
    if facts.is_born:
        return IncarnationKind.LATE_BORN
    return IncarnationKind.LATE if facts.is_stored else IncarnationKind.LATE_COLD


def _born_kind(facts: IncarnationFacts) -> IncarnationKind:
    if facts.is_stored:
        return IncarnationKind.WATCHED
    if not facts.is_scraped_before:
        return IncarnationKind.BORN
    return IncarnationKind.OVERLOOKED if facts.is_day_before_stored else IncarnationKind.WATCHED


class OpeningPlace(StrEnum):
    """A place in which an opening reading is looked for."""

    STORED = "stored"
    """The closing reading that is stored for the last day of the incarnation."""
    STORED_EARLIER = "stored_earlier"
    """The closing reading that is stored for the last day with the series, if that is an earlier day. Flagged
    ``gap_across_boundary``."""
    SCRAPED = "scraped"
    """The boundary sample: the last one at or before the start of the window. Flagged ``cold_start`` if it is above
    zero and the day before is stored, because that day did not count it, and nobody knows why."""
    FIRST_SEEN = "first_seen"
    """The first sample, in place of an unknown opening. Flagged ``cold_start``, or ``start_time_moved``."""


class OpeningRule(NamedTuple):
    """A row of the table: the places in order, and the source of zero for a series without a reading in any of them."""

    places: tuple[OpeningPlace, ...]
    zero: OpeningSource


def rule_of(kind: IncarnationKind) -> OpeningRule:
    """The row of the table for one kind."""
    stored, earlier, scraped, first_seen = OpeningPlace
    places: tuple[OpeningPlace, ...]
    match kind:
        case IncarnationKind.STORED | IncarnationKind.LATE:
            places, zero = (stored, earlier, scraped, first_seen), OpeningSource.FIRST_USED
        case IncarnationKind.RETURNED:
            places, zero = (stored, earlier), OpeningSource.FIRST_USED
        case IncarnationKind.WATCHED:
            places, zero = (stored, earlier, scraped), OpeningSource.FIRST_USED
        case IncarnationKind.LATE_BORN:
            places, zero = (stored, earlier, scraped), OpeningSource.BORN
        case IncarnationKind.BORN | IncarnationKind.OVERLOOKED:
            places, zero = (), OpeningSource.BORN
        case IncarnationKind.KNOWN:
            places, zero = (scraped, first_seen), OpeningSource.FIRST_USED
        case IncarnationKind.COLD | IncarnationKind.MOVED | IncarnationKind.LATE_COLD:
            places, zero = (first_seen,), OpeningSource.FIRST_USED
        case IncarnationKind.SILENT:
            places, zero = (stored,), OpeningSource.FIRST_USED
        case IncarnationKind.NO_START:
            places, zero = (scraped,), OpeningSource.FIRST_USED
        case _:
            assert_never(kind)
    return OpeningRule(places, zero)


RULES = {kind: rule_of(kind) for kind in IncarnationKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningReadings:
    """All readings that can open the series of one incarnation. Copies are merged."""

    kind: IncarnationKind
    started_at: datetime
    stored: StoredIncarnation | None = None
    stored_earlier: Mapping[Key, EarlierClosing] = field(default_factory=dict)
    scraped: Values = field(default_factory=dict)
    scraped_at: datetime
    """When ``scraped`` was scraped; the start of the window if there is no such scrape."""
    firsts: Values = field(default_factory=dict)
    first_at: datetime | None = None
    """When the first samples were scraped, except those of the series in ``firsts_at``."""
    firsts_at: Mapping[Key, datetime | None] = field(default_factory=dict)
    is_day_before_stored: bool = False
    rule: OpeningRule = field(init=False)

    def __post_init__(self) -> None:
        """Look up the row of the table once, because an incarnation has many thousand series."""
        object.__setattr__(self, "rule", RULES[self.kind])


class Opening(NamedTuple):
    """The opening reading of a series in tokens, its time and source, and flags for what is counted from it."""

    value: int
    at: datetime
    source: OpeningSource
    flags: tuple[UsageFlag, ...] = ()


_COLD = (UsageFlag.COLD_START,)
_GAP = (UsageFlag.GAP_ACROSS_BOUNDARY,)
_MOVED = (UsageFlag.START_TIME_MOVED,)


def opening_of(given: OpeningReadings, key: Key) -> Opening:
    """The opening of a series: its reading in the first place of the kind that has one, else zero."""
    rule = given.rule
    for place in rule.places:
        opening = _opening_in(place, given, key)
        if opening is not None:
            return opening
    if rule.zero is OpeningSource.BORN:
        return Opening(0, given.started_at, OpeningSource.BORN)
    return Opening(0, _first_at(given, key) or given.scraped_at, OpeningSource.FIRST_USED)


def _opening_in(place: OpeningPlace, given: OpeningReadings, key: Key) -> Opening | None:
    match place:
        case OpeningPlace.STORED:
            if given.stored is not None and key in given.stored.closings:
                return Opening(given.stored.closings[key], given.stored.closed_at, OpeningSource.STORED)
        case OpeningPlace.STORED_EARLIER:
            if key in given.stored_earlier:
                _, value, at = given.stored_earlier[key]
                return Opening(value, at, OpeningSource.STORED, _GAP)
        case OpeningPlace.SCRAPED:
            if key in given.scraped:
                value = given.scraped[key]
                flags = _COLD if value > 0 and given.is_day_before_stored else ()
                return Opening(value, given.scraped_at, OpeningSource.SCRAPED, flags)
        case OpeningPlace.FIRST_SEEN:
            if key in given.firsts:
                at = _first_at(given, key) or given.started_at
                flags = _MOVED if given.kind is IncarnationKind.MOVED else _COLD
                return Opening(given.firsts[key], at, OpeningSource.FIRST_SEEN, flags)
        case _:
            assert_never(place)
    return None


def _first_at(given: OpeningReadings, key: Key) -> datetime | None:
    return given.firsts_at.get(key, given.first_at)


def plain_openings(given: OpeningReadings) -> tuple[Mapping[Key, int], datetime, OpeningSource]:
    """The readings of the first place, which open most series without a flag; ``opening_of`` opens all others.

    A night reads 400,000 series, and a look into this dict is faster than a call of ``opening_of``.
    """
    first = next(iter(given.rule.places), None)
    if first is OpeningPlace.STORED and given.stored is not None:
        return given.stored.closings, given.stored.closed_at, OpeningSource.STORED
    if first is OpeningPlace.SCRAPED and not given.is_day_before_stored:
        return given.scraped, given.scraped_at, OpeningSource.SCRAPED
    return {}, given.scraped_at, OpeningSource.FIRST_USED
