"""Closing minus opening, and what one must know about it."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.money import LARGEST_STORED
from backend.usage.metering.coverage import ObservedTime
from backend.usage.metering.incarnations import Incarnation
from backend.usage.metering.opening_rules import IncarnationKind
from backend.usage.metering.tally_rules import (
    IncarnationReadings,
    highest,
    storable_readings,
    tally,
    with_unseen_rows,
)
from backend.usage.types import OpeningSource, StoredIncarnation, UsageFlag, UsageRow
from tests.unit.usage.incarnations import incarnation

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BORN = IncarnationKind.BORN
COLD = IncarnationKind.COLD
MOVED = IncarnationKind.MOVED
STORED = IncarnationKind.STORED
WATCHED = IncarnationKind.WATCHED
A, B = ("acme", "gpt-4o", "prompt"), ("acme", "gpt-4o", "completion")


def rows_of(*incarnations: IncarnationReadings, is_open: bool = False) -> dict[Any, UsageRow]:
    found = tally(incarnations, min_coverage=Decimal("0.95"), is_open=is_open).rows
    return {row[:3]: row for row in found}


@pytest.mark.parametrize(("unseen_ms", "flags"), [(50, ()), (51, (UsageFlag.LOW_COVERAGE,))])
def test_a_day_that_is_covered_just_enough_is_not_held(unseen_ms: int, flags: tuple[UsageFlag, ...]) -> None:
    seen = ObservedTime(1000, unseen_ms, gap_across_boundary=False, ended_ms=None, tail_ms=0)

    [row] = rows_of(incarnation({A: 100}, {A: 40}, observation=seen)).values()

    assert (row.flags, row.held) == (flags, bool(flags))


def test_a_number_beyond_64_bits_counts_nothing_is_held_and_leaves_no_reading() -> None:
    found = tally(
        [incarnation({A: 2**63, B: 2**63 - 1}, {A: 5, B: 1})], min_coverage=Decimal("0.95"), is_open=False
    )

    assert [(row.type, row.tokens, row.held, row.flags) for row in found.rows] == [
        ("completion", 2**63 - 2, False, ()),
        ("prompt", 0, True, (UsageFlag.BEYOND_STORAGE,)),
    ]
    assert [reading.type for reading in found.readings] == ["completion"]


def test_a_sum_beyond_64_bits_counts_nothing_and_is_held() -> None:
    [row] = rows_of(incarnation({A: 2**62}, {A: 0}), incarnation({A: 2**62}, {A: 0})).values()

    assert (row.tokens, row.held, row.flags) == (0, True, (UsageFlag.BEYOND_STORAGE,))


def test_tokens_are_closing_minus_opening_over_all_incarnations() -> None:
    other = ("other", "gpt-4o", "prompt")

    rows = rows_of(
        incarnation({A: 100, B: 7, other: 3}, {A: 40, B: 7, other: 1}), incarnation({A: 5, other: 9}, {A: 1})
    )

    assert {key: row.tokens for key, row in rows.items()} == {A: 64, B: 0, other: 11}
    assert rows[A].flags == ()
    assert not rows[A].held


@pytest.mark.parametrize(
    ("more", "tokens", "source", "flags"),
    [
        pytest.param(
            {"kind": STORED, "stored": StoredIncarnation(NOON, {A: 10}), "scraped": {A: 20}},
            90,
            OpeningSource.STORED,
            (),
            id="stored first",
        ),
        pytest.param(
            {"kind": WATCHED, "scraped": {A: 20}},
            80,
            OpeningSource.SCRAPED,
            (),
            id="then scraped",
        ),
        pytest.param({"kind": BORN}, 100, OpeningSource.BORN, (), id="then born while we watched"),
        pytest.param({}, 100, OpeningSource.FIRST_USED, (), id="then first used while we watched"),
        pytest.param(
            {"kind": WATCHED},
            100,
            OpeningSource.FIRST_USED,
            (),
            id="known before it was used",
        ),
        pytest.param(
            {"kind": COLD, "firsts": {A: 95}},
            5,
            OpeningSource.FIRST_SEEN,
            (UsageFlag.COLD_START,),
            id="else unknown and flagged",
        ),
        pytest.param(
            {"kind": COLD, "firsts": {B: 1}},
            100,
            OpeningSource.FIRST_USED,
            (),
            id="seen first without this counter",
        ),
    ],
)
def test_openings_are_taken_in_order(
    more: dict[str, Any], tokens: int, source: OpeningSource, flags: tuple[str, ...]
) -> None:
    found = tally([incarnation({A: 100}, **more)], min_coverage=Decimal(0), is_open=False)

    assert (found.rows[0].tokens, found.rows[0].flags) == (tokens, flags)
    assert found.readings[0].opening_source == source


@pytest.mark.parametrize(("opening", "flags"), [(0, ()), (1, (UsageFlag.COLD_START,))])
def test_what_a_whole_day_before_did_not_know_had_counted_nothing_or_is_held(
    opening: int, flags: tuple[UsageFlag, ...]
) -> None:
    [row] = rows_of(incarnation({A: 100}, {A: opening}, is_day_before_stored=True)).values()

    assert (row.tokens, row.flags, row.held) == (100 - opening, flags, bool(flags))


def test_a_meter_that_is_first_used_while_we_watched_opens_at_its_first_scrape() -> None:
    later = NOON + timedelta(hours=1)
    one = incarnation({A: 5, B: 6}, firsts_at={A: later})

    found = tally([one], min_coverage=Decimal(0), is_open=False)

    assert {each.type: each.opened_at for each in found.readings} == {"prompt": later, "completion": NOON}


def test_a_meter_without_a_time_of_its_own_opens_when_its_incarnation_was_first_scraped() -> None:
    later = NOON + timedelta(hours=1)

    used = tally([incarnation({A: 5}, first_at=later)], min_coverage=Decimal(0), is_open=False)
    seen = tally(
        [incarnation({A: 5}, kind=COLD, firsts={A: 3}, first_at=later)],
        min_coverage=Decimal(0),
        is_open=False,
    )

    assert [used.readings[0].opened_at, seen.readings[0].opened_at] == [later, later]


def test_a_meter_opens_where_and_when_it_was_stored() -> None:
    stored = StoredIncarnation(NOON - timedelta(hours=30), {A: 3})

    [reading] = tally(
        [incarnation({A: 5}, kind=STORED, stored=stored)],
        min_coverage=Decimal(0),
        is_open=False,
    ).readings

    assert (reading.opening, reading.opened_at) == (3, NOON - timedelta(hours=30))


@pytest.mark.parametrize(
    ("living_ms", "unseen_ms", "is_dark"),
    [
        pytest.param(1000, 1000, True, id="nobody saw it"),
        pytest.param(1, 1, True, id="nobody saw it, for a moment"),
        pytest.param(1000, 999, False, id="somebody saw it for a moment"),
        pytest.param(0, 0, False, id="it did not live"),
    ],
)
def test_a_meter_that_stood_still_is_held_only_when_nobody_saw_it_at_all(
    living_ms: int, unseen_ms: int, is_dark: bool
) -> None:
    seen, half = (
        ObservedTime(*each, gap_across_boundary=False, ended_ms=None, tail_ms=0)
        for each in ((living_ms, unseen_ms), (1000, 500))
    )

    rows = rows_of(
        incarnation({A: 5}, {A: 5}, observation=seen), incarnation({B: 5}, {B: 5}, observation=half)
    )

    assert (rows[A].held, rows[B].held) == (is_dark, False)


def test_the_largest_number_that_can_be_stored_is_counted() -> None:
    found = tally(
        [incarnation({A: LARGEST_STORED, B: LARGEST_STORED}, {A: LARGEST_STORED, B: 0})],
        min_coverage=Decimal(0),
        is_open=False,
    )

    assert {row.type: (row.tokens, row.held) for row in found.rows} == {
        "prompt": (0, False),
        "completion": (LARGEST_STORED, False),
    }
    assert len(found.readings) == 2


def test_what_nobody_saw_all_day_keeps_what_else_is_the_matter() -> None:
    dark = ObservedTime(1000, 1000, gap_across_boundary=False, ended_ms=None, tail_ms=0)

    [row] = rows_of(
        incarnation({A: 5}, {A: 5}, observation=dark, flags=frozenset({UsageFlag.NO_START_TIME}))
    ).values()

    assert row.held
    assert UsageFlag.NO_START_TIME in row.flags


def test_a_closing_below_its_opening_counts_nothing_and_is_held() -> None:
    rows = rows_of(incarnation({A: 10, B: 9}, {A: 11, B: 3}))

    assert (rows[A].tokens, rows[A].held, rows[A].flags) == (0, True, (UsageFlag.READING_WENT_BACK,))
    assert (rows[B].tokens, rows[B].held) == (6, False)


def test_a_reading_that_went_back_hides_nothing_else_that_is_the_matter() -> None:
    [row] = rows_of(incarnation({A: 10}, {A: 11}, flags=frozenset({UsageFlag.NO_START_TIME}))).values()

    assert set(row.flags) == {UsageFlag.NO_START_TIME, UsageFlag.READING_WENT_BACK}


def test_a_reading_beyond_storage_hides_nothing_else_that_is_the_matter() -> None:
    [row] = rows_of(incarnation({A: 2**63}, {A: 5}, flags=frozenset({UsageFlag.NO_START_TIME}))).values()

    assert set(row.flags) == {UsageFlag.NO_START_TIME, UsageFlag.BEYOND_STORAGE}


@pytest.mark.parametrize(
    ("more", "flag"),
    [
        pytest.param({"vanished": {A: 8}}, UsageFlag.GAP_ACROSS_BOUNDARY, id="gone before the end"),
        pytest.param(
            {"flagged": {UsageFlag.DUPLICATE_SCRAPE: {A}}}, UsageFlag.DUPLICATE_SCRAPE, id="scraped twice"
        ),
    ],
)
def test_what_is_the_matter_with_one_meter_adds_to_that_with_its_incarnation(
    more: dict[str, Any], flag: UsageFlag
) -> None:
    rows = rows_of(incarnation({A: 8, B: 9}, {A: 5}, flags=frozenset({UsageFlag.NO_START_TIME}), **more))

    assert {key: set(row.flags) for key, row in rows.items()} == {
        A: {UsageFlag.NO_START_TIME, flag},
        B: {UsageFlag.NO_START_TIME},
    }


def test_low_coverage_holds_all_rows_of_the_tenant_and_nobody_elses() -> None:
    other = ("other", "gpt-4o", "prompt")
    blind = ObservedTime(1000, 500, gap_across_boundary=False, ended_ms=None, tail_ms=0)

    rows = rows_of(incarnation({A: 1}, observation=blind), incarnation({B: 1}), incarnation({other: 1}))

    assert rows[A].coverage == rows[B].coverage == Decimal("0.75")
    assert rows[A].held
    assert rows[B].held
    assert not rows[other].held


def test_a_meter_that_stood_still_is_not_held_for_low_coverage_alone() -> None:
    half, none = (
        ObservedTime(1000, unseen, gap_across_boundary=False, ended_ms=None, tail_ms=0)
        for unseen in (500, 1000)
    )

    still, dark = (
        rows_of(incarnation({A: 5}, {A: 5}, observation=half))[A],
        rows_of(incarnation({A: 5}, {A: 5}, observation=none))[A],
    )
    back = rows_of(incarnation({A: 4}, {A: 5}, observation=half))[A]

    assert (still.flags, still.held) == ((UsageFlag.LOW_COVERAGE,), False)
    assert (dark.held, back.held) == (True, True)


def test_flags_of_a_incarnation_reach_the_rows_it_carries() -> None:
    rows = rows_of(
        incarnation({A: 1}, flags=frozenset({UsageFlag.DUPLICATE_SCRAPE})),
        incarnation({A: 1, B: 1}),
        is_open=True,
    )

    assert rows[A].flags == (UsageFlag.DUPLICATE_SCRAPE, UsageFlag.OPEN)
    assert rows[B].flags == (UsageFlag.OPEN,)
    assert not rows[A].held


def test_the_unseen_end_is_estimated_at_the_last_rate() -> None:
    ended = ObservedTime(1000, 0, gap_across_boundary=False, ended_ms=900, tail_ms=60_000)

    rows = rows_of(
        incarnation(
            {A: 1000, B: 5}, {A: 0}, observation=ended, before_end={A: 400, B: 5}, before_end_ms=300_000
        )
    )

    assert (rows[A].unseen_estimate, rows[B].unseen_estimate) == (120, 0)
    assert rows[A].tokens == 1000


def test_of_copies_the_highest_reading_counts() -> None:
    assert highest([{A: 5, B: 1}, {}, {A: 4, B: 2}]) == {A: 5, B: 2}
    assert highest([{A: 5}]) == {A: 5}
    assert highest([]) == {}


@given(
    growth=st.lists(st.lists(st.integers(0, 10**12), min_size=1, max_size=30), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 30), max_size=6),
)
def test_windows_add_up_to_the_whole_wherever_they_are_cut(growth: list[list[int]], cuts: list[int]) -> None:
    """Each list is a process that is born while we watch and scraped after each of its growths."""
    bounds = [0, *sorted(cuts), 30]
    sums: dict[Any, int] = defaultdict(int)

    for start, end in pairwise(bounds):
        incarnations = [
            incarnation(
                {A: sum(grown[:end])},
                {A: sum(grown[:start])} if start else None,
                kind=WATCHED,
            )
            for grown in growth
        ]
        for key, row in rows_of(*incarnations).items():
            sums[key] += row.tokens

    assert sums[A] == sum(map(sum, growth))


def test_an_end_without_a_known_rate_is_not_estimated() -> None:
    ended = ObservedTime(1000, 0, gap_across_boundary=False, ended_ms=900, tail_ms=60_000)

    rows = rows_of(incarnation({A: 1000}, {A: 0}, observation=ended))

    assert rows[A].unseen_estimate == 0


def test_a_day_on_which_nobody_looked_is_held_for_whoever_was_there() -> None:
    rows = with_unseen_rows([], [StoredIncarnation(NOON, {A: 1, B: 2}), StoredIncarnation(NOON, {A: 3})])

    assert [row[:4] for row in rows] == [(*B, 0), (*A, 0)]
    assert all(row.held and row.coverage == 0 for row in rows)


def test_two_addresses_are_two_incarnations_though_they_start_together_and_read_alike() -> None:
    pods = [
        replace(incarnation({A: 90, B: 7}), incarnation=Incarnation(instance, 1_000_000, [], []))
        for instance in ("a", "b")
    ]

    rows = rows_of(*pods)

    assert {key: row.tokens for key, row in rows.items()} == {A: 180, B: 14}
    assert not any(row.held or row.flags for row in rows.values())


def test_a_move_of_the_start_is_told_and_not_a_cold_start() -> None:
    rows = rows_of(incarnation({A: 9}, kind=MOVED, firsts={A: 4}))

    assert (rows[A].tokens, rows[A].flags, rows[A].held) == (5, (UsageFlag.START_TIME_MOVED,), True)


LONG = "x" * 3000


def test_labels_that_the_database_cannot_keep_are_kept_everywhere_under_the_same_digest() -> None:
    odd = (LONG, "gpt-4o", "prompt")
    given = incarnation(
        {odd: 9, A: 5},
        {odd: 1},
        vanished={odd: 9},
        firsts={odd: 2},
        firsts_at={odd: NOON},
        before_end={odd: 8},
        flagged={UsageFlag.COLD_START: {odd}},
    )

    kept = storable_readings(given)

    [digest] = kept.opening.scraped
    assert digest != odd
    assert len(digest[0]) < len(LONG)
    assert kept.closings == {digest: 9, A: 5}
    assert (kept.opening.scraped, kept.vanished, kept.opening.firsts) == (
        {digest: 1},
        {digest: 9},
        {digest: 2},
    )
    assert (kept.opening.firsts_at, kept.before_end) == ({digest: NOON}, {digest: 8})
    assert {flag: set(keys) for flag, keys in kept.flagged.items()} == {UsageFlag.COLD_START: {digest}}
    assert storable_readings(incarnation({A: 5})).before_end is None


@pytest.mark.parametrize(
    ("before_end", "before_end_ms", "estimate"),
    [
        pytest.param({A: 40}, 3_000, 20, id="60 tokens in three seconds, one unseen"),
        pytest.param({}, 300, 333, id="new since then"),
        pytest.param({A: 99}, 1, 1_000, id="a token in a millisecond"),
        pytest.param({A: 100}, 3_000, 0, id="idle"),
        pytest.param({A: 200}, 3_000, 0, id="fewer than before"),
        pytest.param({A: 40}, 0, 0, id="no time between"),
        pytest.param(None, 3_000, 0, id="nothing before"),
    ],
)
def test_what_was_done_after_the_last_scrape_is_estimated_from_the_last_minutes(
    before_end: dict[Any, int] | None, before_end_ms: int, estimate: int
) -> None:
    seen = ObservedTime(10_000, 0, gap_across_boundary=False, ended_ms=9_000, tail_ms=1_000)
    one = incarnation({A: 100}, {A: 10}, observation=seen, before_end=before_end, before_end_ms=before_end_ms)

    assert rows_of(one)[A].unseen_estimate == estimate
    assert (
        rows_of(one, replace(one, incarnation=Incarnation("pod:2", 1_000_000, [], [])))[A].unseen_estimate
        == 2 * estimate
    )


def test_of_copies_the_highest_reading_counts_also_when_only_one_has_it() -> None:
    assert highest([]) == {}
    assert highest([{A: 0}, {}]) == {A: 0}
    assert highest([{A: 5}, {A: 3, B: 0}, {A: 4, B: 0}]) == {A: 5, B: 0}
    assert highest([{A: 5}, {A: 6}]) == {A: 6}


def test_who_was_not_seen_all_day_has_a_row_without_tokens_that_is_held() -> None:
    stored = [StoredIncarnation(NOON, {A: 7, B: 8})]
    seen = UsageRow(*B, 5, Decimal(1), 0, False, ())

    assert with_unseen_rows([seen], stored) == sorted(
        [UsageRow(*A, 0, Decimal(0), 0, True, ("low_coverage",)), seen]
    )
