"""Worlds with a known truth inside a day, by seeds: counters that fall, and series that come and go."""

import random
from dataclasses import dataclass, field

from tests.integration.usage.nights import POD, A, B
from tests.integration.usage.scans import INTERVAL, MORNING, STEADY, Course, Told
from tests.integration.usage.world import Key

FIRST, LAST = -150, 900
DAY = range(720)
"""The numbers of the scrapes of the day."""
INSIDE_SEEDS = (1, 2, 3, 4, 5)


@dataclass
class Shown:
    """What each scrape shows of a counter, and the tokens of the day that they stand for."""

    values: dict[int, int] = field(default_factory=dict)
    true_tokens: int = 0

    def course(self) -> Course:
        """The counter by instants."""
        return lambda at: self.values.get(int((at - MORNING) // INTERVAL))


def _falling(seed: int) -> Shown:
    """A counter that rises, begins again from zero three times, and twice loses what a worker had counted."""
    dice = random.Random(f"falling-{seed}")  # noqa: S311 - seeded
    places = dice.sample(range(20, 700, 5), 5)
    shown, value = Shown(), dice.randint(10_000, 90_000)
    for number in range(FIRST, LAST):
        grown = dice.choice((0, 0, dice.randint(1, 90)))
        before = value
        if number in places[:3]:
            value = grown
        elif number in places[3:]:
            value, grown = before // 2, 0
        else:
            value += grown
        shown.values[number] = value
        shown.true_tokens += grown if number in DAY else 0
    return shown


def _coming_and_going(seed: int) -> Shown:
    """A series that is first used and dropped within the day."""
    dice = random.Random(f"coming-{seed}")  # noqa: S311 - seeded
    begin = dice.randint(30, 400)
    shown, value = Shown(), 0
    for number in range(begin, begin + dice.randint(20, 200)):
        value += dice.randint(0, 70)
        shown.values[number] = value
    shown.true_tokens = value
    return shown


def truth(name: str, seed: int) -> dict[Key, int]:
    """The tokens of the day, by series."""
    return {A: MAKERS[name](seed).true_tokens}


MAKERS = {"falling": _falling, "coming": _coming_and_going}


def inside_worlds() -> list[Told]:
    """All of them; each has a steady series beside the one that it is about."""
    return [
        Told(name=f"{name}-{seed}", counters={(POD, A): make(seed).course(), (POD, B): STEADY})
        for name, make in MAKERS.items()
        for seed in INSIDE_SEEDS
    ]
