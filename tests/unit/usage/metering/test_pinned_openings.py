"""Where a series opens, for every combination of what can be known of its process; recorded in openings.txt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from backend.usage.metering.incarnations import EPOCH
from backend.usage.types import (
    NOTHING_STORED,
    EarlierClosing,
    IncarnationKey,
    MeterKey,
    StoredClosings,
    StoredIncarnation,
    StoredIncarnations,
)
from tests.unit.usage.metering.pinned_world import (
    LOOKBACK_H,
    POD,
    Scraped,
    at,
    count_at,
    evidence,
    key,
    measured,
)

RECORD = Path(__file__).with_name("openings.txt")
# From when until when a process is scraped.
SPANS = {
    "all day": (-2, 24),
    "from the third hour": (3, 24),
    "until the tenth hour": (-2, 10),
    "a moment": (3, 3),
    "until before": (-2, -1),
    "until midnight": (-2, 0),
}
OLD_H = -30
YOUNG, OLD, INSIDE = "young", "old", "inside"
# Which series are there when: always, from the fifth hour on, until the eighth; G has no target of its own.
SHOWN = {"A": (-99, 99), "B": (5, 99), "C": (-99, 99), "D": (-99, 99), "V": (-99, 8), "G": (4, 99)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known of a process."""

    span: str
    age: str
    stored: str
    is_watched: bool = True
    told_no_start: bool = False
    other_target: tuple[float, float] | None = None
    moves_at_h: float | None = None

    def __str__(self) -> str:
        more = ["watched" if self.is_watched else "unwatched"]
        more += ["no start time before"] if self.told_no_start else []
        more += [f"other target {self.other_target}"] if self.other_target else []
        more += [f"moves at {self.moves_at_h}"] if self.moves_at_h else []
        return ", ".join([self.span, self.age, self.stored, *more])

    @property
    def start_h(self) -> float:
        """When the process started."""
        first = SPANS[self.span][0]
        if self.moves_at_h is not None:
            return self.moves_at_h - 1
        return {OLD: OLD_H, INSIDE: first - 0.5, YOUNG: min(first, 0) - 0.5}[self.age]

    def targets(self) -> list[Scraped]:
        """The process, perhaps by two targets, and another one that shows since when anybody was watching."""
        first, last = SPANS[self.span]
        runs: list[tuple[float, float, float]] = [(self.start_h, first, last)]
        if self.moves_at_h is not None:
            runs = [(-40, first, self.moves_at_h - 0.1), (self.start_h, self.moves_at_h, last)]
        one = Scraped(runs=runs, shows=SHOWN, borrowed=frozenset({"G"}))
        watcher = Scraped(
            instance="pod:2", runs=[(-50, -LOOKBACK_H if self.is_watched else 1, 26)], shows={"W": (-99, 99)}
        )
        if self.other_target is None:
            return [one, watcher]
        begin, end = self.other_target
        other = Scraped(
            job="again", runs=[(self.start_h, begin, end)], shows={"A": (-99, 99), "E": (-99, 99)}
        )
        return [one, other, watcher]

    def closings(self) -> StoredClosings:
        """What the database tells."""
        incarnation = (POD, at(self.start_h))
        incarnations, older = (
            dict[IncarnationKey, StoredIncarnation](),
            dict[IncarnationKey, StoredIncarnation](),
        )
        if self.stored in {"at midnight", "too early", "hours before"}:
            incarnations[incarnation] = _stored(
                {"at midnight": 0, "too early": -1.5, "hours before": -8}[self.stored]
            )
        if self.stored == "days ago":
            older[incarnation] = _stored(-20)
        if self.told_no_start:
            incarnations[POD, EPOCH] = _stored(0)
        return StoredClosings(
            previous_day=self.stored != "no day",
            incarnations=incarnations,
            older=lambda wanted: _chosen(older, wanted),
            earlier=_earlier,
        )


def _stored(closed_h: float) -> StoredIncarnation:
    return StoredIncarnation(at(closed_h), {key("A"): count_at(closed_h), key("V"): count_at(closed_h)})


def _chosen(incarnations: StoredIncarnations, wanted: Sequence[IncarnationKey]) -> StoredIncarnations:
    return {incarnation: incarnations[incarnation] for incarnation in wanted if incarnation in incarnations}


def _earlier(wanted: Sequence[MeterKey]) -> dict[MeterKey, EarlierClosing]:
    told = EarlierClosing(date(2026, 11, 20), count_at(-29), at(-29))
    return {meter: told for meter in wanted if meter[2] == key("D")}


def cases() -> Iterator[Case]:
    """Every combination that can be."""
    days = ("no day", "day without it", "at midnight", "too early", "hours before", "days ago")
    for span, age, stored, is_watched in product(SPANS, (YOUNG, OLD, INSIDE), days, (True, False)):
        if age == INSIDE and (SPANS[span][0] < 0 or stored not in {"no day", "day without it"}):
            continue
        case: dict[str, Any] = {"span": span, "age": age, "stored": stored, "is_watched": is_watched}
        yield Case(**case)
        if age == YOUNG and stored != "no day":
            yield Case(**case, told_no_start=True)
        if span in {"all day", "from the third hour"} and is_watched:
            yield Case(**case, other_target=(6, 24))
            yield Case(**case, other_target=(-1, 24))
        if span == "all day" and age == OLD:
            yield Case(**case, moves_at_h=5)
            yield Case(**case, moves_at_h=-1)


EVERY = list(cases())


def test_every_case_is_recorded_once() -> None:
    recorded = [line.partition(" | ")[0] for line in RECORD.read_text().splitlines()]

    assert recorded == [str(case) for case in EVERY]


@pytest.mark.parametrize("span", SPANS)
def test_a_series_opens_as_recorded(span: str) -> None:
    recorded = dict(line.split(" | ") for line in RECORD.read_text().splitlines())

    found = {
        str(case): evidence(measured(case.targets(), case.closings)) for case in EVERY if case.span == span
    }

    assert found == {name: told for name, told in recorded.items() if name in found}


def test_a_process_that_tells_no_start_time_opens_at_its_lowest_reading_and_is_held() -> None:
    mute = Scraped(runs=[(OLD_H, -2, 24)], shows={"A": (-99, 99), "B": (5, 99)}, tells_start=False)
    watcher = Scraped(instance="pod:2", runs=[(-50, -4, 26)], shows={"W": (-99, 99)})

    found = measured([mute, watcher], lambda: replace(NOTHING_STORED, previous_day=True))

    assert evidence(found) == (
        "A:scraped=100000@0.0..124000@24.0~0!low_coverage!no_start_time!held "
        "B:first_used=0@0.0..124000@24.0~0!low_coverage!no_start_time!held"
    )


@pytest.mark.parametrize(
    "seen_again",
    [
        pytest.param([(26, 27)], id="it was seen afterwards"),
        pytest.param([], id="its address was tried for six hours"),
    ],
)
def test_a_silent_process_stands_where_it_was_stored(seen_again: list[tuple[float, float]]) -> None:
    watcher = Scraped(instance="pod:2", runs=[(-50, -4, 26)], shows={"W": (-99, 99)})
    silent = Scraped(runs=[(OLD_H, *span) for span in seen_again], shows={"A": (-99, 99)})
    stored = replace(NOTHING_STORED, previous_day=True, incarnations={(POD, at(OLD_H)): _stored(0)})

    found = measured([silent, watcher], lambda: stored)

    held = "100000@0.0..100000@0.0~0!low_coverage!held"
    assert evidence(found) == f"A:stored={held} V:stored={held}"
