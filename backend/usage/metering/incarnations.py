"""Process incarnations from the samples of the start time: processes, their times, and the targets that saw them."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from backend.usage.metering.labels import storable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What the two queries over everybody look back from a boundary; incarnations with a longer gap are read one by one.
NEAR_MS = 600_000
# Linux tells when it booted, and so when a process started, in whole seconds that are rounded down.
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
    """An incarnation as a target shows it. Several runs only where two processes answer under the same name."""

    target: int
    runs: list[Run]

    def has_scrape_at(self, at_ms: int) -> bool:
        """Whether the target scraped the incarnation at this very instant."""
        return any(at_ms in run.times for run in self.runs)


class Point(NamedTuple):
    """The scrape that a reading is taken from; samples before ``since_ms`` are not of this incarnation."""

    target: int
    at_ms: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Target:
    """A scraped address under a job and replica."""

    labels: Mapping[str, str]
    runs: list[Run]

    @property
    def instance(self) -> str:
        """The address; the process behind it changes."""
        return self.labels.get("instance", "")


@dataclass(slots=True)
class Incarnation:
    """A process from its start to its end, from the scrapes of all targets."""

    instance: str
    start_us: int
    copies: list[Copy]
    times: list[int]
    successor_ms: int | None = None
    gone_ms: int | None = None
    """When its address was certainly known for the last time, if a later incarnation only took over the address."""
    moves: list[Point] = field(default_factory=list)
    """Where a run of this incarnation follows scrapes of the same target that are newer than its start.

    No process starts before its address was last seen with an older one: the start time was moved, as exporters
    do that work it out anew after a step of the clock, and it may be the same process that goes on counting.
    """
    name: str = field(init=False)
    """The address as it is stored."""
    started_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Say the name, and the start as an instant, once; millions of rows point to them."""
        self.name = storable(self.instance)
        self.started_at = EPOCH + timedelta(microseconds=self.start_us)

    @property
    def start_ms(self) -> int:
        """Start of the process, in milliseconds since 1970."""
        return self.start_us // 1000

    @property
    def begin_ms(self) -> int:
        """From when on it is to be seen: its start, or its first scrape where the start cannot be believed."""
        is_moved = any(move.at_ms == self.times[0] for move in self.moves)
        return self.times[0] if is_moved else self.start_ms

    def moved_within(self, after_ms: int, until_ms: int) -> Point | None:
        """The last move in (after, until]; nothing that was counted before it is proven to be its own."""
        moves = [move for move in self.moves if after_ms < move.at_ms <= until_ms]
        return max(moves, key=lambda move: move.at_ms, default=None)

    def last_scrape_ms(self, at_ms: int) -> int | None:
        """The last scrape at or before an instant."""
        index = bisect_right(self.times, at_ms)
        return self.times[index - 1] if index else None

    def is_scraped_within_span(self, after_ms: int, until_ms: int) -> bool:
        """Whether any scrape lies in (after, until]."""
        last = self.last_scrape_ms(until_ms)
        return last is not None and last > after_ms


@dataclass(frozen=True, slots=True)
class ScrapeHistory:
    """Every target and every incarnation that was seen."""

    targets: list[Target]
    incarnations: list[Incarnation]

    @property
    def first_ms(self) -> int | None:
        """The first scrape of anything."""
        return min((incarnation.times[0] for incarnation in self.incarnations), default=None)

    @property
    def last_ms(self) -> int | None:
        """The last scrape of anything."""
        return max((incarnation.times[-1] for incarnation in self.incarnations), default=None)


def history_of(matrix: Iterable[Mapping[str, Any]], *, is_wanted: Callable[[str], bool]) -> ScrapeHistory:
    """The incarnations in the raw samples of ``process_start_time_seconds``.

    An incarnation is an instance and a start time; job, replica and every other label only tell copies of it apart.
    """
    targets: list[Target] = []
    for series in matrix:
        labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
        if is_wanted(labels.get("instance", "")):
            targets.append(Target(labels, _runs(series["values"])))
    # The order of an answer decides nothing, not even between equals.
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
    """The last scrape of an incarnation by one target at or before an instant, if there is one."""
    for run in reversed(copy.runs):
        if run.times[0] <= at_ms:
            seen = run.times[bisect_right(run.times, at_ms) - 1]
            return Point(copy.target, seen, run.times[0])
    return None


def overlap(copies: Sequence[Copy]) -> bool:
    """Whether two targets scraped an incarnation at one time; under another name one goes on where the other ends."""
    spans = sorted((copy.runs[0].times[0], copy.runs[-1].times[-1]) for copy in copies)
    return any(later[0] <= earlier[1] for earlier, later in pairwise(spans))


def first_point(copy: Copy) -> Point:
    """The first scrape of an incarnation by one target."""
    first = copy.runs[0].times[0]
    return Point(copy.target, first, first)


def is_in_boundary_vector(target: Target, seen_ms: int, at_ms: int) -> bool:
    """Whether the query over everybody at an instant reads, for a target, exactly the process it showed last."""
    if at_ms - seen_ms >= NEAR_MS:
        return False
    near = [run for run in target.runs if run.times[0] <= at_ms and run.times[-1] >= at_ms - NEAR_MS]
    return len(near) == 1
