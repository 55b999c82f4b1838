"""Worlds with things inside a day that no reading at a boundary shows."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.integration.usage.nights import BEGIN, END, POD, SECOND, A, B, midnight
from tests.integration.usage.world import HOUR, METRIC, START, Key, Labels

MORNING = midnight(SECOND)
POD2 = "10.0.0.2:8000"
INTERVAL = 120
Course = Callable[[float], int | None]
"""What a counter shows at an instant; None where it is not there."""


@dataclass(kw_only=True)
class Told:
    """A world that is given by what its counters show, by address and series."""

    name: str
    counters: Mapping[tuple[str, Key], Course]
    starts: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=lambda: {POD: [(BEGIN, END)]})
    """When each address had a process: from its start to its end."""
    replicas: Mapping[str, float] = field(default_factory=lambda: {"": 0})
    """Copies of Prometheus, and how much later each of them scrapes."""
    tells_start: bool = True
    missing: Sequence[tuple[float, float]] = ()
    """From when until when no sample has come yet."""

    def samples(self) -> Iterator[tuple[str, Labels, float, float]]:
        """What Prometheus holds."""
        for replica, later in self.replicas.items():
            common = {"scenario": self.name, "job": "docuchat"}
            common |= {"prometheus_replica": replica} if replica else {}
            for instance, incarnations in self.starts.items():
                target = {**common, "instance": instance}
                for start, end in incarnations:
                    for at in self._times(start, end, later):
                        if self.tells_start:
                            yield START, tuple(target.items()), at, start
                        yield from self._counters(target, instance, at)

    def _times(self, start: float, end: float, later: float) -> Iterator[float]:
        begin = max(start, MORNING - 5 * HOUR)
        count = int((min(end, MORNING + 26 * HOUR) - begin) // INTERVAL)
        for number in range(count):
            at = begin + later + 7 + INTERVAL * number
            if not any(since <= at < until for since, until in self.missing):
                yield at

    def _counters(
        self, target: Mapping[str, str], instance: str, at: float
    ) -> Iterator[tuple[str, Labels, float, float]]:
        for (address, (tenant, model, kind)), course in self.counters.items():
            value = course(at) if address == instance else None
            if value is not None:
                labels = {**target, "tenant": tenant, "model": model, "type": kind}
                yield METRIC, tuple(labels.items()), at, value


@dataclass(kw_only=True)
class Siblings(Told):
    """A process whose counters have a label that nobody here knows: several series make one meter."""

    workers: Mapping[tuple[str, Key], Course]

    def _counters(
        self, target: Mapping[str, str], instance: str, at: float
    ) -> Iterator[tuple[str, Labels, float, float]]:
        yield from super()._counters(target, instance, at)
        for (worker, (tenant, model, kind)), course in self.workers.items():
            value = course(at)
            if value is not None:
                labels = {**target, "tenant": tenant, "model": model, "type": kind, "worker": worker}
                yield METRIC, tuple(labels.items()), at, value

    def used(self) -> int:
        """Tokens of the day, of all workers: what each rose, and what a new one had counted when it was first seen."""
        last, used = dict[Labels, float](), 0.0
        for metric, labels, at, value in self.samples():
            if metric != METRIC or "worker" not in dict(labels) or at > MORNING + 24 * HOUR:
                continue
            used += max(0, value - last.get(labels, 0)) if at > MORNING else 0
            last[labels] = value
        return round(used)


def siblings() -> list[Siblings]:
    """One of two workers vanishes at ten, at midnight, or comes at eight and goes at noon; the other one lives on."""
    living = points((-6, 0), (0, 1000), (24, 3000), (40, 3000))
    others = {
        "vanishes": points((-6, 0), (0, 600), (10, 900), (10.01, None)),
        "vanishes-at-midnight": points((-6, 0), (-0.01, 600), (0, None)),
        "comes-and-goes": points((0, None), (8, 0), (12, 500), (12.01, None)),
    }
    return [
        Siblings(
            name=f"sibling-{name}", counters={(POD, B): STEADY}, workers={("1", A): course, ("2", A): living}
        )
        for name, course in others.items()
    ]


def points(*known: tuple[float, int | None]) -> Course:
    """A counter that goes evenly from one point to the next, given as hours of the day; None: it is not there."""

    def value(at: float) -> int | None:
        hour = (at - MORNING) / HOUR
        before = [point for point in known if point[0] <= hour]
        after = [point for point in known if point[0] > hour]
        if not before or not after or before[-1][1] is None:
            return (before or after)[-1][1] if not after else None if not before else before[-1][1]
        (begin, first), (end, last) = before[-1], after[0]
        if last is None:
            return first
        return first + round((last - first) * (hour - begin) / (end - begin))

    return value


STEADY = points((-6, 0), (30, 3600))


def in_turn(name: str = "in-turn") -> Told:
    """Three workers in turn count 2000, 3000 and 4000; the files of the first two are deleted after they ended."""
    course = points((0, 0), (7.99, 2000), (8, 0), (15.99, 3000), (16, 0), (23.9, 4000), (40, 4000))
    return Told(
        name=name, counters={(POD, A): course, (POD, B): STEADY}, starts={POD: [(MORNING - HOUR, END)]}
    )


def falls_once() -> Told:
    """From 600 thousand to 900, a fall to 100 thousand, and on to a million."""
    course = points(
        (-6, 600_000), (0, 600_000), (9.99, 900_000), (10, 100_000), (23.9, 1_000_000), (40, 1_000_000)
    )
    return Told(name="falls-once", counters={(POD, A): course, (POD, B): STEADY})


@dataclass
class Workers:
    """Processes that share a port and a start time: each scrape shows one of them."""

    count: int
    seed: int
    key: Key = A

    def values(self) -> dict[int, int]:
        """What each scrape shows, by its number."""
        return self._told()[0]

    def used(self) -> int:
        """What all of them counted within the day."""
        return self._told()[1]

    def _told(self) -> tuple[dict[int, int], int]:
        dice = random.Random(self.seed)  # noqa: S311 - seeded
        counted = [dice.randint(0, 5000) for _ in range(self.count)]
        shown: dict[int, int] = {}
        opening: list[int] = []
        for number in range(-200, 800):
            quiet = number < -100 or number > 700
            worker = number % self.count if quiet else dice.randrange(self.count)
            if not quiet:
                counted[dice.randrange(self.count)] += dice.choice((0, dice.randint(1, 60)))
            if number == 0:
                opening = list(counted)
            shown[number] = sorted(counted, reverse=True)[worker] if quiet else counted[worker]
        return shown, sum(counted) - sum(opening)


def shared_port(seed: int) -> Told:
    """Four workers that share one port and one start time."""
    values = Workers(4, seed).values()

    def course(at: float) -> int:
        number = int((at - MORNING) // INTERVAL)
        return values[min(max(number, -200), 799)]

    return Told(name=f"shared-port-{seed}", counters={(POD, A): course, (POD, B): STEADY})


def came_and_went() -> Told:
    """A series that is first used at ten and dropped at noon, in a process that lives on."""
    course = points((0, None), (10, 0), (12, 500), (12.01, None))
    return Told(name="came-and-went", counters={(POD, A): course, (POD, B): STEADY})


def went_before_its_end() -> Told:
    """A process is replaced in place at noon, another ends for good; both dropped a series hours before."""
    course = points((0, None), (8, 0), (9, 300), (9.01, None))
    return Told(
        name="went-before-its-end",
        counters={(POD, A): course, (POD, B): STEADY, (POD2, A): course, (POD2, B): STEADY},
        starts={
            POD: [(BEGIN, MORNING + 12 * HOUR), (MORNING + 12 * HOUR + 90, END)],
            POD2: [(BEGIN, MORNING + 13 * HOUR)],
        },
    )


def restarted_then_falls() -> Told:
    """A process that is replaced at noon; only its successor's counter falls."""
    course = points((-6, 0), (11.99, 5000), (12, 0), (17.99, 600), (18, 200), (30, 900))
    incarnations = [(BEGIN, MORNING + 12 * HOUR), (MORNING + 12 * HOUR, END)]
    return Told(
        name="restarted-then-falls", counters={(POD, A): course, (POD, B): STEADY}, starts={POD: incarnations}
    )


def pair() -> Told:
    """Two servers scrape the same process, whose counter falls once."""
    course = points((-6, 600), (0, 600), (9.99, 900), (10, 100), (23.9, 1000), (40, 1000))
    return Told(name="pair", counters={(POD, A): course, (POD, B): STEADY}, replicas={"a": 0, "b": 40})


def falls_at_midnight() -> Told:
    """The step over the midnight is a fall: of this day, not of the one before."""
    course = points((-6, 0), (-0.05, 700), (0, 50), (24.5, 500), (40, 500))
    return Told(name="falls-at-midnight", counters={(POD, A): course})


def without_start() -> Told:
    """A process that tells no start time falls."""
    course = points((-6, 0), (11.99, 700), (12, 0), (30, 500))
    return Told(name="without-start", counters={(POD, A): course}, tells_start=False)


def odd() -> Told:
    """A company with a label that no database keeps, and a counter beyond all numbers: both fall."""
    zero = ("zero\0byte", "gpt-4o", "prompt")
    fallen = points((-6, 0), (11.99, 700), (12, 0), (30, 500))
    beyond = points((-6, 10**19), (11.99, 10**20), (12, 10**19), (30, 10**20))
    return Told(name="odd", counters={(POD, zero): fallen, (POD, A): beyond})


def late_fall(*, has_come: bool) -> Told:
    """A counter falls at ten and has made up for it by noon; those hours come late."""
    course = points((-6, 600), (9.99, 900), (10, 100), (12, 1000), (30, 4000))
    return Told(
        name=f"late-fall-{'after' if has_come else 'before'}",
        counters={(POD, A): course, (POD, B): STEADY},
        missing=[] if has_come else [(MORNING + 9.9 * HOUR, MORNING + 12 * HOUR)],
    )


def late_series(*, has_come: bool) -> Told:
    """The start times and one counter came at once, and another one, which falls at noon, came late."""
    fallen = points((-6, 0), (11.99, 700), (12, 0), (30, 2000))
    late = {(POD, A): fallen} if has_come else {}
    return Told(name=f"late-series-{'after' if has_come else 'before'}", counters={(POD, B): STEADY, **late})


SHARED_PORT_SEEDS = (1, 2, 3, 4, 5)


def scan_worlds() -> list[Told]:
    """All of them."""
    return [
        in_turn(),
        falls_once(),
        came_and_went(),
        went_before_its_end(),
        restarted_then_falls(),
        pair(),
        falls_at_midnight(),
        without_start(),
        odd(),
        *(late(has_come=has_come) for late in (late_fall, late_series) for has_come in (False, True)),
        *siblings(),
        *map(shared_port, SHARED_PORT_SEEDS),
    ]
