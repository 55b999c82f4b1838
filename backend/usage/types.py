"""Types of usage. Rows of which a night has hundreds of thousands are named tuples."""

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
    """A process that ran before its first scrape: only what its counters rose since then is counted."""
    LOW_COVERAGE = "low_coverage"
    """The processes of this tenant were scraped for too little of the day."""
    READING_WENT_BACK = "reading_went_back"
    """A closing reading below the opening reading: the meter counts nothing."""
    NO_START_TIME = "no_start_time"
    """A counter of an instance without a start time."""
    START_TIME_MOVED = "start_time_moved"
    """A process whose start time changed while it ran: only what it counted after that is counted."""
    COUNTER_FELL = "counter_fell"
    """A counter went down while its process ran. Only what rose is proven; an operator chooses what is billed."""
    ALTERNATES = "alternates"
    """Several processes alternate at one address: each scrape reaches only one of them."""
    SEVERAL_PROCESSES = "several_processes"
    """Several processes with the same address and start time: only the highest of their counters is counted."""
    NOT_SCANNED = "not_scanned"
    """The samples within the day were not scanned, or a finding belongs to no known process."""
    DUPLICATE_SCRAPE = "duplicate_scrape"
    """The same process was scraped twice; it counts once."""
    GAP_ACROSS_BOUNDARY = "gap_across_boundary"
    """Nothing was scraped around a midnight: some tokens belong to the neighbouring day."""
    BEYOND_STORAGE = "beyond_storage"
    """A number too large to store, which no meter of tokens can reach: it counts nothing."""
    OPEN = "open"
    """The day has not ended: the usage so far."""


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
"""Flags that hold an invoice until an operator has reviewed it."""


class OpeningSource(StrEnum):
    """Origin of an opening reading."""

    STORED = "stored"
    """The closing reading that is stored for an earlier day."""
    SCRAPED = "scraped"
    """The last scrape at or before the beginning of the day."""
    BORN = "born"
    """Zero: the start of the process was watched."""
    FIRST_USED = "first_used"
    """Zero: the process had been scraped before without this counter."""
    FIRST_SEEN = "first_seen"
    """Unknown: the first sample stands in for it."""


FEW_METERS = 10
"""Fewer meters than this do not tell whether meters have vanished."""

Key = tuple[str, str, str]
"""Label of the tenant, model and type of token: what an invoice bills in one line."""

Values = dict[Key, int]
"""Readings of one incarnation at one time, in tokens."""


class MeterReading(NamedTuple):
    """Opening and closing reading of a meter on a day, in tokens. A meter is one series of one process incarnation."""

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
    """The two figures between which the tokens of a meter that fell lie."""

    LEAST = "least"
    """The sum of all rises."""
    MOST = "most"
    """The sum of all rises, and of the values after each fall, as if each fall were a restart from zero."""


class MeterFall(NamedTuple):
    """A meter that fell on a day, with both figures in tokens, and the samples that prove them."""

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
        """The tokens of the meter by one of the figures."""
        return self.most_tokens if figure is FallFigure.MOST else self.least_tokens


class MeterContinuity(NamedTuple):
    """Number of meters that were alive at the end of the day before, and how many of them have a reading on the day."""

    expected: int
    read: int

    @property
    def have_vanished(self) -> bool:
        """Whether more than half of the expected meters have no reading. Never true for fewer than ten meters."""
        return self.expected >= FEW_METERS and 2 * self.read < self.expected


NO_METERS = MeterContinuity(0, 0)


class UsageRow(NamedTuple):
    """Tokens of a tenant, model and type on a day. ``coverage`` is from 0 to 1; ``unseen_estimate`` is never billed."""

    tenant: str
    model: str
    type: str
    tokens: int
    coverage: Decimal
    unseen_estimate: int
    held: bool
    flags: tuple[str, ...]


class DailyUsage(NamedTuple):
    """Stored tokens of one tenant on a day, by model and type."""

    day: date
    model: str
    type: str
    tokens: int
    coverage: Decimal
    unseen_estimate: int
    held: bool
    flags: tuple[str, ...]


class UnknownLabel(NamedTuple):
    """A label on counters that no tenant has. Its tokens are stored and shown, and never invoiced."""

    label: str
    first_day: date
    last_day: date
    days: int
    tokens: int


class UnknownLabels(NamedTuple):
    """A page of the unknown labels, in the order of the alphabet, and the number of all."""

    rows: list[UnknownLabel]
    total: int


class ClosedIncarnation(NamedTuple):
    """A process incarnation with readings on a day, and the time of the last scrape."""

    instance: str
    incarnation_start: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMeasurement:
    """All usage of a day with its evidence. ``series`` is the number of meters, ``incarnations`` are their processes.

    ``series_at_end`` is the number of series in the boundary query at the end of the day. A scan of the day must have
    found as many. ``is_scanned``: all parts of the day were scanned after its end, and their findings are in here.
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
    is_scanned: bool = False
    incarnations: list[ClosedIncarnation]


class StoredIncarnation(NamedTuple):
    """The closing readings that are stored for one process incarnation, of the last day on which it was measured."""

    closed_at: datetime
    closings: Values


IncarnationKey = tuple[str, datetime]
"""Instance and start time: what identifies a process incarnation."""

StoredIncarnations = dict[IncarnationKey, StoredIncarnation]

MeterKey = tuple[str, datetime, Key]
"""A process incarnation and what of it is billed: what identifies a meter."""


class EarlierClosing(NamedTuple):
    """The last stored closing reading of a meter that has none on the last stored day of its incarnation."""

    day: date
    closing: int
    closed_at: datetime


class NextOpening(NamedTuple):
    """The opening reading of a meter on the next day, which is stored already."""

    opening: int
    opened_at: datetime
    source: str


NextOpenings = dict[IncarnationKey, dict[Key, NextOpening]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClosings:
    """The stored readings around a window.

    ``previous_day`` says whether the day before is stored; then an incarnation without a reading on it was not billed
    on it. ``incarnations`` are its closing readings. ``older`` reads those of incarnations that were last measured on
    an earlier day; ``earlier`` reads those of single meters. ``following`` are the opening readings of the next day, if
    that is stored already.
    """

    previous_day: bool
    incarnations: StoredIncarnations
    older: Callable[[Sequence[IncarnationKey]], StoredIncarnations]
    earlier: Callable[[Sequence[MeterKey]], dict[MeterKey, EarlierClosing]] = lambda _meters: {}
    following: NextOpenings = field(default_factory=dict)


NOTHING_STORED = StoredClosings(previous_day=False, incarnations={}, older=lambda _incarnations: {})
