"""Tokens equal what the scrapes prove, in every scenario, whatever the boundaries."""

import random
from collections import defaultdict

import pytest

from backend.usage.types import DayMeasurement, UsageFlag
from tests.integration.usage.conftest import SEEDS, Measure
from tests.integration.usage.scenarios import END, HOUR, LOOKBACK, MIDDLE, SCENARIOS, START, world_of
from tests.integration.usage.world import Key

CASES = [(name, seed) for name in SCENARIOS for seed in SEEDS]
HALVES = [(START, MIDDLE), (MIDDLE, END)]


def tokens_of(measured: DayMeasurement) -> dict[Key, int]:
    return {(row.tenant, row.model, row.type): row.tokens for row in measured.rows if row.tokens}


def without_zeros(tokens: dict[Key, int]) -> dict[Key, int]:
    return {key: value for key, value in tokens.items() if value}


@pytest.mark.parametrize(("scenario", "seed"), CASES)
def test_tokens_equal_what_the_scrapes_prove(scenario: str, seed: int, measure: Measure) -> None:
    world = world_of(scenario, seed)

    measured = measure(world.name, START, END)

    assert tokens_of(measured) == without_zeros(world.proven(START, END, history_from=START - LOOKBACK))


@pytest.mark.parametrize(("scenario", "seed"), CASES)
def test_parts_add_up_to_the_whole(scenario: str, seed: int, measure: Measure) -> None:
    name = world_of(scenario, seed).name

    parts: dict[Key, int] = defaultdict(int)
    for start, end in HALVES:
        for key, tokens in tokens_of(measure(name, start, end)).items():
            parts[key] += tokens

    assert dict(parts) == tokens_of(measure(name, START, END))


@pytest.mark.parametrize(("scenario", "seed"), CASES)
def test_any_window_equals_what_the_scrapes_prove(scenario: str, seed: int, measure: Measure) -> None:
    world = world_of(scenario, seed)
    dice = random.Random(f"window-{scenario}-{seed}")  # noqa: S311 - seeded
    start = dice.uniform(START + HOUR, END - HOUR)
    end = dice.uniform(start + 60, END)

    measured = measure(world.name, start, end)

    assert tokens_of(measured) == without_zeros(world.proven(start, end, history_from=start - LOOKBACK))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cold_start_is_held_and_never_billed_from_zero(seed: int, measure: Measure) -> None:
    world = world_of("cold", seed)
    true = world.true(START, END)

    measured = measure(world.name, START, END)

    assert measured.rows
    for row in measured.rows:
        assert row.held
        assert UsageFlag.COLD_START in row.flags
        assert row.tokens <= true[row.tenant, row.model, row.type]
