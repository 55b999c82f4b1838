"""A whole measurement without a server: what one day tells of its processes, and what it asks the database."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backend.usage.scanning.types import NO_FINDINGS, DayFindings
from backend.usage.types import (
    NOTHING_STORED,
    ClosedIncarnation,
    MeterContinuity,
    NextOpening,
    OpeningSource,
    StoredIncarnation,
    UsageFlag,
    UsageRow,
)
from tests.unit.usage.metering.pinned_world import (
    DAY,
    LOOKBACK_H,
    POD,
    WINDOW,
    PinnedSource,
    Scraped,
    at,
    count_at,
    evidence,
    key,
    measured,
)

OLD_H = -30
ALWAYS = (-99, 99)
ALL_DAY = Scraped(runs=[(OLD_H, -2, 26)], shows={"A": ALWAYS, "B": ALWAYS})
OTHER = Scraped(instance="pod:2", runs=[(OLD_H, -LOOKBACK_H, 26)], shows={"W": ALWAYS})
STORED_DAY = replace(NOTHING_STORED, previous_day=True)
A, B = key("A"), key("B")


def closed_at(hours: float, *names: str) -> StoredIncarnation:
    return StoredIncarnation(at(hours), {key(name): count_at(hours) for name in names})


def flags_of(found: list[UsageRow]) -> dict[str, set[str]]:
    return {row.type: set(row.flags) for row in found}


def test_a_day_tells_its_window_its_meters_and_their_processes() -> None:
    before = {(POD, at(OLD_H)): closed_at(0, "A", "B", "gone")}

    found = measured([ALL_DAY], lambda: replace(STORED_DAY, incarnations=before))

    assert (found.day, found.window, found.measured_at) == (DAY, WINDOW, at(28))
    assert (found.series, len(found.readings), found.falls) == (2, 2, [])
    assert found.meters == MeterContinuity(expected=3, read=2)
    assert found.incarnations == [ClosedIncarnation(POD, at(OLD_H), at(24))]
    assert [row[:5] for row in found.rows] == [(*A, 24_000, Decimal(1)), (*B, 24_000, Decimal(1))]


def test_a_day_tells_how_many_series_there_were_at_its_end_whatever_they_count_as() -> None:
    again = Scraped(job="again", runs=[(OLD_H, -2, 26)], shows={"A": ALWAYS, "B": ALWAYS})

    found = measured([ALL_DAY, again], lambda: NOTHING_STORED)

    assert (found.series, found.series_at_end) == (2, 4)


def test_a_process_without_counters_is_none_of_the_days() -> None:
    bare = replace(ALL_DAY, shows={})

    found = measured([bare, OTHER], lambda: NOTHING_STORED)

    assert [one.instance for one in found.incarnations] == ["pod:2"]


def test_a_day_that_goes_on_is_measured_until_now() -> None:
    found = measured([replace(ALL_DAY, runs=[(OLD_H, -2, 10)])], lambda: NOTHING_STORED, now_h=10)

    assert evidence(found) == (
        "A:scraped=100000@0.0..110000@10.0~0!open B:scraped=100000@0.0..110000@10.0~0!open"
    )


@pytest.mark.parametrize(("now_h", "is_open"), [(23.99, True), (24, False)])
def test_a_day_is_open_until_its_end(now_h: float, *, is_open: bool) -> None:
    found = measured([ALL_DAY], lambda: NOTHING_STORED, now_h=now_h)

    assert (UsageFlag.OPEN in flags_of(found.rows)["A"]) is is_open


def test_only_meters_that_two_targets_show_at_one_time_were_scraped_twice() -> None:
    again = Scraped(job="again", runs=[(OLD_H, -2, 26)], shows={"A": ALWAYS, "E": ALWAYS})

    found = measured([ALL_DAY, again], lambda: NOTHING_STORED)

    assert flags_of(found.rows) == {"A": {UsageFlag.DUPLICATE_SCRAPE}, "B": set(), "E": set()}


def test_targets_that_show_a_process_one_after_the_other_did_not_scrape_it_twice() -> None:
    early = replace(ALL_DAY, runs=[(OLD_H, -2, 12)])
    late = replace(ALL_DAY, job="again", runs=[(OLD_H, 12.5, 26)])

    found = measured([early, late], lambda: NOTHING_STORED)

    assert UsageFlag.DUPLICATE_SCRAPE not in flags_of(found.rows)["A"]


def test_processes_that_answer_in_turn_are_held() -> None:
    in_turn = replace(ALL_DAY, runs=[(OLD_H, -2, 5), (-20, 5.5, 10), (OLD_H, 10.5, 26)])

    found = measured([in_turn], lambda: NOTHING_STORED)

    assert UsageFlag.ALTERNATES in flags_of(found.rows)["A"]


@pytest.mark.parametrize(
    ("is_alive", "rows"),
    [
        pytest.param(
            False, [UsageRow(*A, 0, Decimal(0), 0, True, (UsageFlag.LOW_COVERAGE,))], id="nothing at all"
        ),
        pytest.param(True, [], id="other programs"),
    ],
)
def test_a_day_without_a_scrape_of_anything_holds_what_lived(rows: list[UsageRow], *, is_alive: bool) -> None:
    before = {(POD, at(OLD_H)): closed_at(0, "A"), ("pod:3", at(OLD_H)): closed_at(-3, "B")}
    nobody = PinnedSource([], is_alive=is_alive)

    found = measured([], lambda: replace(STORED_DAY, incarnations=before), source=nobody)

    assert (found.rows, found.readings) == (rows, [])


def test_a_day_on_which_somebody_was_scraped_is_no_day_without_a_scrape() -> None:
    before = {("pod:2", at(-40)): closed_at(0, "A")}
    others = PinnedSource([OTHER], is_alive=False)

    found = measured([], lambda: replace(STORED_DAY, incarnations=before), source=others)

    assert {row.type for row in found.rows} == {"W"}


@pytest.mark.parametrize(
    ("targets", "asked"),
    [
        pytest.param([], [""], id="no address is known"),
        pytest.param([ALL_DAY, OTHER], [], id="all tell their start"),
        pytest.param([ALL_DAY, replace(OTHER, tells_start=False)], ["pod:2"], id="one does not"),
        pytest.param([ALL_DAY, replace(OTHER, runs=[(OLD_H, 99, 99)])], ["pod:2"], id="one was not scraped"),
    ],
)
def test_addresses_that_tell_no_start_are_asked_for_their_counters(
    targets: list[Scraped], asked: list[str]
) -> None:
    source = PinnedSource(targets)

    measured(targets, lambda: NOTHING_STORED, source=source)

    assert source.asked_for_counters == asked


def test_an_address_without_a_start_time_is_covered_for_none_of_the_day() -> None:
    mute = replace(OTHER, tells_start=False)

    found = measured([mute], lambda: NOTHING_STORED)

    [row] = found.rows
    assert (row.tokens, row.coverage, row.held) == (24_000, Decimal(0), True)
    assert set(row.flags) == {UsageFlag.NO_START_TIME, UsageFlag.LOW_COVERAGE}


def test_an_address_without_a_start_time_weighs_as_much_as_a_process_of_all_day() -> None:
    mute = replace(OTHER, tells_start=False)

    found = measured([ALL_DAY, mute], lambda: NOTHING_STORED)

    assert {row.coverage for row in found.rows} == {Decimal("0.5")}


def test_targets_of_which_one_ends_below_what_another_began_with_show_several_processes() -> None:
    other = Scraped(job="other", runs=[(OLD_H, -2, 26)], shows={"A": ALWAYS, "E": ALWAYS}, ahead=24_001)

    found = measured([ALL_DAY, other], lambda: NOTHING_STORED)
    same = measured([ALL_DAY, replace(other, ahead=24_000)], lambda: NOTHING_STORED)

    twice = {UsageFlag.DUPLICATE_SCRAPE}
    assert flags_of(found.rows) == {"A": {*twice, UsageFlag.SEVERAL_PROCESSES}, "B": set(), "E": set()}
    assert flags_of(same.rows)["A"] == twice


LONG = "x" * 700


@pytest.mark.parametrize("is_noticed", [True, False])
def test_labels_that_cannot_be_stored_are_shortened_where_they_were_noticed(*, is_noticed: bool) -> None:
    source = PinnedSource([replace(ALL_DAY, shows={LONG: ALWAYS})], has_odd_labels=is_noticed)

    [row] = measured([], lambda: NOTHING_STORED, source=source).rows

    assert (len(row.type) < len(LONG)) is is_noticed


def test_labels_of_an_address_without_a_start_time_are_shortened_too() -> None:
    mute = replace(OTHER, tells_start=False, shows={LONG: ALWAYS})

    [row] = measured([mute], lambda: NOTHING_STORED).rows

    assert len(row.type) < len(LONG)


def test_a_day_ends_where_the_stored_next_one_begins() -> None:
    following = {(POD, at(OLD_H)): {A: NextOpening(count_at(23), at(23), OpeningSource.STORED)}}

    found = measured([ALL_DAY, OTHER], lambda: replace(NOTHING_STORED, following=following))

    tokens = {row.type: (row.tokens, set(row.flags)) for row in found.rows}
    assert tokens["A"] == (23_000, {UsageFlag.GAP_ACROSS_BOUNDARY})
    assert tokens["B"] == tokens["W"] == (24_000, set())


@pytest.mark.parametrize(
    ("findings", "is_held"),
    [
        pytest.param(None, False, id="no scan was asked for"),
        pytest.param(NO_FINDINGS, True, id="none was made"),
        pytest.param(DayFindings(is_scanned=True), False, id="one found nothing"),
    ],
)
def test_a_day_that_should_be_scanned_is_held_until_it_is(
    findings: DayFindings | None, *, is_held: bool
) -> None:
    found = measured([ALL_DAY], lambda: NOTHING_STORED, findings=findings)

    assert [row.held for row in found.rows] == [is_held, is_held]
    assert (UsageFlag.NOT_SCANNED in flags_of(found.rows)["A"]) is is_held


def test_the_end_of_a_process_is_estimated_by_the_rate_of_its_last_minutes() -> None:
    # Scraped each five minutes until ten, at a thousand an hour, and then unseen for one more interval.
    until_ten = replace(ALL_DAY, runs=[(OLD_H, -2, 10)])

    found = measured([until_ten, OTHER], lambda: NOTHING_STORED)

    assert {row.type: row.unseen_estimate for row in found.rows} == {"A": 83, "B": 83, "W": 0}


def test_the_end_of_a_short_process_is_estimated_by_its_whole_life() -> None:
    moment = replace(ALL_DAY, runs=[(3, 3.5, 3.5)])

    found = measured([moment, OTHER], lambda: NOTHING_STORED)

    # 103,500 tokens in half an hour, and one unknown interval of a minute unseen.
    assert {row.type: row.unseen_estimate for row in found.rows} == {"A": 3450, "B": 3450, "W": 0}
