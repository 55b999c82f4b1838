"""Scrape history: the process incarnations that the samples of the start time show, and when each was scraped. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from backend.usage.metering.labels import storable
from backend.usage.types import IncarnationKey

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The boundary queries look back so far. An incarnation without a scrape in that time is asked for by itself.
NEAR_MS = 600_000
# Linux rounds the start time of a process down to whole seconds.
START_PRECISION_MS = 1000


def milliseconds(instant: datetime) -> int:
    """An aware instant as milliseconds since 1970, rounded down."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def microseconds(instant: datetime) -> int:
    """An aware instant as microseconds since 1970."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant_of(at_ms: int) -> datetime:
    """Milliseconds since 1970 as an aware instant."""
    return EPOCH + timedelta(milliseconds=at_ms)


class Run(NamedTuple):
    """Consecutive scrapes of a target with the same start time. All times are milliseconds since 1970."""

    start_us: int
    times: list[int]


class Copy(NamedTuple):
    """The scrapes of an incarnation by one target. Several runs only where two processes alternate at the address."""

    target: int
    runs: list[Run]

    def has_scrape_at(self, at_ms: int) -> bool:
        """Whether the target has a scrape of the incarnation at exactly this time."""
        return any(at_ms in run.times for run in self.runs)


class Point(NamedTuple):
    """A scrape to read counters at. Samples before ``since_ms`` do not belong to its incarnation."""

    target: int
    at_ms: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Target:
    """A series of the start time: an address as one job and one replica of Prometheus scrape it."""

    labels: Mapping[str, str]
    runs: list[Run]

    @property
    def instance(self) -> str:
        """The address. Each restart puts another process behind it."""
        return self.labels.get("instance", "")


@dataclass(slots=True)
class Incarnation:
    """A process from its start to its end: an address and a start time, with the scrapes of all targets in order."""

    instance: str
    start_us: int
    copies: list[Copy]
    times: list[int]
    successor_ms: int | None = None
    gone_ms: int | None = None
    """When Prometheus tried its address for the last time, if it dropped the address before the successor started."""
    moves: list[Point] = field(default_factory=list)
    """Scrapes at which a target first shows this start time, although it scraped another one after that time.

    No process can start before the last scrape of the process before it. So the start time was moved, as exporters do
    that compute it again after a step of the clock, and the same process may go on counting.
    """
    name: str = field(init=False)
    """The address as it is stored."""
    started_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Compute the stored name and the start as an instant once, because millions of rows hold them."""
        self.name = storable(self.instance)
        self.started_at = EPOCH + timedelta(microseconds=self.start_us)

    @property
    def key(self) -> IncarnationKey:
        """Its address and its start, as they are stored."""
        return (self.name, self.started_at)

    @property
    def start_ms(self) -> int:
        """Start of the process, in milliseconds since 1970."""
        return self.start_us // 1000

    @property
    def begin_ms(self) -> int:
        """Beginning of its living time: its start, or its first scrape if the start time was moved."""
        is_moved = any(move.at_ms == self.times[0] for move in self.moves)
        return self.times[0] if is_moved else self.start_ms

    def moved_within(self, after_ms: int, until_ms: int) -> Point | None:
        """The last move in (after, until]. What was counted before it may belong to another incarnation."""
        moves = [move for move in self.moves if after_ms < move.at_ms <= until_ms]
        return max(moves, key=lambda move: move.at_ms, default=None)

    def last_scrape_ms(self, at_ms: int) -> int | None:
        """Time of the last scrape at or before an instant."""
        index = bisect_right(self.times, at_ms)
        return self.times[index - 1] if index else None

    def is_scraped_within_span(self, after_ms: int, until_ms: int) -> bool:
        """Whether any scrape lies in (after, until]."""
        last = self.last_scrape_ms(until_ms)
        return last is not None and last > after_ms


@dataclass(frozen=True, slots=True)
class ScrapeHistory:
    """Every target and every incarnation that was scraped in a period."""

    targets: list[Target]
    incarnations: list[Incarnation]

    @property
    def first_ms(self) -> int | None:
        """Time of the first scrape of any incarnation."""
        return min((incarnation.times[0] for incarnation in self.incarnations), default=None)

    @property
    def last_ms(self) -> int | None:
        """Time of the last scrape of any incarnation."""
        return max((incarnation.times[-1] for incarnation in self.incarnations), default=None)


def history_of(matrix: Iterable[Mapping[str, Any]], *, is_wanted: Callable[[str], bool]) -> ScrapeHistory:
    """The targets and incarnations in the raw samples of ``process_start_time_seconds``, of the wanted instances.

    Series with the same instance and start time show the same incarnation, whatever their job, replica and other
    labels are.
    """
    targets: list[Target] = []
    for series in matrix:
        labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
        if is_wanted(labels.get("instance", "")):
            targets.append(Target(labels, _runs(series["values"])))
    # Sorted, so that the result does not depend on the order of the answer.
    targets.sort(key=lambda target: sorted(target.labels.items()))
    return ScrapeHistory(targets, _incarnations(targets))


def _runs(samples: Sequence[Sequence[Any]]) -> list[Run]:
    return [
        Run(round(float(value) * 1_000_000), [round(at_s * 1000) for at_s, _ in run])
        for value, run in groupby(samples, itemgetter(1))
    ]


def _incarnations(targets: Sequence[Target]) -> list[Incarnation]:
    copies: dict[tuple[str, int], dict[int, list[Run]]] = {}
    for index, target in enumerate(targets):
        for run in target.runs:
            copies.setdefault((target.instance, run.start_us), {}).setdefault(index, []).append(run)
    incarnations = []
    for (instance, start_us), by_target in sorted(copies.items()):
        found = [Copy(index, runs) for index, runs in by_target.items()]
        incarnations.append(Incarnation(instance, start_us, found, _merged(found)))
        incarnations[-1].moves = [
            move for copy in found for move in _moves(targets[copy.target], copy, incarnations[-1])
        ]
    for incarnation, following in pairwise(incarnations):
        if incarnation.instance == following.instance:
            incarnation.successor_ms = following.start_ms
    return incarnations


def _moves(target: Target, copy: Copy, incarnation: Incarnation) -> Iterator[Point]:
    if len(target.runs) == 1:
        return
    for before, run in pairwise(target.runs):
        is_other = before.start_us != run.start_us == incarnation.start_us
        if is_other and before.times[-1] > incarnation.start_ms + START_PRECISION_MS:
            yield Point(copy.target, run.times[0], run.times[0])


def _merged(copies: Sequence[Copy]) -> list[int]:
    if len(copies) == 1 and len(copies[0].runs) == 1:
        return copies[0].runs[0].times
    return sorted({at for copy in copies for run in copy.runs for at in run.times})


def point_at(copy: Copy, at_ms: int) -> Point | None:
    """The last scrape in a copy at or before an instant; None if there is none."""
    for run in reversed(copy.runs):
        if run.times[0] <= at_ms:
            seen = run.times[bisect_right(run.times, at_ms) - 1]
            return Point(copy.target, seen, run.times[0])
    return None


def overlap(copies: Sequence[Copy]) -> bool:
    """Whether two targets scraped an incarnation at the same time; a renamed target begins where the old one ends."""
    spans = sorted((copy.runs[0].times[0], copy.runs[-1].times[-1]) for copy in copies)
    return any(later[0] <= earlier[1] for earlier, later in pairwise(spans))


def first_point(copy: Copy) -> Point:
    """The first scrape in a copy."""
    first = copy.runs[0].times[0]
    return Point(copy.target, first, first)


def is_in_boundary_vector(target: Target, seen_ms: int, at_ms: int) -> bool:
    """Whether the boundary query at ``at_ms`` reads only the process of the target's last scrape, ``seen_ms``."""
    if at_ms - seen_ms >= NEAR_MS:
        return False
    near = [run for run in target.runs if run.times[0] <= at_ms and run.times[-1] >= at_ms - NEAR_MS]
    return len(near) == 1
