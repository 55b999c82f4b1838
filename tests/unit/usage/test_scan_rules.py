"""What the samples of one counter tell of its day."""

import random
from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.usage.scanning.rules import CounterSample, Course, Shape, course_of, separate_tops_of, tops_of


def judged(values: Sequence[int], *, before: int = 1) -> Course:
    """The course of values once a minute, of which some lie at or before the beginning of the day."""
    samples = [CounterSample(60_000 * number, value) for number, value in enumerate(values)]
    return course_of(samples, 60_000 * (before - 1))


def test_a_counter_that_only_rises_is_in_order() -> None:
    told = judged([100, 100, 150, 900])

    assert told == (Shape.RISES, CounterSample(0, 100), CounterSample(180_000, 900), 0, 800, 0)


@pytest.mark.parametrize(
    ("values", "least", "most"),
    [
        pytest.param([600, 900, 100, 400, 700, 1000], 1200, 1300, id="falls and goes on"),
        pytest.param([0, 1000, 2000, 0, 1500, 3000, 0, 2000, 4000], 9000, 9000, id="three workers in turn"),
        pytest.param([9000, 5000, 5500], 500, 5500, id="a worker's file is deleted"),
        pytest.param([100, 0, 0], 0, 0, id="taken away, and not used since"),
    ],
)
def test_the_rises_of_a_counter_that_fell_are_proven(values: list[int], least: int, most: int) -> None:
    told = judged(values)

    assert told.shape is Shape.FELL
    assert (told.rose_tokens, told.rose_tokens + told.restarted_tokens) == (least, most)


def test_a_fall_before_the_day_is_none_of_it() -> None:
    assert judged([900, 100, 200, 300], before=2).shape is Shape.RISES
    assert judged([900, 100, 200, 300], before=1).shape is Shape.FELL


def test_processes_that_answer_in_turn_are_told_apart() -> None:
    told = judged([1000, 300, 1010, 320, 1010, 330, 1020, 340, 1050, 340, 1050], before=2)

    assert told.shape is Shape.ALTERNATES
    assert (told.rose_tokens, told.restarted_tokens) == (50, 40)


def test_a_single_jump_back_has_the_widest_figures() -> None:
    told = judged([100, 50, 150])

    assert told.shape is Shape.FELL
    assert (told.rose_tokens, told.rose_tokens + told.restarted_tokens) == (50, 150)


LATE = [300] * 11
"""One scrape more than SOON before the other process answers again."""
QUICK = [1000, 300, 1000, 300, 1000]


@pytest.mark.parametrize(
    ("values", "shape", "falls"),
    [
        pytest.param([*QUICK, *LATE, 1000, *LATE, 1000], Shape.ALTERNATES, 4, id="half of the falls"),
        pytest.param([1000, *QUICK, *3 * [*LATE, 1000]], Shape.FELL, 5, id="fewer than half"),
        pytest.param(QUICK + QUICK[1:], Shape.ALTERNATES, 4, id="two falls for each of two processes"),
        pytest.param(QUICK + QUICK[1:3], Shape.FELL, 3, id="fewer than two"),
    ],
)
def test_a_counter_alternates_where_most_falls_are_soon_undone(
    values: list[int], shape: Shape, falls: int
) -> None:
    told = judged(values)

    assert (told.shape, told.falls) == (shape, falls)


@pytest.mark.parametrize(
    ("back", "least", "most"),
    [
        pytest.param([49, 100], 0, 100, id="more than half of the way in one step"),
        pytest.param([50, 100], 100, 100, id="half of the way"),
        pytest.param([0] * 9 + [100], 0, 100, id="the tenth scrape since"),
        pytest.param([0] * 10 + [100], 100, 100, id="too late"),
        pytest.param([0, 99], 99, 99, id="not quite where it was"),
    ],
)
def test_a_jump_back_to_where_it_was_may_be_another_process(back: list[int], least: int, most: int) -> None:
    told = judged([100, 0, *back])

    assert (told.shape, told.falls) == (Shape.FELL, 1)
    assert (told.rose_tokens, told.rose_tokens + told.restarted_tokens) == (least, most)


@pytest.mark.parametrize(
    ("before", "day", "least", "most"),
    [
        pytest.param([1000, 300], [1010, 300, 1020] + 4 * [300, 1020], 20, 20, id="one that counts alone"),
        pytest.param([1000, 300], 6 * [1010, 310], 10, 20, id="two that count the same"),
        pytest.param([5000, 1000, 300], 7 * [1040, 340], 0, 80, id="one that never answers on the day"),
        pytest.param([1000], [1500, *7 * [300, 1000]], 500, 1800, id="one that answers once on the day"),
    ],
)
def test_all_that_processes_in_turn_counted_lies_between_the_figures(
    before: list[int], day: list[int], least: int, most: int
) -> None:
    told = judged([*before, *day], before=len(before))

    assert told.shape is Shape.ALTERNATES
    assert (told.rose_tokens, told.rose_tokens + told.restarted_tokens) == (least, most)


def test_values_belong_to_the_nearest_counter_below_them() -> None:
    assert tops_of([10, 30, 12, 31, 12, 5]) == [5, 12, 31]
    assert tops_of([6], [5, 12]) == [6, 12]


ANSWERS = [4000, 2200, 3000, 2200, 3000, 2200, 4000, 3600, 2200, 4000, 2200, 3600, 2200, 3600, 3000, 4000]
"""Four processes that had counted 4000, 3600, 3000 and 2200, as one Prometheus met them."""


def test_a_process_that_answers_late_is_not_taken_for_another_one_that_went_on() -> None:
    told = judged([0, *ANSWERS])

    assert (told.rose_tokens, told.rose_tokens + told.restarted_tokens) == (4000, 12_800)


def test_a_step_up_at_midnight_may_come_back_from_a_fall_before_it() -> None:
    """Two processes: one counted 52, the other 116. A rise of 21,401 from the one to the other proves nothing."""
    told = judged([21_400, 51, 21_452, 167, 167], before=2)

    assert (told.falls, told.rose_tokens) == (1, 52)


def test_a_value_that_is_told_again_was_its_counters_all_the_while() -> None:
    assert separate_tops_of([10, 30, 12, 31, 12, 5], []) == [5, 12, 31]
    assert separate_tops_of([10, 30, 10, 20, 10], [7]) == [10, 20, 30]
    assert separate_tops_of([6, 9, 6], [5, 8]) == [6, 9]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(0, 2**32))
def test_restarts_from_zero_lie_between_the_figures(steps: list[int], seed: int) -> None:
    dice, value, used, values = random.Random(seed), 0, 0, [0]  # noqa: S311 - seeded
    for step in steps:
        value = step if dice.random() < 0.1 else value + step
        used += step
        values.append(value)
    # What a restart hides altogether, because it is not below what was before, nobody sees.
    hidden = sum(
        before
        for (before, after), step in zip(pairwise(values), steps, strict=True)
        if after == step and after >= before
    )

    told = judged(values)

    assert told.rose_tokens <= used
    assert used - hidden <= told.rose_tokens + told.restarted_tokens


@pytest.mark.parametrize(
    ("values", "used"),
    [
        pytest.param([0, *4 * [3000, 0]], 12_000, id="four workers that follow one another"),
        pytest.param([0, *9 * [3000, 0]], 27_000, id="nine of them"),
        pytest.param(
            [value for life in range(12) for value in (200, 3000 + 10 * life, 0)],
            36_460,
            id="a dozen restarts",
        ),
        pytest.param(
            [900, *6 * [300, 900], 200, 900, 300, 900], 7200, id="the last ones begin below the first ones"
        ),
    ],
)
def test_restarts_that_look_like_processes_in_turn_leave_a_choice_with_the_truth_in_it(
    values: list[int], used: int
) -> None:
    told = judged(values)

    assert told.shape is Shape.FELL
    assert told.rose_tokens < used <= told.rose_tokens + told.restarted_tokens


@given(st.sampled_from((5, 12, 60)), st.integers(2, 60), st.integers(1, 20), st.integers(0, 2**32))
def test_lives_that_begin_with_an_idle_scrape_lie_between_the_figures(
    lives: int, longest: int, before: int, seed: int
) -> None:
    dice, values = random.Random(seed), list[int]()  # noqa: S311 - seeded
    for _ in range(lives):
        steps = [dice.choice((0, dice.randint(1, 3000))) for _ in range(dice.randint(1, longest - 1))]
        values += accumulate(steps, initial=0)
    begin = min(before, len(values))
    used = sum(max(0, later - earlier) for earlier, later in pairwise(values[begin - 1 :]))

    told = judged(values, before=begin)

    assert told.rose_tokens <= used <= told.rose_tokens + told.restarted_tokens


def in_turn(processes: int, rounds: int, seed: int) -> tuple[list[int], list[int], list[int]]:
    """What processes showed that answered in rounds, and what each had counted at the beginning and at the end."""
    dice = random.Random(seed)  # noqa: S311 - seeded
    opened = [100_000 * number + dice.randint(1, 20_000) for number in range(1, processes + 1)]
    counted, values = list(opened), opened[::-1]
    for _ in range(rounds):
        for answering in dice.sample(range(processes), processes):
            counted[answering] += dice.choice((0, dice.randint(1, 300)))
            values.append(counted[answering])
    return values, opened, counted


@given(st.integers(8, 60), st.integers(0, 2**32))
def test_two_processes_in_turn_that_had_counted_before_the_day_keep_narrow_figures(
    rounds: int, seed: int
) -> None:
    """They had counted far apart. The figures are what the higher one counted, and what both did."""
    values, opened, counted = in_turn(2, rounds, seed)

    told = judged(values, before=2)

    assert told.shape is Shape.ALTERNATES
    assert told.rose_tokens + told.restarted_tokens == sum(counted) - sum(opened)
    assert told.rose_tokens == counted[-1] - opened[-1]


@given(st.integers(2, 4), st.integers(5, 60), st.integers(0, 2**32))
def test_processes_in_turn_that_had_counted_before_the_day_lie_between_their_figures(
    processes: int, rounds: int, seed: int
) -> None:
    """Where they are told apart, the most is what all of them counted.

    About one in a thousand of three in turn, seen in eight rounds, has too few jumps back: then the most is far above.
    """
    values, opened, counted = in_turn(processes, rounds, seed)
    used = sum(counted) - sum(opened)

    told = judged(values, before=processes)

    assert told.rose_tokens <= used <= told.rose_tokens + told.restarted_tokens
    if told.shape is Shape.ALTERNATES:
        assert told.rose_tokens + told.restarted_tokens == used


@given(st.integers(2, 5), st.sampled_from((5, 30, 400)), st.integers(0, 2**32))
def test_alternating_processes_lie_between_the_figures(processes: int, answers: int, seed: int) -> None:
    """Each of them answered before the day, and each three times after all had counted, in whatever order.

    No two ever show the same value: their remainders differ.
    """
    dice = random.Random(seed)  # noqa: S311 - seeded
    counted = [processes * dice.randint(0, 20_000) + number for number in range(processes)]
    at_start = sum(counted)
    values = sorted(counted, reverse=True)
    for _ in range(answers):
        answering = dice.randrange(processes)
        counted[answering] += processes * dice.choice((0, 0, dice.randint(1, 300)))
        values.append(counted[answering])
    for _ in range(3):
        values += dice.sample(counted, processes)
    used = sum(counted) - at_start

    told = judged(values, before=processes)

    assert told.rose_tokens <= used <= told.rose_tokens + told.restarted_tokens


def test_two_processes_that_are_seen_in_turn_too_seldom_look_like_one_that_restarted() -> None:
    """They counted 114, which is 13 below the least. A process that restarts shows these very values."""
    told = judged([35_540, 35_413, *6 * [35_527], 35_540, 35_540, 35_527], before=2)

    assert (told.shape, told.rose_tokens) == (Shape.FELL, 127)


@pytest.mark.parametrize(("falls", "shape"), [(4, Shape.FELL), (6, Shape.ALTERNATES)])
def test_each_process_that_answered_before_the_day_asks_for_two_falls(falls: int, shape: Shape) -> None:
    three = [1000, 300, 600, 1000]

    assert judged([*three, *falls * [300, 1000]], before=len(three)).shape is shape
