"""The scenarios of real life that a bill must survive, each as a synthetic world. Half a day each, 30 s scrapes."""

import random
from collections.abc import Callable
from dataclasses import replace

from tests.integration.usage.world import HOUR, Event, Process, Scraper, World, events, keys_of

START = 1_795_000_000 - 1_795_000_000 % (2 * HOUR)
MIDDLE = START + 6 * HOUR + 11
END = START + 12 * HOUR
LOOKBACK = HOUR
BEFORE, AFTER = START - 2 * HOUR, END + HOUR + 600
TENANTS = 4
PODS = 3

Maker = Callable[[random.Random, str], World]


def pods(
    dice: random.Random, *, eager: bool = True, start: float = BEFORE, per_hour: float = 6
) -> list[Process]:
    """Steady processes that live through everything."""
    keys = keys_of(TENANTS)
    found = []
    for number in range(PODS):
        begin = start + dice.uniform(0, 300)
        found.append(
            Process(
                f"10.0.0.{number}:8000",
                begin,
                AFTER,
                events(dice, keys, begin, AFTER, per_hour),
                eager=keys if eager else (),
            )
        )
    return found


def clean(dice: random.Random, name: str) -> World:
    return World(name, pods(dice), [Scraper(30)])


def lazy(dice: random.Random, name: str) -> World:
    return World(name, pods(dice, eager=False, per_hour=0.4), [Scraper(30)])


def burst(dice: random.Random, name: str) -> World:
    processes = pods(dice, eager=False, per_hour=0)
    for key in keys_of(TENANTS):
        process = dice.choice(processes)
        at = dice.uniform(START, END)
        process.events += [Event(at + n, key, dice.randint(1, 90_000)) for n in range(dice.randint(1, 5))]
    for process in processes:
        process.events.sort(key=lambda event: event.at)
    return World(name, processes, [Scraper(30)])


def generations(
    dice: random.Random, *, in_place: bool, times: int = 6, down: tuple[float, float] = (1, 40)
) -> list[Process]:
    """Processes that are replaced again and again."""
    keys = keys_of(TENANTS)
    cuts = sorted(dice.uniform(START - 1000, END) for _ in range(times))
    found = []
    for pod in range(PODS):
        begin = BEFORE + dice.uniform(0, 300)
        for generation, cut in enumerate([*cuts, AFTER]):
            end = cut + dice.uniform(0, 20)
            name = f"10.0.0.{pod}:8000" if in_place else f"10.0.{generation}.{pod}:8000"
            found.append(Process(name, begin, end, events(dice, keys, begin, end, 9)))
            begin = end + dice.uniform(*down)
    return found


def churn(dice: random.Random, name: str) -> World:
    return World(name, generations(dice, in_place=False), [Scraper(30)])


def reset(dice: random.Random, name: str) -> World:
    return World(name, generations(dice, in_place=True), [Scraper(30)])


def holes(dice: random.Random) -> Scraper:
    """Target gaps, an outage, and outages across each boundary."""
    per_instance = {}
    for pod in range(PODS):
        begins = [dice.uniform(START, END) for _ in range(4)]
        per_instance[f"10.0.0.{pod}:8000"] = [(at, at + dice.uniform(120, 1800)) for at in begins]
    outage = dice.uniform(START + HOUR, MIDDLE - HOUR)
    gaps = [(outage, outage + 1500)]
    gaps += [(cut - dice.uniform(60, 900), cut + dice.uniform(60, 900)) for cut in (START, MIDDLE, END)]
    return Scraper(30, gaps=gaps, instance_gaps=per_instance)


def gaps(dice: random.Random, name: str) -> World:
    return World(name, pods(dice), [holes(dice)])


def hidden(dice: random.Random, name: str) -> World:
    keys = keys_of(TENANTS)
    processes, per_instance = [], {}
    for pod in range(PODS):
        instance, begin, silent = f"10.0.0.{pod}:8000", BEFORE + dice.uniform(0, 300), []
        for middle in (START + 2 * HOUR, MIDDLE, START + 9 * HOUR):
            width = dice.uniform(900, 3000)
            crash = middle + dice.uniform(-0.4, 0.4) * width
            silent.append((middle - width / 2, middle + width / 2))
            processes.append(Process(instance, begin, crash, events(dice, keys, begin, crash, 9)))
            begin = crash + 3
        processes.append(Process(instance, begin, AFTER, events(dice, keys, begin, AFTER, 14)))
        per_instance[instance] = silent
    return World(name, processes, [Scraper(30, instance_gaps=per_instance)])


def short(dice: random.Random, name: str) -> World:
    keys = keys_of(TENANTS)
    processes = []
    for number in range(60):
        begin = dice.uniform(START - 300, END - 30)
        end = begin + dice.uniform(40, 180)
        processes.append(Process(f"10.1.{number}.1:8000", begin, end, events(dice, keys, begin, end, 200)))
    return World(name, processes, [Scraper(15)])


def mixed(dice: random.Random, name: str) -> World:
    processes = generations(dice, in_place=True, times=3) + [
        replace(process, instance="9" + process.instance)
        for process in generations(dice, in_place=False, times=3)
    ]
    return World(name, processes, [holes(dice)])


def ha(dice: random.Random, name: str) -> World:
    def replica(letter: str, offset: float) -> Scraper:
        begins = [dice.uniform(START, END) for _ in range(3)]
        return Scraper(
            30,
            offset,
            extra={"prometheus_replica": letter},
            gaps=[(at, at + dice.uniform(60, 900)) for at in begins],
        )

    return World(name, generations(dice, in_place=True, times=2), [replica("a", 7), replica("b", 19)])


def cold(dice: random.Random, name: str) -> World:
    processes = pods(dice, start=START - 30 * HOUR, per_hour=6)
    for process in processes:
        process.base = {key: dice.randint(10**8, 10**9) for key in keys_of(TENANTS)}
    return World(name, processes, [Scraper(30, begins=START + 5 * HOUR)])


SCENARIOS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (clean, lazy, burst, churn, reset, gaps, hidden, short, mixed, ha, cold)
}


def world_of(scenario: str, seed: int) -> World:
    """A scenario with its dice."""
    return SCENARIOS[scenario](random.Random(f"{scenario}-{seed}"), f"{scenario}-{seed}")  # noqa: S311 - seeded
