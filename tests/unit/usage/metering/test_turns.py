"""Several processes under one address are seen in the scrape history, and held."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import Copy, Incarnation, Run, Target
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.metering.turns import keys_of_several_processes, with_alternating_flagged
from backend.usage.types import Key, UsageFlag
from tests.unit.usage.incarnations import incarnation

MINUTE = 60_000
SPAN = Span(1000 * MINUTE, 2440 * MINUTE)
AT = datetime(2026, 11, 22, tzinfo=UTC)
A: Key = ("acme", "gpt-4o", "prompt")
B: Key = ("acme", "gpt-4o", "completion")


def runs(*told: tuple[int, int, int]) -> list[Run]:
    """Runs of a target, each with the minute of its start time, and its first and its last scrape."""
    return [
        Run(start * MINUTE * 1000, [minute * MINUTE for minute in range(first, last + 1)])
        for start, first, last in told
    ]


def of(start: int) -> IncarnationReadings:
    """The readings of a process that began at a minute."""
    return incarnation({A: 9}, incarnation=Incarnation("pod:1", start * MINUTE * 1000, [], []))


@pytest.mark.parametrize(
    ("told", "held"),
    [
        pytest.param([(10, 1100, 1101), (20, 1102, 1103), (10, 1104, 1105)], {10, 20}, id="A B A"),
        pytest.param([(10, 900, 990), (20, 995, 1500), (10, 1501, 2000)], {10, 20}, id="back within the day"),
        pytest.param(
            [(10, 1100, 2400), (20, 2401, 2450), (10, 2451, 2460)], {10, 20}, id="back after the day"
        ),
        pytest.param(
            [(10, 1100, 1101), (20, 1102, 1103), (10, 1104, 1105), (30, 1200, 2000)],
            {10, 20},
            id="and then a restart",
        ),
        pytest.param([(10, 1100, 1101), (1102, 1102, 1103), (1104, 1104, 1105)], set(), id="restarts"),
        pytest.param([(10, 700, 710), (20, 720, 730), (10, 740, 1500)], set(), id="the day before"),
        pytest.param([(10, 700, 710), (20, 720, 730), (10, 1000, 1000)], set(), id="back at midnight"),
        pytest.param([(10, 700, 710), (20, 720, 730), (10, 1001, 1001)], {10, 20}, id="back after midnight"),
        pytest.param([(10, 1100, 2440), (20, 2441, 2442), (10, 2443, 2444)], set(), id="the day after"),
        pytest.param(
            [(10, 1100, 2439), (20, 2441, 2442), (10, 2443, 2444)], {10, 20}, id="left before its end"
        ),
    ],
)
def test_processes_that_a_target_showed_in_turn_are_held(
    told: list[tuple[int, int, int]], held: set[int]
) -> None:
    target = Target({"instance": "pod:1"}, runs(*told))
    starts = sorted({start for start, *_ in told})

    found = with_alternating_flagged([of(start) for start in starts], [target], SPAN)

    flagged = {
        one.incarnation.start_us // MINUTE // 1000 for one in found if UsageFlag.ALTERNATES in one.flags
    }
    assert flagged == held


def test_processes_in_turn_keep_their_flags_and_leave_other_addresses_alone() -> None:
    target = Target({"instance": "pod:1"}, runs((10, 1100, 1101), (20, 1102, 1103), (10, 1104, 1105)))
    moved = replace(of(10), flags=frozenset({UsageFlag.START_TIME_MOVED}))
    elsewhere = incarnation({A: 9}, incarnation=Incarnation("pod:2", 10 * MINUTE * 1000, [], []))

    found = with_alternating_flagged([moved, elsewhere], [target], SPAN)

    assert [one.flags for one in found] == [{UsageFlag.START_TIME_MOVED, UsageFlag.ALTERNATES}, set()]


def apart(*addresses: str | None, openings: tuple[int, ...] = (0, 0), last: int = 2440) -> set[Key]:
    """What two copies of one incarnation are told apart by; they close at 8,000 and 4,800, or never show it."""
    told = runs((10, 900, last))
    targets = [
        Target({"instance": "fed:9090"} | ({"exported_instance": own} if own else {}), told)
        for own in addresses
    ]
    copies = [Copy(number, told) for number in range(len(targets))]
    before = {number: {A: value} for number, value in enumerate(openings)}
    return keys_of_several_processes(copies, targets, (before, {0: {A: 8000, B: 1}, 1: {A: 4800}}), SPAN)


def test_a_federation_that_keeps_the_address_beside_is_several_processes() -> None:
    assert apart("pod:1", "pod:2") == {A}


def test_copies_of_one_process_are_one() -> None:
    assert apart("pod:1", "pod:1") == apart(None, None) == apart(None, None, openings=()) == set()


def test_only_meters_that_several_processes_show_are_held() -> None:
    assert apart("pod:1", "pod:2", "pod:3") == apart("pod:3", "pod:1", "pod:2") == {A}


@pytest.mark.parametrize(
    ("openings", "last", "found"),
    [
        pytest.param((4801, 0), 2440, {A}, id="one began above what the other ended with"),
        pytest.param((4800, 0), 2440, set(), id="perhaps the same"),
        pytest.param((4801, 0), 1002, set(), id="a scrape that took two minutes"),
        pytest.param((4801, 0), 1003, {A}, id="no scrape takes three minutes"),
    ],
)
def test_a_copy_that_ends_below_what_another_began_with_is_another_process(
    openings: tuple[int, int], last: int, found: set[Key]
) -> None:
    assert apart(None, None, openings=openings, last=last) == found


def test_a_copy_is_as_new_as_its_last_run() -> None:
    told = runs((10, 900, 950), (10, 960, 1001), (10, 1500, 2440))
    targets = [Target({"instance": "pod:1"}, told)] * 2

    found = keys_of_several_processes(
        [Copy(0, told), Copy(1, told)], targets, ({0: {A: 5}}, {1: {A: 4}}), SPAN
    )

    assert found == {A}
