"""What a scan found inside a day is joined with the readings: falls are held between two figures."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from backend.money import LARGEST_STORED
from backend.usage.metering.coverage import ObservedTime
from backend.usage.metering.incarnations import instant_of
from backend.usage.metering.opening_rules import IncarnationKind
from backend.usage.metering.shards import shard_matchers
from backend.usage.metering.tally_rules import IncarnationReadings, tally
from backend.usage.scanning.figures import Ends, figures_of
from backend.usage.scanning.joining import is_of_part, with_doubts, with_findings
from backend.usage.scanning.types import DayFindings, Finding, FindingKind
from backend.usage.types import (
    Key,
    MeterFall,
    OpeningSource,
    StoredIncarnation,
    UsageFlag,
    UsageRow,
)
from tests.unit.usage import incarnations

MIDNIGHT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
NOON, END = MIDNIGHT + timedelta(hours=12), MIDNIGHT + timedelta(hours=24)
BORN = IncarnationKind.BORN
COLD = IncarnationKind.COLD
KNOWN = IncarnationKind.KNOWN
MOVED = IncarnationKind.MOVED
STORED = IncarnationKind.STORED
A, B = ("acme", "gpt-4o", "prompt"), ("acme", "gpt-4o", "completion")
SEEN = ObservedTime(1000, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)
START = instant_of(1000)


def incarnation(
    closings: Mapping[Any, int], scraped: Mapping[Any, int] | None = None, **more: Any
) -> IncarnationReadings:
    return incarnations.incarnation(closings, scraped, **{"closed_at": END, "scraped_at": MIDNIGHT, **more})


def finding(kind: FindingKind, *samples: int, key: Key = A, **more: Any) -> Finding:
    """A finding as a scan makes it of samples, the first at midnight and the last at the end of the day."""
    steps = list(pairwise(samples))
    fallen = [after for before, after in steps if after < before]
    given: dict[str, Any] = {
        "kind": kind,
        "instance": "pod:1",
        "incarnation_start": START,
        "key": key,
        "first_value": samples[0],
        "first_at": MIDNIGHT,
        "last_value": samples[-1],
        "last_at": END,
        "falls": len(fallen),
        "rose_tokens": sum(after - before for before, after in steps if after > before),
        "restarted_tokens": sum(fallen),
    }
    return Finding(**given | more)


def fell(*samples: int, **more: Any) -> Finding:
    return finding(FindingKind.FELL, *samples, **more)


def scanned(*findings: Finding) -> DayFindings:
    return DayFindings(findings=findings, is_scanned=True)


def measured(one: IncarnationReadings, *findings: Finding) -> tuple[dict[Key, UsageRow], list[MeterFall]]:
    found = scanned(*findings)
    incarnations = with_findings([one], found)
    counted = tally(incarnations, min_coverage=Decimal("0.95"), is_open=False)
    return {row[:3]: row for row in with_doubts(counted.rows, found, incarnations)}, counted.falls


@pytest.mark.parametrize(
    ("samples", "least", "most"),
    [
        pytest.param((2000, 3000, 1000, 4000), 4000, 5000, id="a restart within"),
        pytest.param((600_000, 900_000, 100_000, 1_000_000), 1_200_000, 1_300_000, id="a day with one fall"),
        pytest.param((500, 900, 0, 300), 700, 700, id="a restart that was scraped at zero"),
        pytest.param((100, 90, 80), 0, 170, id="only falls"),
    ],
)
def test_a_meter_that_fell_is_held_between_what_rose_and_what_restarts_would_have_left(
    samples: tuple[int, ...], least: int, most: int
) -> None:
    rows, [fall] = measured(incarnation({A: samples[-1]}, {A: samples[0]}), fell(*samples))

    assert (rows[A].tokens, rows[A].held, rows[A].flags) == (least, True, (UsageFlag.COUNTER_FELL,))
    assert (fall.least_tokens, fall.most_tokens, fall.kind) == (least, most, "fell")


def test_workers_whose_files_were_deleted_after_they_ended_are_held_and_may_be_released_whole() -> None:
    """Three workers counted 2000, 3000 and 4000 in turn; the files of the first two went with them."""
    one = incarnation({A: 4000}, kind=BORN)

    rows, [fall] = measured(one, fell(2000, 0, 3000, 0, 4000, first_at=MIDNIGHT + timedelta(hours=1)))

    assert (rows[A].held, fall.least_tokens, fall.most_tokens) == (True, 9000, 9000)


def test_what_a_process_of_the_day_counted_before_its_first_sample_is_in_both_figures() -> None:
    one = incarnation({A: 50}, kind=BORN, scraped_at=MIDNIGHT)

    _, [fall] = measured(one, fell(100, 20, 50, first_at=NOON))

    assert (fall.least_tokens, fall.most_tokens) == (130, 150)


def test_a_fall_between_the_stored_reading_and_the_first_sample_counts_as_one() -> None:
    one = incarnation(
        {A: 40},
        kind=STORED,
        stored=StoredIncarnation(MIDNIGHT - timedelta(hours=1), {A: 900}),
    )

    _, [fall] = measured(one, fell(10, 30, 20, 40))

    assert (fall.least_tokens, fall.most_tokens) == (40, 40 + 20 + 10)


def test_a_day_that_ends_where_the_next_began_leaves_the_rest_to_that_day() -> None:
    one = incarnation({A: 90}, {A: 0}, closed_at=END - timedelta(minutes=1))

    _, [fall] = measured(one, fell(0, 50, 10, 100))

    assert (fall.least_tokens, fall.most_tokens) == (130, 140)


def test_what_the_closing_reading_has_beyond_the_last_sample_is_in_both_figures() -> None:
    _, [fall] = measured(
        incarnation({A: 120}, {A: 0}), fell(0, 50, 10, 100, last_at=END - timedelta(minutes=1), falls=1)
    )

    assert (fall.least_tokens, fall.most_tokens) == (160, 170)


def test_of_two_servers_that_scraped_one_meter_the_one_that_saw_more_counts() -> None:
    rows, falls = measured(incarnation({A: 100}, {A: 0}), fell(0, 50, 10, 100), fell(0, 40, 10, 100))

    assert [(fall.least_tokens, fall.most_tokens) for fall in falls] == [(140, 150)]
    assert rows[A].tokens == 140


@pytest.mark.parametrize(
    ("opening", "closing", "least"),
    [
        pytest.param(100, 300, 200, id="what the samples show"),
        pytest.param(90, 300, 200, id="a first sample that is the opening reading"),
        pytest.param(100, 301, 200, id="a last sample that is the closing reading"),
        pytest.param(100, 299, 199, id="less than was sampled"),
    ],
)
def test_readings_at_the_very_times_of_the_samples_add_nothing(
    opening: int, closing: int, least: int
) -> None:
    ends = Ends(opening, MIDNIGHT, closing, END)

    assert figures_of([fell(100, 300, falls=1)], ends) == (least, least)


def test_without_a_start_time_only_the_samples_count() -> None:
    lowest = incarnation({A: 1_000_000}, {A: 100_000}, flags=frozenset({UsageFlag.NO_START_TIME}))

    _, [fall] = measured(
        lowest, fell(600_000, 900_000, 100_000, 1_000_000, first_at=MIDNIGHT + timedelta(minutes=1))
    )

    assert (fall.least_tokens, fall.most_tokens) == (1_200_000, 1_300_000)


def test_processes_that_alternate_are_held_with_the_figures_of_the_counters_that_were_told_apart() -> None:
    found = finding(FindingKind.ALTERNATES, 0, 9, 3, 12, falls=7, rose_tokens=6800, restarted_tokens=23_200)

    rows, [fall] = measured(incarnation({A: 12}, {A: 0}), found, fell(0, 9, 3, 12))

    assert (rows[A].tokens, rows[A].flags) == (6800, (UsageFlag.ALTERNATES,))
    assert (fall.kind, fall.least_tokens, fall.most_tokens) == ("alternates", 6800, 30_000)


def test_other_meters_of_the_process_are_counted_as_ever() -> None:
    rows, _ = measured(incarnation({A: 5, B: 70}, {A: 1, B: 30}), fell(1, 9, 2, 5))

    assert (rows[B].tokens, rows[B].held, rows[B].flags) == (40, False, ())


def test_flags_of_the_process_and_of_its_meters_stay() -> None:
    one = incarnation(
        {A: 5},
        {A: 1},
        flags=frozenset({UsageFlag.GAP_ACROSS_BOUNDARY}),
        flagged={UsageFlag.DUPLICATE_SCRAPE: {A}},
    )

    rows, _ = measured(one, fell(1, 9, 2, 5))

    assert rows[A].flags == (
        UsageFlag.COUNTER_FELL,
        UsageFlag.DUPLICATE_SCRAPE,
        UsageFlag.GAP_ACROSS_BOUNDARY,
    )


def test_a_fall_from_a_number_beyond_storage_counts_nothing() -> None:
    rows, falls = measured(incarnation({A: 5}, {A: 1}), fell(1, LARGEST_STORED, LARGEST_STORED - 1, 5))

    assert (rows[A].tokens, rows[A].held, falls) == (0, True, [])
    assert UsageFlag.BEYOND_STORAGE in rows[A].flags


@pytest.mark.parametrize(
    ("samples", "is_beyond"),
    [
        pytest.param((LARGEST_STORED - 5, LARGEST_STORED - 10, LARGEST_STORED), False, id="the largest"),
        pytest.param((LARGEST_STORED + 1, 5), True, id="an opening beyond it"),
    ],
)
def test_a_fall_of_the_largest_numbers_that_can_be_stored_counts(
    samples: tuple[int, ...], *, is_beyond: bool
) -> None:
    rows, falls = measured(incarnation({A: samples[-1]}, {A: samples[0]}), fell(*samples))

    assert (UsageFlag.BEYOND_STORAGE in rows[A].flags) is is_beyond
    assert (rows[A].tokens, len(falls)) == ((0, 0) if is_beyond else (10, 1))


def test_a_meter_that_fell_in_two_processes_adds_up_with_all_that_is_known_of_both() -> None:
    twice = frozenset({UsageFlag.DUPLICATE_SCRAPE})
    known = incarnation({A: 4000}, {A: 2000}, fallen={A: [fell(2000, 3000, 1000, 4000)]}, flags=twice)
    new = incarnation({A: 5}, kind=COLD, firsts={A: 1}, first_at=MIDNIGHT, fallen={A: [fell(1, 9, 2, 5)]})

    counted = tally([known, new], min_coverage=Decimal("0.95"), is_open=False)

    [row] = counted.rows
    assert (row.tokens, row.unseen_estimate) == (4000 + 11, 0)
    assert set(row.flags) == {UsageFlag.COUNTER_FELL, UsageFlag.DUPLICATE_SCRAPE, UsageFlag.COLD_START}
    assert [(one.opening, one.closing) for one in counted.readings] == [(2000, 4000), (1, 5)]
    assert [(one.least_tokens, one.most_tokens) for one in counted.falls] == [(4000, 5000), (11, 13)]


def came(*samples: int, **more: Any) -> Finding:
    more.setdefault("first_at", NOON)
    more.setdefault("last_at", NOON + timedelta(hours=1))
    return finding(FindingKind.CAME_AND_WENT, *samples, **more)


@pytest.mark.parametrize(
    ("history", "source"),
    [
        pytest.param(
            {"kind": BORN},
            OpeningSource.BORN,
            id="of a process that was born while we watched",
        ),
        pytest.param(
            {"kind": KNOWN},
            OpeningSource.FIRST_USED,
            id="of a process that was scraped without it",
        ),
        pytest.param(
            {"kind": COLD, "first_at": MIDNIGHT + timedelta(hours=1)},
            OpeningSource.FIRST_USED,
            id="later than the rest",
        ),
    ],
)
def test_a_series_that_came_and_went_counts_from_zero_to_its_last_value(
    history: dict[str, Any], source: OpeningSource
) -> None:
    incarnations = with_findings([incarnation({B: 3}, {B: 3}, **history)], scanned(came(40, 70)))

    counted = tally(incarnations, min_coverage=Decimal("0.95"), is_open=False)

    row = next(row for row in counted.rows if row[:3] == A)
    [reading] = [reading for reading in counted.readings if reading[:3] == A]
    assert (row.tokens, row.held, row.flags) == (70, False, ())
    assert (reading.opening, reading.opening_source, reading.closing) == (0, source, 70)


@pytest.mark.parametrize(
    ("history", "flag"),
    [
        pytest.param(
            {"kind": COLD, "first_at": NOON},
            UsageFlag.COLD_START,
            id="there at the first scrape of an older process",
        ),
        pytest.param(
            {"kind": MOVED},
            UsageFlag.START_TIME_MOVED,
            id="in a process whose start time moved",
        ),
    ],
)
def test_a_series_that_came_and_went_without_a_birth_in_our_sight_is_held(
    history: dict[str, Any], flag: UsageFlag
) -> None:
    rows, _ = measured(incarnation({B: 3}, {B: 3}, **history), came(40, 70))

    assert (rows[A].tokens, rows[A].held) == (30, True)
    assert flag in rows[A].flags


def test_a_series_that_came_back_opens_where_it_was_closed() -> None:
    rows, _ = measured(
        incarnation({B: 3}, kind=STORED, stored=StoredIncarnation(MIDNIGHT, {B: 3, A: 60})),
        came(60, 70),
    )

    assert (rows[A].tokens, rows[A].held) == (10, False)


def test_a_series_that_was_scraped_at_midnight_and_not_at_the_end_is_closed_where_it_went() -> None:
    rows, _ = measured(incarnation({B: 3}, {B: 3, A: 60}), came(60, 70))

    assert (rows[A].tokens, rows[A].held, rows[A].flags) == (10, False, (UsageFlag.GAP_ACROSS_BOUNDARY,))


def test_a_series_that_came_and_went_twice_is_closed_by_the_last_and_opened_by_the_first() -> None:
    """Each under labels of its own, which the database keeps as one. What fell is told before what went."""
    early = fell(40, 30, 90, first_at=NOON, last_at=NOON + timedelta(hours=1))
    late = came(20, 70, first_at=NOON + timedelta(hours=2), last_at=NOON + timedelta(hours=3))
    one = incarnation({B: 3}, {B: 3}, kind=MOVED)

    [told] = with_findings([one], scanned(early, late))

    assert (told.opening.firsts, told.closings) == ({A: 40}, {B: 3, A: 70})


def test_a_series_that_came_fell_and_went_is_held() -> None:
    rows, [fall] = measured(incarnation({}, kind=BORN), came(40, 10, 30))

    assert (rows[A].held, fall.kind, fall.least_tokens, fall.most_tokens) == (True, "fell", 60, 70)


def test_a_finding_in_a_process_that_the_day_does_not_know_is_held() -> None:
    rows, _ = measured(
        incarnation({B: 3}, {B: 1}), came(70, instance="other:1"), fell(9, 1, key=B, instance="other:1")
    )

    assert rows[A] == UsageRow(*A, 0, Decimal(0), 0, True, (UsageFlag.NOT_SCANNED,))
    assert (rows[B].tokens, rows[B].held, rows[B].flags) == (2, True, (UsageFlag.COUNTER_FELL,))


def test_only_the_tenants_of_a_part_that_was_not_scanned_are_held() -> None:
    tenants = ["acme", "globex", "initech"]
    rows = [UsageRow(tenant, "m", "prompt", 0, Decimal(1), 0, False, ()) for tenant in tenants]
    parts = shard_matchers("tenant", tenants, 3)

    for part in parts[:-1]:
        held = [row.tenant for row in with_doubts(rows, DayFindings(unscanned=[part]), []) if row.held]
        assert len(held) == 1
    [first, *_] = with_doubts(rows, DayFindings(unscanned=parts), [])
    assert first.flags == (UsageFlag.NOT_SCANNED,)


def test_a_day_that_was_never_scanned_is_held_whole() -> None:
    row = UsageRow(*A, 5, Decimal(1), 0, False, ())

    assert [each.held for each in with_doubts([row], DayFindings(), [])] == [True]
    assert with_doubts([row], scanned(), []) == [row]


@pytest.mark.parametrize(
    ("matcher", "inside", "outside"),
    [
        ('tenant="a.c"', "a.c", "abc"),
        ('tenant!="acme"', "globex", "acme"),
        ('tenant!="a.c"', "abc", "a.c"),
        ('tenant=~"(?s:.*[\\\\x{61}\\\\x{1f600}])"', "acm\U0001f600", "acme"),
        ('tenant!~"(?s:[\\\\x{61}].*)"', "globex", "a\nb"),
        ('tenant="say \\"hi\\""', 'say "hi"', "say hi"),
    ],
)
def test_a_part_is_read_as_the_server_reads_it(matcher: str, inside: str, outside: str) -> None:
    is_inside = is_of_part(matcher)

    assert is_inside(inside)
    assert not is_inside(outside)


@pytest.mark.parametrize("matcher", ["", "tenant", 'tenant=~"(["'])
def test_a_part_that_cannot_be_read_is_everybody(matcher: str) -> None:
    assert is_of_part(matcher)("acme")
