"""The stored parts of a scan: planned once, claimed by one, finished once."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import cast

import pytest

from backend import clock
from backend.actor import Actor
from backend.clock import day_window
from backend.usage import scan_repository, scan_service
from backend.usage.metering.coverage import Span
from backend.usage.metering.source import Source
from backend.usage.scan_types import DayScan, PartState, ScanPart
from backend.usage.scanning.asking import ScanPace
from backend.usage.scanning.types import Finding, FindingKind
from backend.usage.types import DayMeasurement

DAY = timedelta(days=1)
MEASURED = date(2026, 11, 22)
POD = ("pod:1", day_window(MEASURED).start - 9 * DAY)
A = ("acme", "m", "prompt")
NOON = day_window(MEASURED).start + timedelta(hours=12)
FOUND = Finding(FindingKind.FELL, *POD, A, 1, NOON, 2, NOON + timedelta(hours=1), 3, 4, 5)


def part(number: int = 0) -> ScanPart:
    return scan_repository.parts_of(MEASURED)[number]


def plan(day: date, *matchers: str, scrapes: int = 40) -> None:
    scan_repository.insert_plan(day, matchers, scrapes)


def fail(number: int) -> None:
    assert scan_repository.claim(MEASURED, number, NOON, NOON)
    scan_repository.fail(MEASURED, number, "unavailable", NOON, NOON)


def finish(day: date, *parts: int, found: Sequence[Finding] = (), scrapes: int = 40) -> None:
    for number in parts:
        one = scan_repository.parts_of(day)[number]
        assert scan_repository.claim(day, number, NOON, NOON)
        assert scan_repository.finish(one._replace(finished_at=NOON, scrapes=scrapes), found, NOON)


def test_the_first_plan_of_a_scan_stands(database: str) -> None:
    plan(MEASURED, "one", "two")
    plan(MEASURED, "three", scrapes=41)
    plan(MEASURED + DAY, "four")

    assert [each.matcher for each in scan_repository.parts_of(MEASURED)] == ["one", "two"]
    assert part()[3:] == (PartState.WAITING, 0, 0, 0, None, "", 40)
    assert part(1).part == 1


@pytest.mark.parametrize(
    ("scrapes", "parts"),
    [
        pytest.param(40, ["one", "two"], id="as many scrapes as were seen"),
        pytest.param(41, ["three"], id="one more"),
    ],
)
def test_a_plan_is_made_again_where_samples_came_after_the_whole_scan(
    scrapes: int, parts: list[str], database: str
) -> None:
    for day in (MEASURED, MEASURED + DAY):
        plan(day, "one", "two")
        finish(day, 0, 1, found=[FOUND])

    plan(MEASURED, "three", scrapes=scrapes)

    assert [each.matcher for each in scan_repository.parts_of(MEASURED)] == parts
    assert len(scan_repository.findings_of(MEASURED)) == (2 if scrapes == 40 else 0)
    assert len(scan_repository.findings_of(MEASURED + DAY)) == 2


def test_only_parts_that_were_looked_at_are_reopened_and_their_findings_go(database: str) -> None:
    for day in (MEASURED, MEASURED + DAY):
        plan(day, "one", "two", "three", "four")
        finish(day, 0, 1, found=[FOUND])
    fail(2)

    scan_repository.reopen(MEASURED, [1, 2, 3])

    assert [each.state for each in scan_repository.parts_of(MEASURED)] == [
        *(PartState.DONE, PartState.WAITING, PartState.FAILED, PartState.WAITING)
    ]
    assert (part(0).findings, part(1).findings, part(1).finished_at) == (1, 0, None)
    assert scan_repository.findings_of(MEASURED) == [FOUND]
    assert len(scan_repository.findings_of(MEASURED + DAY)) == 2
    assert scan_repository.parts_of(MEASURED + DAY)[1].state == PartState.DONE
    finish(MEASURED, 1, found=[FOUND])


@pytest.mark.parametrize(
    ("state", "seen", "has_missed"),
    [
        pytest.param(PartState.DONE, 40, False, id="all were seen"),
        pytest.param(PartState.DONE, 39, True, id="one came since"),
        pytest.param(PartState.DONE, 41, False, id="one went since"),
        pytest.param(PartState.DONE, None, False, id="nobody counted"),
        pytest.param(PartState.FAILED, 39, False, id="not looked at yet"),
    ],
)
def test_a_part_has_missed_what_came_since_it_was_looked_at(
    state: PartState, seen: int | None, *, has_missed: bool
) -> None:
    one = ScanPart(MEASURED, 0, "", state, 7, 0, 1.5, NOON, "", seen)

    assert one.has_missed(40) is has_missed


def test_one_of_two_looks_at_a_part_until_its_claim_is_old(database: str) -> None:
    plan(MEASURED, "one", "two")

    def claim(number: int, claimed_before_s: int) -> bool:
        return scan_repository.claim(MEASURED, number, NOON, NOON + timedelta(seconds=claimed_before_s))

    plan(MEASURED + DAY, "one")
    assert [claim(0, -900), claim(0, -900), claim(0, 0), claim(0, 1)] == [True, False, False, True]
    assert scan_repository.parts_of(MEASURED + DAY)[0].state == PartState.WAITING
    assert (part(0).state, part(1).state) == (PartState.CLAIMED, PartState.WAITING)
    assert claim(1, -900)


def test_who_lost_the_claim_of_a_part_neither_finishes_nor_fails_it(database: str) -> None:
    plan(MEASURED, "one")
    later = NOON + timedelta(minutes=16)
    scan_repository.claim(MEASURED, 0, NOON, NOON)
    scan_repository.claim(MEASURED, 0, later, later)
    done = part()._replace(series=7, finished_at=later)

    lost = scan_repository.finish(done, [], NOON)
    scan_repository.fail(MEASURED, 0, "unavailable", later, NOON)

    assert (lost, part().state) == (False, PartState.CLAIMED)
    assert scan_repository.finish(done, [FOUND], later)
    assert scan_repository.findings_of(MEASURED) == [FOUND]


def test_a_part_is_finished_once_with_its_findings(database: str) -> None:
    plan(MEASURED, "one", "two")
    plan(MEASURED + DAY, "one")
    fail(0)
    failed = part()
    scan_repository.claim(MEASURED, 0, NOON, NOON)
    done = failed._replace(series=7, duration_s=1.5, finished_at=NOON + timedelta(minutes=1), scrapes=43)

    told = [scan_repository.finish(done, found, NOON) for found in ([FOUND], [FOUND, FOUND], [])]
    scan_repository.fail(MEASURED, 0, "unavailable", NOON, NOON)

    assert (failed.state, failed.reason, failed.finished_at) == (PartState.FAILED, "unavailable", NOON)
    assert told == [True, False, False]
    assert part()[3:] == (PartState.DONE, 7, 1, 1.5, done.finished_at, "", 43)
    assert not scan_repository.claim(MEASURED, 0, NOON, NOON + DAY)
    assert part(1).state == PartState.WAITING
    assert scan_repository.findings_of(MEASURED) == [FOUND]
    assert scan_repository.findings_of(MEASURED + DAY) == []
    assert scan_repository.parts_of(MEASURED + DAY)[0].state == PartState.WAITING


def test_findings_come_by_meter_process_and_kind(database: str) -> None:
    plan(MEASURED, "one")
    found = [
        FOUND,
        FOUND._replace(kind=FindingKind.CAME_AND_WENT, incarnation_start=POD[1] + DAY),
        FOUND._replace(incarnation_start=POD[1] + DAY),
        FOUND._replace(instance="pod:2"),
        FOUND._replace(key=("acme", "m", "zzz")),
        FOUND._replace(key=("acme", "n", "prompt")),
        FOUND._replace(key=("zzz", "m", "prompt")),
    ]
    finish(MEASURED, 0, found=found[::-1])

    assert scan_repository.findings_of(MEASURED) == found


def test_the_last_whole_day_is_one_whose_every_part_is_done(database: str) -> None:
    nothing = scan_repository.last_whole_day()
    for day, done in ((MEASURED - DAY, (0, 1)), (MEASURED, (0, 1)), (MEASURED + DAY, (0,))):
        plan(day, "one", "two")
        finish(day, *done)

    assert (nothing, scan_repository.last_whole_day()) == (None, MEASURED)


NIGHT = Actor.process_named("scan_day")
CAME_LATE = "usage.series_came_after_scan"


def at(monkeypatch: pytest.MonkeyPatch, after_the_end: timedelta) -> None:
    monkeypatch.setattr(clock, "utc_now", lambda: day_window(MEASURED).end + after_the_end)


def test_progress_counts_the_parts_of_a_day_and_what_was_seen_in_those_that_are_done(database: str) -> None:
    plan(MEASURED, "one", "two", "three", "four", "five")
    for number, seen in ((0, 7), (1, 5)):
        told = part(number)._replace(series=seen, duration_s=seen / 2, finished_at=NOON)
        scan_repository.claim(MEASURED, number, NOON, NOON)
        scan_repository.finish(told, [FOUND] if number else [], NOON)
    fail(2)
    scan_repository.claim(MEASURED, 3, NOON, NOON)

    told = scan_service.progress(NIGHT, MEASURED)

    assert told == DayScan(
        MEASURED, parts=5, waiting=2, done=2, failed=1, series=12, findings=1, duration_s=6
    )
    assert not told.is_whole
    found = scan_service.findings(NIGHT, MEASURED)
    assert (list(found.findings), list(found.unscanned)) == ([FOUND], ["three", "four", "five"])
    assert not found.is_scanned


@pytest.mark.parametrize(
    ("whole_day", "overdue_days"),
    [
        pytest.param(MEASURED, 0, id="the day that closed last"),
        pytest.param(MEASURED - DAY, 1, id="the one before"),
        pytest.param(None, 1, id="none"),
    ],
)
def test_a_scan_is_overdue_until_the_day_that_closed_last_is_whole(
    whole_day: date | None, overdue_days: int, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, timedelta(hours=6))
    if whole_day is not None:
        plan(whole_day, "one", "two", "three")
        for number, hours in enumerate((2, 3, 1)):
            finished_at = NOON + timedelta(hours=hours)
            scan_repository.claim(whole_day, number, NOON, NOON)
            done = scan_repository.parts_of(whole_day)[number]._replace(finished_at=finished_at)
            scan_repository.finish(done, [], NOON)

    told = scan_service.health(NIGHT)

    assert told.overdue_days == overdue_days
    assert (told.last.day if told.last else None) == whole_day
    assert told.last_finished_at == (NOON + timedelta(hours=3) if whole_day else None)


@pytest.mark.parametrize(
    ("state", "minutes_ago", "is_hurried", "is_left"),
    [
        pytest.param(PartState.WAITING, None, False, True, id="waits"),
        pytest.param(PartState.CLAIMED, None, False, True, id="is claimed"),
        pytest.param(PartState.DONE, 60, False, False, id="done"),
        pytest.param(PartState.DONE, 60, True, False, id="done, and somebody is in a hurry"),
        pytest.param(PartState.FAILED, 15, False, False, id="failed a quarter of an hour ago"),
        pytest.param(PartState.FAILED, 16, False, True, id="failed before that"),
        pytest.param(PartState.FAILED, 1, True, True, id="failed, and somebody is in a hurry"),
        pytest.param(PartState.FAILED, None, False, True, id="failed, nobody knows when"),
    ],
)
def test_a_part_that_failed_waits_a_quarter_of_an_hour(
    state: PartState, minutes_ago: int | None, *, is_hurried: bool, is_left: bool
) -> None:
    finished_at = None if minutes_ago is None else NOON - timedelta(minutes=minutes_ago)
    one = ScanPart(MEASURED, 0, "", state, 7, 0, 1.5, finished_at, "", 40)

    assert scan_service._is_left(one, NOON - scan_service.CLAIM, is_hurried=is_hurried) is is_left


@pytest.mark.parametrize(
    ("done", "series", "is_reopened"),
    [
        pytest.param((0, 1), 13, True, id="more than both parts saw"),
        pytest.param((0, 1), 12, False, id="as many"),
        pytest.param((0,), 13, False, id="a part is still to be looked at"),
    ],
)
def test_a_scan_that_saw_fewer_series_than_the_measurement_is_made_again(
    done: tuple[int, ...], series: int, *, is_reopened: bool, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    plan(MEASURED, "one", "two")
    for number in done:
        scan_repository.claim(MEASURED, number, NOON, NOON)
        scan_repository.finish(part(number)._replace(series=6, finished_at=NOON), [FOUND], NOON)
    window = day_window(MEASURED)
    measured = DayMeasurement(
        day=MEASURED,
        window=window,
        measured_at=window.end,
        rows=[],
        readings=[],
        series=0,
        series_at_end=series,
        incarnations=[],
    )

    assert scan_service.reopen_missed(NIGHT, measured) is is_reopened

    said = [record.__dict__["fields"] for record in caplog.records if record.getMessage() == CAME_LATE]
    assert said == ([{"day": str(MEASURED), "scanned": 12, "series": 13}] if is_reopened else [])
    assert scan_service.progress(NIGHT, MEASURED).done == (0 if is_reopened else len(done))


def test_nothing_is_due_until_the_last_samples_of_a_day_have_come_nor_once_it_is_whole(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(MEASURED, "one")
    at(monkeypatch, timedelta(minutes=20, seconds=-1))
    early = scan_service.scan_due_day(NIGHT, for_s=1)
    at(monkeypatch, timedelta(minutes=20))
    finish(MEASURED, 0)

    assert (early, scan_service.scan_due_day(NIGHT, for_s=1)) == (None, None)


def test_only_the_parts_that_missed_samples_are_looked_at_again(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    plan(MEASURED, "one", "two", "three")
    plan(MEASURED + DAY, "one")
    finish(MEASURED, 0, scrapes=39)
    finish(MEASURED, 1, scrapes=40)
    finish(MEASURED + DAY, 0, scrapes=39)
    source, span, pace = cast("Source", None), Span(0, 1), ScanPace(1)

    parts = scan_service._parts(MEASURED, source, span, pace, 40)

    assert [each.state for each in parts] == [PartState.WAITING, PartState.DONE, PartState.WAITING]
    assert scan_repository.parts_of(MEASURED + DAY)[0].state == PartState.DONE
    [said] = [record for record in caplog.records if record.getMessage() == "usage.samples_came_after_scan"]
    assert said.__dict__["fields"] == {"day": str(MEASURED), "parts": 1, "scrapes": 40}
