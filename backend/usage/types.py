"""Types of usage. Mass rows are named tuples: a night has hundreds of thousands of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from backend.clock import Window


class UsageFlag(StrEnum):
    """Warning about a figure. The sentence for people is ``usage.flag.<value>`` in the catalogue."""

    COLD_START = "cold_start"
    """A process older than its first scrape: only the growth that was observed is counted."""
    LOW_COVERAGE = "low_coverage"
    """The processes of this tenant were scraped for too little of the day."""
    READING_WENT_BACK = "reading_went_back"
    """A closing reading below its opening one: the meter counts nothing."""
    NO_START_TIME = "no_start_time"
    """A counter of an instance that does not tell when its process started."""
    START_TIME_MOVED = "start_time_moved"
    """A process whose start time changed while it ran: only what it counted after that is proven."""
    COUNTER_FELL = "counter_fell"
    """A counter went down while its process ran: only what rose is proven, and a person chooses what is billed."""
    ALTERNATES = "alternates"
    """Several processes answer in turn under one address: each scrape shows only one of them."""
    SEVERAL_PROCESSES = "several_processes"
    """Several processes under one address and start time: only the highest of their counters is counted."""
    NOT_SCANNED = "not_scanned"
    """Nobody has looked at what happened inside the day."""
    DUPLICATE_SCRAPE = "duplicate_scrape"
    """The same process was scraped twice; it counts once."""
    GAP_ACROSS_BOUNDARY = "gap_across_boundary"
    """Nothing was scraped around a midnight: some tokens belong to the neighbouring day."""
    BEYOND_STORAGE = "beyond_storage"
    """A number that no meter of tokens ever reaches, and that cannot be stored: it counts nothing."""
    OPEN = "open"
    """The day has not ended: measured so far."""


HOLDING = frozenset(
    {
        UsageFlag.COLD_START,
        UsageFlag.LOW_COVERAGE,
        UsageFlag.READING_WENT_BACK,
        UsageFlag.NO_START_TIME,
        UsageFlag.START_TIME_MOVED,
        UsageFlag.COUNTER_FELL,
        UsageFlag.ALTERNATES,
        UsageFlag.SEVERAL_PROCESSES,
        UsageFlag.NOT_SCANNED,
        UsageFlag.BEYOND_STORAGE,
    }
)
"""Flags with which no invoice is issued before an operator has looked."""


class OpeningSource(StrEnum):
    """Origin of an opening reading."""

    STORED = "stored"
    """The closing reading that we stored for the day before."""
    SCRAPED = "scraped"
    """The last scrape at or before the beginning of the day."""
    BORN = "born"
    """Zero: the process was born while we watched."""
    FIRST_USED = "first_used"
    """Zero: the process had been scraped before without this counter."""
    FIRST_SEEN = "first_seen"
    """Unknown; the first value that was seen stands in for it."""


FEW_METERS = 10

Key = tuple[str, str, str]
"""What is billed apart: a tenant's label, the model that answered, and the type of token."""

Values = dict[Key, int]
"""Readings of one incarnation at one instant."""


class MeterReading(NamedTuple):
    """Opening and closing reading of a meter: a series of a process incarnation on a day."""

    tenant: str
    model: str
    type: str
    instance: str
    incarnation_start: datetime
    opening: int
    opened_at: datetime
    opening_source: str
    closing: int
    closed_at: datetime


class FallFigure(StrEnum):
    """Figure of a meter that fell."""

    LEAST = "least"
    """All that rose."""
    MOST = "most"
    """The same with what was left after each fall, as if each were a restart from zero."""


class MeterFall(NamedTuple):
    """A meter that fell on a day, with the least and the most tokens that it may stand for: evidence of both."""

    tenant: str
    model: str
    type: str
    instance: str
    incarnation_start: datetime
    kind: str
    falls: int
    first_value: int
    first_at: datetime
    last_value: int
    last_at: datetime
    least_tokens: int
    most_tokens: int

    def tokens(self, figure: FallFigure) -> int:
        """The tokens of the meter by a figure."""
        return self.most_tokens if figure is FallFigure.MOST else self.least_tokens


class MeterContinuity(NamedTuple):
    """Meters that were alive at the end of the day before, and how many of them have a reading on the day."""

    expected: int
    read: int

    @property
    def have_vanished(self) -> bool:
        """Whether more than half of them are gone; a few meters say nothing."""
        return self.expected >= FEW_METERS and 2 * self.read < self.expected


NO_METERS = MeterContinuity(0, 0)


class UsageRow(NamedTuple):
    """Tokens of a series on a day, and their certainty. ``unseen_estimate`` is an estimate and never billed."""

    tenant: str
    model: str
    type: str
    tokens: int
    coverage: Decimal
    unseen_estimate: int
    held: bool
    flags: tuple[str, ...]


class DailyUsage(NamedTuple):
    """Stored tokens of a model and type of a tenant on a day."""

    day: date
    model: str
    type: str
    tokens: int
    coverage: Decimal
    unseen_estimate: int
    held: bool
    flags: tuple[str, ...]


class UnknownLabel(NamedTuple):
    """A label on counters that no tenant has: stored, shown, never invoiced."""

    label: str
    first_day: date
    last_day: date
    days: int
    tokens: int


class UnknownLabels(NamedTuple):
    """A stretch of the unknown labels in their order, and how many there are in all."""

    rows: list[UnknownLabel]
    total: int


class ClosedIncarnation(NamedTuple):
    """A process incarnation that has readings on a day, and when the last of them was scraped."""

    instance: str
    incarnation_start: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMeasurement:
    """All usage of a day with its evidence. ``series`` counts meters, ``incarnations`` are their processes.

    ``series_at_end`` counts the billed series at the end of the day, as they are told: a scan of the day saw as many.
    """

    day: date
    window: Window
    measured_at: datetime
    rows: list[UsageRow]
    readings: list[MeterReading]
    falls: Sequence[MeterFall] = ()
    meters: MeterContinuity = NO_METERS
    series: int
    series_at_end: int = 0
    incarnations: list[ClosedIncarnation]


class StoredIncarnation(NamedTuple):
    """The closing readings that we stored for one process incarnation on the last day it was measured."""

    closed_at: datetime
    closings: Values


IncarnationKey = tuple[str, datetime]
"""Instance and start of incarnation."""

StoredIncarnations = dict[IncarnationKey, StoredIncarnation]

MeterKey = tuple[str, datetime, Key]
"""Instance and start of incarnation, and what of it is counted."""


class EarlierClosing(NamedTuple):
    """The last closing of a meter, from before the last stored day of its incarnation."""

    day: date
    closing: int
    closed_at: datetime


class NextOpening(NamedTuple):
    """Opening reading of a meter on a stored day."""

    opening: int
    opened_at: datetime
    source: str


NextOpenings = dict[IncarnationKey, dict[Key, NextOpening]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClosings:
    """The stored readings at the beginning of a window.

    ``previous_day`` says whether the day that ends there is stored whole: an incarnation without a reading in it
    was then never billed. ``older`` looks up incarnations that were last seen on an earlier day than that one,
    ``earlier`` single meters of others. ``following`` is where the next day begins, if that is stored already.
    """

    previous_day: bool
    incarnations: StoredIncarnations
    older: Callable[[Sequence[IncarnationKey]], StoredIncarnations]
    earlier: Callable[[Sequence[MeterKey]], dict[MeterKey, EarlierClosing]] = lambda _meters: {}
    following: NextOpenings = field(default_factory=dict)


NOTHING_STORED = StoredClosings(previous_day=False, incarnations={}, older=lambda _incarnations: {})
