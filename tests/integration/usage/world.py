"""Synthetic processes with known truth: what they did, what a scraper saw of it, and what that proves.

The proof is computed from the raw samples, one after the other, by other means than the product's.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

Key = tuple[str, str, str]
Labels = tuple[tuple[str, str], ...]

METRIC = "openai_tokens_total"
START = "process_start_time_seconds"
UP = "up"
HOUR = 3600


@dataclass(frozen=True)
class Event:
    at: float
    key: Key
    tokens: int


@dataclass
class Process:
    """One incarnation: its counters start at ``base`` and grow by events."""

    instance: str
    start: float
    end: float
    events: list[Event] = field(default_factory=list)
    base: dict[Key, int] = field(default_factory=dict)
    eager: Sequence[Key] = ()
    tells_start: bool = True
    moves: Sequence[tuple[float, float]] = ()
    """From when on it tells another start time, and which."""
    silent: Sequence[tuple[float, float]] = ()
    """When it tells no start time."""

    def told_start(self, at: float) -> float | None:
        """The start time that it tells at an instant."""
        if not self.tells_start or any(begin <= at < end for begin, end in self.silent):
            return None
        return next((start for since, start in reversed(self.moves) if since <= at), self.start)

    def values_at(self, at: float) -> dict[Key, int]:
        """The exposition at an instant."""
        values = {**dict.fromkeys(self.eager, 0), **self.base}
        for event in self.events:
            if event.at > at:
                break
            values[event.key] = values.get(event.key, 0) + event.tokens
        return values


@dataclass
class Scraper:
    """Who scrapes: every ``interval`` seconds at an offset, except in gaps (of everybody, or of one instance)."""

    interval: float = 60
    offset: float = 7
    job: str = "docuchat"
    extra: Mapping[str, str] = field(default_factory=dict)
    only_counters: Mapping[str, str] = field(default_factory=dict)
    """Labels that it puts on counters alone."""
    gaps: Sequence[tuple[float, float]] = ()
    instance_gaps: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    begins: float = 0
    ends: float = float("inf")
    keys: Sequence[Key] | None = None
    """The only series that it keeps, when it does not keep all."""
    targets: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """When it knew of an address, and so tells ``up`` of it."""

    def ups(self, processes: Sequence[Process]) -> Iterator[tuple[str, float, int]]:
        """Address, instant, and whether somebody answered."""
        for instance, known in self.targets.items():
            answered = {at for one in processes if one.instance == instance for at in self.times(one)}
            for begin, end in known:
                first = int((begin - self.offset) // self.interval) + 1
                for number in range(first, int((end - self.offset) // self.interval) + 1):
                    at = self.offset + number * self.interval
                    if not any(start <= at < stop for start, stop in self.gaps):
                        yield instance, at, int(at in answered)

    def times(self, process: Process) -> Iterator[float]:
        """When this process was scraped."""
        gaps = [*self.gaps, *self.instance_gaps.get(process.instance, ())]
        first = int((process.start - self.offset) // self.interval) + 1
        for number in count(first):
            at = self.offset + number * self.interval
            if at >= process.end or at > self.ends:
                return
            if at >= self.begins and not any(begin <= at < end for begin, end in gaps):
                yield at


@dataclass
class World:
    """Everything under one value of the label ``scenario``."""

    name: str
    processes: list[Process]
    scrapers: list[Scraper]

    def samples(self) -> Iterator[tuple[str, Labels, float, float]]:
        """What Prometheus holds: metric, labels, seconds, value."""
        for scraper in self.scrapers:
            for instance, at, is_up in scraper.ups(self.processes):
                named = {"scenario": self.name, "job": scraper.job, "instance": instance, **scraper.extra}
                yield UP, tuple(named.items()), at, is_up
            for process in self.processes:
                target = {
                    "scenario": self.name,
                    "job": scraper.job,
                    "instance": process.instance,
                    **scraper.extra,
                }
                for at, values in exposed(process, scraper):
                    if (start := process.told_start(at)) is not None:
                        yield START, tuple(target.items()), at, start
                    for (tenant, model, kind), value in values.items():
                        labels = {
                            **target,
                            **scraper.only_counters,
                            "tenant": tenant,
                            "model": model,
                            "type": kind,
                        }
                        yield METRIC, tuple(labels.items()), at, value

    def proven(self, start: float, end: float, *, history_from: float) -> dict[Key, int]:
        """Tokens that are first seen in (start, end], sample by sample.

        ``history_from``: a process older than this is cold to a scraper until its first scrape; what a series had
        counted then is nobody's, unless an older scraper ever showed it: that one saw it, or saw it appear.
        """
        tokens: dict[Key, int] = defaultdict(int)
        for process in self.processes:
            shown = [list(exposed(process, scraper)) for scraper in self.scrapers]
            unknown = first_shown(shown) if process.start <= history_from else {}
            seen = sorted(
                (at, number, values) for number, samples in enumerate(shown) for at, values in samples
            )
            highest: dict[Key, int] = {}
            for at, number, values in seen:
                for key, value in values.items():
                    before = highest.get(key, 0)
                    if unknown.get(key) == (at, number):
                        before = max(before, value)
                    if start < at <= end:
                        tokens[key] += max(0, value - before)
                    highest[key] = max(value, before)
        return dict(tokens)

    def true(self, start: float, end: float) -> dict[Key, int]:
        """What the processes really did in the window, whoever saw it."""
        tokens: dict[Key, int] = defaultdict(int)
        for process in self.processes:
            for event in process.events:
                if start < event.at <= end:
                    tokens[event.key] += event.tokens
        return dict(tokens)


def exposed(process: Process, scraper: Scraper) -> Iterator[tuple[float, dict[Key, int]]]:
    """Each scrape of a process with what it exposed."""
    values = {**dict.fromkeys(process.eager, 0), **process.base}
    pending = iter(process.events)
    event = next(pending, None)
    for at in scraper.times(process):
        while event is not None and event.at <= at:
            values[event.key] = values.get(event.key, 0) + event.tokens
            event = next(pending, None)
        kept = values if scraper.keys is None else {key: values[key] for key in scraper.keys if key in values}
        yield at, dict(kept)


def first_shown(shown: Sequence[Sequence[tuple[float, dict[Key, int]]]]) -> dict[Key, tuple[float, int]]:
    """Series that the oldest scraper that ever shows them showed at its first scrape: when, and by which one."""
    known: set[Key] = set()
    found: dict[Key, tuple[float, int]] = {}
    for at, number in sorted((samples[0][0], number) for number, samples in enumerate(shown) if samples):
        found |= dict.fromkeys(shown[number][0][1].keys() - known, (at, number))
        known.update(*(values.keys() for _, values in shown[number]))
    return found


def keys_of(tenants: int) -> list[Key]:
    """The series of some tenants."""
    return [
        (f"tenant-{number}", "gpt-4o", kind) for number in range(tenants) for kind in ("prompt", "completion")
    ]


def events(
    dice: random.Random, keys: Sequence[Key], start: float, end: float, per_hour: float
) -> list[Event]:
    """Requests of many sizes; each tenant has its own rhythm."""
    found = []
    for number, key in enumerate(keys):
        rate = max(1e-9, per_hour * (1 + number % 5) ** 2 / 9)
        at = start + dice.expovariate(rate / HOUR)
        while at < end:
            found.append(Event(at, key, dice.randint(1, 4000)))
            at += dice.expovariate(rate / HOUR)
    return sorted(found, key=lambda event: event.at)


def openmetrics_blocks(worlds: Sequence[World], block_s: int) -> dict[int, str]:
    """Texts for promtool, one for each block."""
    blocks: dict[int, dict[tuple[str, Labels], list[tuple[float, float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for world in worlds:
        for metric, labels, at, value in world.samples():
            blocks[int(at // block_s)][metric, labels].append((at, value))
    return {number: _text(series) for number, series in sorted(blocks.items())}


def _text(series: Mapping[tuple[str, Labels], Sequence[tuple[float, float]]]) -> str:
    lines: list[str] = []
    for (metric, labels), samples in sorted(series.items()):
        inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
        lines += [f"{metric}{{{inner}}} {value} {at:.3f}" for at, value in sorted(samples)]
    return "\n".join([*lines, "# EOF", ""])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
