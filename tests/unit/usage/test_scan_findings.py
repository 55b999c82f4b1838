"""From raw samples to findings: copies are one, different series are added, and each process stands for itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import history_of
from backend.usage.metering.vectors import LabelNames, TargetTable
from backend.usage.scanning.asking import LONGEST_PAUSE_S, ScanPace
from backend.usage.scanning.findings import findings_in
from backend.usage.scanning.incarnations import Incarnations, Stretch
from backend.usage.scanning.types import Finding, FindingKind

MINUTE = 60
START, END = 6_000 * MINUTE, 6_100 * MINUTE
SPAN = Span(START * 1000, END * 1000)
NAMES = LabelNames(tenant="tenant", replica="replica")
POD = {"instance": "pod", "job": "app"}
Minutes = Sequence[int]


def starts(labels: Mapping[str, str], *incarnations: tuple[int, Minutes]) -> dict[str, Any]:
    """Scrapes of a start time, given in minutes since the beginning of the window."""
    values = [
        [START + minute * MINUTE, str(START + start * MINUTE)]
        for start, seen in incarnations
        for minute in seen
    ]
    return {"metric": {"__name__": "process_start_time_seconds", **labels}, "values": values}


def counter(labels: Mapping[str, str], values: Mapping[int, int]) -> dict[str, Any]:
    told = [[START + minute * MINUTE, str(value)] for minute, value in values.items()]
    return {"metric": {**labels, "tenant": "t", "model": "m", "type": "prompt"}, "values": told}


def found(history: Sequence[dict[str, Any]], *rows: dict[str, Any]) -> list[Finding]:
    seen = history_of(history, is_wanted=lambda _: True)
    return findings_in(rows, TargetTable(seen.targets), NAMES, Incarnations(seen, SPAN), SPAN)


ALIVE = starts(POD, (-50, range(-40, 101)))


def test_a_fall_is_told_with_its_ends() -> None:
    [one] = found([ALIVE], counter(POD, {-1: 100, 1: 150, 50: 20, 100: 80}))

    assert (one.kind, one.instance, one.key) == (FindingKind.FELL, "pod", ("t", "m", "prompt"))
    assert (one.first_value, one.last_value, one.falls) == (100, 80, 1)
    assert (one.rose_tokens, one.restarted_tokens) == (110, 20)
    assert one.incarnation_start.timestamp() == START - 50 * MINUTE
    assert (one.first_at.timestamp(), one.last_at.timestamp()) == (START - MINUTE, END)


def test_a_fall_on_the_day_before_is_not_of_this_one() -> None:
    assert found([ALIVE], counter(POD, {-9: 100, -5: 10, 0: 20, 100: 30})) == []


def test_copies_by_two_servers_are_one_finding_and_the_highest_figures() -> None:
    a, b = {**POD, "replica": "a"}, {**POD, "replica": "b"}
    history = [starts(each, (-50, range(-40, 101))) for each in (a, b)]

    [one] = found(history, counter(a, {0: 10, 50: 5, 60: 9, 100: 20}), counter(b, {0: 9, 100: 18}))

    assert (one.falls, one.rose_tokens, one.restarted_tokens) == (1, 15, 5)
    assert (one.first_value, one.last_value) == (10, 20)


def test_series_that_an_unknown_label_tells_apart_are_added() -> None:
    ways = [{**POD, "way": way} for way in ("chat", "batch")]

    [one] = found([ALIVE], *(counter(way, {0: 10, 50: 5, 60: 9, 100: 20}) for way in ways))

    assert (one.falls, one.rose_tokens, one.first_value, one.last_value) == (2, 30, 20, 40)


def test_a_restart_in_place_is_no_fall() -> None:
    history = [starts(POD, (-50, range(-40, 40)), (41, range(42, 101)))]

    assert found(history, counter(POD, {0: 10, 39: 90, 42: 3, 100: 20})) == []


def test_each_of_two_processes_that_answer_in_turn_with_starts_of_their_own_stands_for_itself() -> None:
    incarnations = [(-50 + minute % 2, [minute]) for minute in range(-40, 101)]
    values = {minute: 1000 * (minute % 2) + minute for minute in range(101)}

    assert found([starts(POD, *incarnations)], counter(POD, values)) == []


def test_a_series_that_came_and_went_is_in_no_reading() -> None:
    [one] = found([ALIVE], counter(POD, {30: 5, 40: 25}))

    assert (one.kind, one.falls, one.first_value, one.last_value) == (FindingKind.CAME_AND_WENT, 0, 5, 25)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({-9: 5, 40: 25}, id="near the beginning"),
        pytest.param({40: 25, 91: 30}, id="near the end"),
        pytest.param({-30: 25}, id="not within the window"),
    ],
)
def test_a_series_that_a_boundary_shows_has_not_come_and_gone(values: dict[int, int]) -> None:
    assert found([ALIVE], counter(POD, values)) == []


def test_a_series_that_went_before_the_last_scrapes_of_an_ended_process_is_in_no_reading() -> None:
    history = [starts(POD, (-50, range(-40, 60)))]

    [one] = found(history, counter(POD, {30: 5, 40: 25}))

    assert one.kind is FindingKind.CAME_AND_WENT
    assert found(history, counter(POD, {30: 5, 50: 25})) == []


def test_a_process_without_a_start_time_has_falls_only() -> None:
    [one] = found([], counter(POD, {30: 25, 40: 5}))

    assert (one.kind, one.incarnation_start.timestamp()) == (FindingKind.FELL, 0)


def test_processes_are_asked_for_one_by_one_where_an_address_had_several_or_was_gone_at_the_end() -> None:
    gone = {"instance": "gone", "job": "app"}
    history = [ALIVE, starts(gone, (-50, range(-40, 60)))]
    several = [starts(POD, (-50, range(-40, 40)), (41, range(42, 101)))]

    def asked(told: Sequence[dict[str, Any]]) -> list[Stretch]:
        return Incarnations(history_of(told, is_wanted=lambda _: True), SPAN).stretches()

    assert [(each.instance, each.last_ms) for each in asked(history)] == [
        ("gone", (START + 59 * MINUTE) * 1000)
    ]
    assert [each.first_ms // 60_000 - START // 60 for each in asked(several)] == [-40, 42]


def test_a_share_of_the_time_is_kept_by_waiting() -> None:
    waits: list[float] = []
    pace = ScanPace(0.2, waits.append)

    answer = pace.keep(lambda: "told")

    assert answer == "told"
    assert waits == [min(LONGEST_PAUSE_S, pace.asked_s * 4)]


def test_who_is_in_a_hurry_does_not_wait() -> None:
    waits: list[float] = []

    ScanPace(1, waits.append).keep(lambda: None)

    assert waits == []
