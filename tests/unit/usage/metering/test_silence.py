"""Incarnations that nobody saw in a window: which of them are missing, and which had ended before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from backend.usage.metering.coverage import ObservedTime, Span
from backend.usage.metering.incarnations import (
    EPOCH,
    Copy,
    Incarnation,
    Run,
    ScrapeHistory,
    Target,
    milliseconds,
)
from backend.usage.metering.opening_rules import IncarnationKind, OpeningReadings
from backend.usage.metering.silence import meters_read, was_nothing_scraped, with_silent_incarnations
from backend.usage.metering.source import Source
from backend.usage.metering.survey import NOT_OBSERVED, Survey
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.types import (
    NOTHING_STORED,
    IncarnationKey,
    MeterContinuity,
    NextOpening,
    OpeningSource,
    StoredClosings,
    StoredIncarnation,
)
from tests.unit.usage.incarnations import incarnation

MIDNIGHT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
SPAN = Span(milliseconds(MIDNIGHT), milliseconds(MIDNIGHT + timedelta(days=1)))
BORN = MIDNIGHT - timedelta(days=9)
LOST = ("pod:lost", BORN)
A = ("acme", "gpt-4o", "prompt")
HOUR_MS = 3_600_000


class Addresses:
    """A Prometheus that knew some addresses of the counters' selection until some hour of the window."""

    def __init__(self, *, is_alive: bool = True, **until_h: float) -> None:
        self._until_h, self._is_alive = until_h, is_alive
        self.asked: list[str] = []
        self.asked_at_ms: list[int] = []

    def is_alive_at(self, at_ms: int) -> bool:
        self.asked_at_ms.append(at_ms)
        return self._is_alive

    def ups(
        self, history: ScrapeHistory, names: Sequence[str], span: Span, *, is_selected: bool
    ) -> dict[str, list[int]]:
        assert history.targets, "whose labels tell an address from one that another program had"
        self.asked.extend(names)
        known = {f"pod:{name}": hours for name, hours in self._until_h.items() if is_selected}
        return {
            name: [span.start_ms + 1, span.start_ms + round(known[name] * HOUR_MS)]
            for name in names
            if name in known
        }


def a_day_with_somebody(*others: Incarnation) -> Survey:
    run = Run(SPAN.start_ms * 1000, [SPAN.start_ms + HOUR_MS])
    somebody = Incarnation("pod:here", run.start_us, [Copy(0, [run])], run.times)
    return Survey(
        span=SPAN,
        lookback_ms=4 * HOUR_MS,
        history=ScrapeHistory([Target({"instance": "pod:here"}, [run])], [somebody, *others]),
        observations={0: ObservedTime(1000, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)},
        previous_day_is_stored=True,
        stored={},
        no_start_before=frozenset(),
    )


@pytest.mark.parametrize(
    ("closed_before", "until_h", "unseen_h"),
    [
        pytest.param(timedelta(minutes=1), 24.0, 24.0, id="its address was tried all day"),
        pytest.param(timedelta(minutes=1), 6.0, 6.0, id="its address was tried for some hours"),
        pytest.param(timedelta(minutes=1), 0.01, None, id="it ended at midnight"),
        pytest.param(timedelta(hours=5), 24.0, None, id="it ended hours before, and another has its address"),
        pytest.param(timedelta(days=2), 24.0, 24.0, id="it was silent all the day before"),
        pytest.param(timedelta(minutes=1), 1 / 12, None, id="it was tried for five minutes"),
        pytest.param(timedelta(minutes=1), 0.0834, 0.0834, id="it was tried a moment longer"),
        pytest.param(timedelta(minutes=1), None, None, id="its address is not known"),
    ],
)
def test_what_was_alive_at_midnight_is_missing_as_long_as_its_address_is_tried(
    closed_before: timedelta, until_h: float | None, unseen_h: float | None
) -> None:
    stored = StoredIncarnation(MIDNIGHT - closed_before, {A: 70})
    source: Any = Addresses() if until_h is None else Addresses(lost=until_h)

    found = with_silent_incarnations(
        source, a_day_with_somebody(), replace(NOTHING_STORED, incarnations={LOST: stored}), []
    )

    unseen_ms = None if unseen_h is None else round(unseen_h * HOUR_MS)
    assert [one.observation.unseen_ms for one in found] == ([] if unseen_ms is None else [unseen_ms])
    assert source.asked == ([] if closed_before == timedelta(hours=5) else ["pod:lost"])


MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("closed_before", "is_asked"),
    [
        pytest.param(timedelta(minutes=5), True, id="five minutes"),
        pytest.param(timedelta(minutes=5) + MOMENT, False, id="longer"),
        pytest.param(timedelta(hours=23), False, id="the shortest day"),
        pytest.param(timedelta(hours=23) + MOMENT, True, id="all of the day before"),
    ],
)
def test_only_an_address_of_one_that_may_have_lived_is_asked_for(
    closed_before: timedelta, *, is_asked: bool
) -> None:
    stored = replace(
        NOTHING_STORED, incarnations={LOST: StoredIncarnation(MIDNIGHT - closed_before, {A: 70})}
    )
    source: Any = Addresses(lost=24.0)

    with_silent_incarnations(source, a_day_with_somebody(), stored, [])

    assert source.asked == (["pod:lost"] if is_asked else [])


def process_at(name: str, *scraped_h: float) -> Incarnation:
    """A process that was born days before, under its own address."""
    run = Run(milliseconds(BORN) * 1000, [SPAN.start_ms + round(hours * HOUR_MS) for hours in scraped_h])
    return Incarnation(f"pod:{name}", run.start_us, [Copy(1, [run])], run.times)


def closed_at_midnight(*incarnations: IncarnationKey) -> StoredClosings:
    before = {incarnation: StoredIncarnation(MIDNIGHT, {A: 70}) for incarnation in incarnations}
    return replace(NOTHING_STORED, incarnations=before)


def test_one_that_is_seen_again_after_the_window_is_missing_all_day() -> None:
    survey, source = a_day_with_somebody(process_at("lost", 25)), Addresses()

    [one] = with_silent_incarnations(cast("Source", source), survey, closed_at_midnight(LOST), [])

    assert (one.incarnation.name, one.observation.unseen_ms) == ("pod:lost", 24 * HOUR_MS)
    assert source.asked == []


def test_one_whose_scrapes_came_late_is_missing_and_keeps_its_later_readings() -> None:
    late = incarnation({A: 75}, incarnation=process_at("lost", -0.1), observation=NOT_OBSERVED)
    here = incarnation({A: 9}, incarnation=process_at("here", 1))
    source: Any = Addresses(lost=6.0)

    found = with_silent_incarnations(source, a_day_with_somebody(), closed_at_midnight(LOST), [late, here])

    unseen = ObservedTime(6 * HOUR_MS, 6 * HOUR_MS, gap_across_boundary=False, ended_ms=None, tail_ms=0)
    assert found == [replace(late, observation=unseen), here]


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(closed_at_midnight(("pod:here", BORN)), id="another process has its address"),
        pytest.param(closed_at_midnight(("pod:lost", EPOCH)), id="it told no start time"),
        pytest.param(
            replace(NOTHING_STORED, incarnations={LOST: StoredIncarnation(MIDNIGHT, {})}),
            id="it had no meter",
        ),
    ],
)
def test_nobody_is_missing_where_nothing_tells_it(stored: StoredClosings) -> None:
    here = incarnation({A: 9}, incarnation=process_at("here", 1))
    source: Any = Addresses(here=24.0, lost=24.0)

    assert with_silent_incarnations(source, a_day_with_somebody(), stored, [here]) == [here]
    assert source.asked == []


def test_a_day_on_which_nobody_was_seen_is_not_explained_by_silence() -> None:
    nobody, source = replace(a_day_with_somebody(), observations={}), Addresses(lost=24.0)

    assert with_silent_incarnations(cast("Source", source), nobody, closed_at_midnight(LOST), []) == []


@pytest.mark.parametrize(
    ("closed_before", "is_alive", "was_nothing"),
    [
        pytest.param(timedelta(minutes=5), False, True, id="somebody lived, and nothing was scraped"),
        pytest.param(timedelta(minutes=5), True, False, id="somebody lived, and others were scraped"),
        pytest.param(timedelta(minutes=5) + MOMENT, False, False, id="nobody lived"),
    ],
)
def test_a_day_is_dark_where_somebody_lived_and_nothing_was_scraped_until_its_end(
    closed_before: timedelta, *, is_alive: bool, was_nothing: bool
) -> None:
    before = StoredIncarnation(MIDNIGHT - closed_before, {A: 70})
    source = Addresses(is_alive=is_alive)

    found = was_nothing_scraped(
        cast("Source", source), SPAN, replace(NOTHING_STORED, incarnations={LOST: before})
    )

    assert found is was_nothing
    assert set(source.asked_at_ms) <= {SPAN.end_ms}


def test_what_the_stored_next_day_knows_again_is_missing_all_day_and_stands_where_it_was() -> None:
    stored = StoredIncarnation(MIDNIGHT - timedelta(minutes=1), {A: 70})
    again = {LOST: {A: NextOpening(90, MIDNIGHT, OpeningSource.STORED)}}
    source: Any = Addresses()

    [one] = with_silent_incarnations(
        source,
        a_day_with_somebody(),
        replace(NOTHING_STORED, incarnations={LOST: stored}, following=again),
        [],
    )

    day_ms = SPAN.end_ms - SPAN.start_ms
    assert one == IncarnationReadings(
        incarnation=Incarnation("pod:lost", milliseconds(BORN) * 1000, [], []),
        observation=ObservedTime(day_ms, day_ms, gap_across_boundary=False, ended_ms=None, tail_ms=0),
        closings={A: 70},
        closed_at=stored.closed_at,
        opening=OpeningReadings(
            kind=IncarnationKind.SILENT, started_at=BORN, stored=stored, scraped_at=stored.closed_at
        ),
    )
    assert source.asked == []


def read_as(instance: str, *keys: tuple[str, str, str]) -> IncarnationReadings:
    """The readings of a process that was born days before."""
    start_us = milliseconds(BORN) * 1000
    return incarnation(dict.fromkeys(keys, 9), incarnation=Incarnation(instance, start_us, [], []))


def test_meters_that_were_alive_at_midnight_and_have_no_reading_are_told() -> None:
    b, c = ("acme", "gpt-4o", "completion"), ("globex", "gpt-4o", "prompt")
    before = {
        ("pod:here", BORN): StoredIncarnation(MIDNIGHT, {A: 5, b: 5, c: 5}),
        LOST: StoredIncarnation(MIDNIGHT, {A: 5, b: 5}),
        ("pod:ended", BORN): StoredIncarnation(MIDNIGHT - timedelta(minutes=5) - MOMENT, {A: 5}),
        ("pod:late", BORN): StoredIncarnation(MIDNIGHT - timedelta(minutes=5), {A: 5}),
    }
    stored = replace(NOTHING_STORED, previous_day=True, incarnations=before)
    shown = [read_as("pod:here", A, c), read_as("pod:new", b), read_as("pod:late", A)]

    assert meters_read(SPAN, stored, shown) == (6, 3)


@pytest.mark.parametrize(
    ("expected", "read", "have_vanished"), [(10, 4, True), (10, 5, False), (9, 0, False), (0, 0, False)]
)
def test_more_than_half_of_more_than_a_few_meters_is_something_to_tell(
    expected: int, read: int, *, have_vanished: bool
) -> None:
    assert MeterContinuity(expected, read).have_vanished is have_vanished
