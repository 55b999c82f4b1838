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


def test_copies_that_only_labels_of_their_targets_tell_apart_are_one() -> None:
    zones = [{**POD, "zone": zone} for zone in ("a", "b")]
    history = [starts(each, (-50, range(-40, 101))) for each in zones]

    [one] = found(history, *(counter(each, {0: 10, 50: 5, 60: 9, 100: 20}) for each in zones))

    assert (one.falls, one.rose_tokens, one.restarted_tokens) == (1, 15, 5)


def test_copies_by_two_jobs_that_know_no_start_time_are_one() -> None:
    jobs = [{"instance": "pod", "job": job} for job in ("one", "two")]
    history = [starts({"instance": "pod"}, (-50, range(-40, 101)))]

    [one] = found(history, *(counter(each, {0: 10, 50: 5, 60: 9, 100: 20}) for each in jobs))

    assert (one.falls, one.rose_tokens, one.restarted_tokens) == (1, 15, 5)


IN_TURN = {0: 1000, 1: 300} | {minute: (310 if minute % 2 else 1010) for minute in range(2, 13)}


def test_processes_that_alternate_are_told_with_their_meter() -> None:
    [one] = found([ALIVE], counter(POD, IN_TURN))

    assert (one.kind, one.instance, one.key) == (FindingKind.ALTERNATES, "pod", ("t", "m", "prompt"))
    assert (one.first_value, one.last_value, one.falls) == (1000, 1010, 6)
    assert (one.rose_tokens, one.rose_tokens + one.restarted_tokens) == (10, 320)


def test_where_processes_alternate_the_rises_of_another_copy_prove_nothing() -> None:
    a, b = {**POD, "replica": "a"}, {**POD, "replica": "b"}
    history = [starts(each, (-50, range(-40, 101))) for each in (a, b)]

    [one] = found(history, counter(a, IN_TURN), counter(b, {0: 300, 100: 1010}))

    assert (one.kind, one.rose_tokens, one.restarted_tokens) == (FindingKind.ALTERNATES, 10, 310)


def test_a_series_of_alternating_processes_that_came_and_went_counts_no_rise_of_another_copy() -> None:
    a, b = {**POD, "replica": "a"}, {**POD, "replica": "b"}
    history = [starts(each, (-50, range(-40, 101))) for each in (a, b)]
    in_turn = {minute + 20: value for minute, value in IN_TURN.items()}

    told = found(history, counter(a, in_turn), counter(b, {20: 300, 30: 1010}))

    assert [(one.kind, one.rose_tokens) for one in told] == [
        (FindingKind.ALTERNATES, 10),
        (FindingKind.CAME_AND_WENT, 10),
    ]


def test_the_rises_of_the_copy_that_saw_no_fall_are_proven() -> None:
    a, b = {**POD, "replica": "a"}, {**POD, "replica": "b"}
    history = [starts(each, (-50, range(-40, 101))) for each in (a, b)]

    [one] = found(history, counter(a, {0: 100, 50: 90, 100: 120}), counter(b, {0: 80, 100: 150}))

    assert (one.kind, one.rose_tokens, one.restarted_tokens) == (FindingKind.FELL, 70, 50)


def test_a_restart_in_place_is_no_fall_of_counters_that_another_job_scrapes() -> None:
    history = [starts(POD, (-50, range(-40, 40)), (41, range(42, 101)))]
    other = {"instance": "pod", "job": "counters"}

    assert found(history, counter(other, {0: 10, 39: 90, 41: 3, 100: 20})) == []


def test_counters_of_another_job_are_of_the_first_process_until_the_second_starts() -> None:
    history = [starts(POD, (20, range(21, 40)), (41, range(42, 101)))]
    other = {"instance": "pod", "job": "counters"}

    [one] = found(history, counter(other, {10: 50, 30: 20, 60: 5, 100: 9}))

    assert (one.kind, one.first_value, one.last_value) == (FindingKind.FELL, 50, 20)
    assert one.incarnation_start.timestamp() == START + 20 * MINUTE


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


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({-10: 5, 40: 25}, id="ten minutes before the beginning"),
        pytest.param({40: 25, 90: 30}, id="ten minutes before the end"),
    ],
)
def test_no_boundary_shows_what_was_scraped_ten_minutes_before_it(values: dict[int, int]) -> None:
    [one] = found([ALIVE], counter(POD, values))

    assert one.kind is FindingKind.CAME_AND_WENT


def test_a_boundary_shows_the_last_ten_minutes_also_where_the_start_time_was_scraped_earlier() -> None:
    history = [starts(POD, (-50, range(-40, 96)))]

    [one] = found(history, counter(POD, {30: 5, 86: 25}))

    assert one.kind is FindingKind.CAME_AND_WENT
    assert found(history, counter(POD, {30: 5, 91: 25})) == []


def test_a_process_that_is_first_scraped_at_the_end_is_read_there() -> None:
    history = [starts(POD, (-50, range(-40, 90)), (99, [100]))]

    assert found(history, counter(POD, {0: 10, 89: 90, 100: 5})) == []


def test_a_series_of_a_process_that_was_replaced_is_read_at_the_last_scrape_of_that_process() -> None:
    history = [starts(POD, (-50, range(-40, 40)), (41, range(42, 101)))]

    assert found(history, counter(POD, {5: 10, 38: 90})) == []


@pytest.mark.parametrize(
    ("first_scrape", "is_single"),
    [pytest.param(100, False, id="at its end"), pytest.param(101, True, id="after it")],
)
def test_a_process_that_is_first_scraped_after_the_day_is_none_of_it(
    first_scrape: int, is_single: bool
) -> None:
    history = [starts(POD, (-50, range(-40, 99)), (99, [first_scrape, 102]))]
    seen = history_of(history, is_wanted=lambda _: True)

    assert Incarnations(seen, SPAN).is_single("pod") is is_single


def test_a_series_that_was_last_scraped_at_the_beginning_is_none_of_the_day() -> None:
    history = [starts(POD, (-50, [*range(-40, -15), *range(20, 101)]))]
    other = {"instance": "pod", "job": "counters"}

    assert found(history, counter(other, {0: 25})) == []
    assert len(found(history, counter(other, {0: 25, 1: 25}))) == 1


def test_a_series_that_went_before_the_last_scrapes_of_an_ended_process_is_in_no_reading() -> None:
    history = [starts(POD, (-50, range(-40, 60)))]

    [one] = found(history, counter(POD, {30: 5, 49: 25}))

    assert one.kind is FindingKind.CAME_AND_WENT
    assert found(history, counter(POD, {30: 5, 50: 25})) == []
    assert found(history, counter(POD, {30: 5, 59: 25})) == []


def test_a_process_without_a_start_time_has_falls_only() -> None:
    [one] = found([], counter(POD, {30: 25, 40: 5}))

    assert (one.kind, one.incarnation_start.timestamp()) == (FindingKind.FELL, 0)


def test_a_series_without_an_address_has_none() -> None:
    [one] = found([], counter({"job": "app"}, {30: 25, 40: 5}))

    assert (one.kind, one.instance) == (FindingKind.FELL, "")


def stretches(*history: dict[str, Any]) -> list[Stretch]:
    return Incarnations(history_of(history, is_wanted=lambda _: True), SPAN).stretches()


def minutes(*told: dict[str, Any]) -> list[tuple[int, int]]:
    return [(each.first_ms // 60_000 - 6_000, each.last_ms // 60_000 - 6_000) for each in stretches(*told)]


def test_only_processes_that_were_scraped_within_the_day_are_asked_for() -> None:
    incarnations = [(-50, range(-40, 1)), (2, [3]), (4, range(5, 99)), (100, [101])]

    assert minutes(starts(POD, *incarnations)) == [(3, 3), (5, 98)]
    assert minutes(starts(POD, (100, [101]))) == []


def test_a_process_alone_that_was_scraped_in_the_last_ten_minutes_is_not_asked_for() -> None:
    assert minutes(starts(POD, (-50, [*range(-40, 90), 91]))) == []
    assert minutes(starts(POD, (-50, range(-40, 90)))) == [(-40, 89)]


@pytest.mark.parametrize(("restarts", "asked"), [(20, 20), (21, 0)])
def test_an_address_with_very_many_restarts_is_not_asked_for_each_of_them(restarts: int, asked: int) -> None:
    incarnations = [(number, [number + 1]) for number in range(restarts)]

    assert len(stretches(starts(POD, *incarnations))) == asked


def test_processes_are_asked_for_one_by_one_where_an_address_had_several_or_was_gone_at_the_end() -> None:
    gone = {"instance": "gone", "job": "app"}
    history = [ALIVE, starts(gone, (-50, range(-40, 60)))]
    several = [starts(POD, (-50, range(-40, 40)), (41, range(42, 101)))]

    assert [each.instance for each in stretches(*history)] == ["gone"]
    assert minutes(*history) == [(-40, 59)]
    assert minutes(*several) == [(-40, 39), (42, 100)]


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
