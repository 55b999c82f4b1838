"""Incarnations that nobody saw in a window: which of them are missing, and which had ended before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.usage.metering.coverage import Seen, Span
from backend.usage.metering.incarnations import Copy, Incarnation, Run, ScrapeHistory, Target, milliseconds
from backend.usage.metering.opening_rules import IncarnationKind, OpeningReadings
from backend.usage.metering.silence import meters_read, with_silent_incarnations
from backend.usage.metering.survey import Survey
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.types import NOTHING_STORED, MeterContinuity, NextOpening, OpeningSource, StoredIncarnation
from tests.unit.usage.incarnations import incarnation

MIDNIGHT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
SPAN = Span(milliseconds(MIDNIGHT), milliseconds(MIDNIGHT + timedelta(days=1)))
BORN = MIDNIGHT - timedelta(days=9)
LOST = ("pod:lost", BORN)
A = ("acme", "gpt-4o", "prompt")
HOUR_MS = 3_600_000


class Addresses:
    """A Prometheus that knew some addresses of the counters' selection until some hour of the window."""

    def __init__(self, **until_h: float) -> None:
        self._until_h = until_h
        self.asked: list[str] = []

    def ups(
        self, _history: ScrapeHistory, names: Sequence[str], span: Span, *, is_selected: bool
    ) -> dict[str, list[int]]:
        self.asked.extend(names)
        known = {f"pod:{name}": hours for name, hours in self._until_h.items() if is_selected}
        return {name: [span.start_ms + round(known[name] * HOUR_MS)] for name in names if name in known}


def a_day_with_somebody() -> Survey:
    run = Run(SPAN.start_ms * 1000, [SPAN.start_ms + HOUR_MS])
    somebody = Incarnation("pod:here", run.start_us, [Copy(0, [run])], run.times)
    return Survey(
        span=SPAN,
        lookback_ms=4 * HOUR_MS,
        history=ScrapeHistory([Target({"instance": "pod:here"}, [run])], [somebody]),
        seen={0: Seen(1000, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)},
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
    ],
)
def test_what_was_alive_at_midnight_is_missing_as_long_as_its_address_is_tried(
    closed_before: timedelta, until_h: float, unseen_h: float | None
) -> None:
    stored = StoredIncarnation(MIDNIGHT - closed_before, {A: 70})
    source: Any = Addresses(lost=until_h)

    found = with_silent_incarnations(
        source, a_day_with_somebody(), replace(NOTHING_STORED, incarnations={LOST: stored}), []
    )

    unseen_ms = None if unseen_h is None else round(unseen_h * HOUR_MS)
    assert [one.seen.unseen_ms for one in found] == ([] if unseen_ms is None else [unseen_ms])
    assert source.asked == ([] if closed_before == timedelta(hours=5) else ["pod:lost"])


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
        seen=Seen(day_ms, day_ms, gap_across_boundary=False, ended_ms=None, tail_ms=0),
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
        ("pod:ended", BORN): StoredIncarnation(MIDNIGHT - timedelta(hours=3), {A: 5}),
    }
    stored = replace(NOTHING_STORED, previous_day=True, incarnations=before)

    assert meters_read(SPAN, stored, [read_as("pod:here", A, c), read_as("pod:new", b)]) == (5, 2)


@pytest.mark.parametrize(
    ("expected", "read", "have_vanished"), [(10, 4, True), (10, 5, False), (9, 0, False), (0, 0, False)]
)
def test_more_than_half_of_more_than_a_few_meters_is_something_to_tell(
    expected: int, read: int, *, have_vanished: bool
) -> None:
    assert MeterContinuity(expected, read).have_vanished is have_vanished
