"""Worlds for single promises."""

import random
from dataclasses import replace
from datetime import date

from backend.clock import day_window
from tests.integration.usage.scenarios import AFTER, BEFORE, MIDDLE, START, pods
from tests.integration.usage.world import HOUR, Event, Process, Scraper, World, events, keys_of

STRANGE_LABELS = ('say "hi"', "back\\slash", "line\nbreak", "شرکت نمونه", "{a=~'.*'}", "")
SHORT_DAY, LONG_DAY = date(2022, 3, 22), date(2022, 9, 21)
STEADY_TOKENS = 7
HOLE = (MIDDLE + 2 * HOUR + 3, MIDDLE + 3 * HOUR + 3)


def _pods(name: str) -> list[Process]:
    return pods(random.Random(name))  # noqa: S311 - seeded


def second_job() -> World:
    """The same pods in a second job, which calls them by one more label."""
    other = Scraper(30, 21, job="docuchat-again", extra={"team": "platform"})
    return World("second-job", _pods("second-job"), [Scraper(30), other])


def late_block(*, has_come: bool) -> World:
    """Scrapes of the last half hour before the boundary that arrive after the bill."""
    gaps = [] if has_come else [(MIDDLE - 1800, MIDDLE + 40)]
    return World(f"late-{'after' if has_come else 'before'}", _pods("late"), [Scraper(30, gaps=gaps)])


def lost_data(*, is_lost: bool) -> World:
    """A Prometheus that lost everything two hours into the second half."""
    begins = MIDDLE + 2 * HOUR if is_lost else 0
    return World("lost" if is_lost else "kept", _pods("lost"), [Scraper(30, begins=begins)])


def strange_labels() -> World:
    """Tenant labels that break whoever pastes texts together."""
    dice = random.Random("strange")  # noqa: S311 - seeded
    keys = [(label, "gpt-4o", "prompt") for label in STRANGE_LABELS]
    happened = events(dice, keys, BEFORE, AFTER, 20)
    return World(
        "strange-labels", [Process('pod "0"\\:8000', BEFORE, AFTER, happened, eager=keys)], [Scraper(60)]
    )


def no_start() -> World:
    """One pod of three does not tell its start."""
    processes = _pods("no-start")
    processes[1].tells_start = False
    return World("no-start", processes, [Scraper(30)])


def only_no_start() -> World:
    """No pod tells its start."""
    return World(
        "only-no-start", [replace(process, tells_start=False) for process in _pods("no-start")], [Scraper(30)]
    )


NAMELESS = [("nobody", "gpt-4o", "prompt")]


def nameless() -> World:
    """A pod as ever, and a counter that begins late and carries neither an address nor a start time."""
    happened = [Event(MIDDLE + hour * HOUR, NAMELESS[0], STEADY_TOKENS) for hour in (1, 2, 3)]
    return World(
        "nameless",
        [*_pods("nameless")[:1], Process("", BEFORE, AFTER, happened, tells_start=False)],
        [Scraper(30)],
    )


def hole() -> World:
    """An hour without scrapes in the middle of steady work."""
    return World("hole", _pods("hole"), [Scraper(30, gaps=[HOLE])])


def steady_death() -> World:
    """A process that works evenly until it is killed between two scrapes, and comes back in place."""
    key, end = ("tenant-0", "gpt-4o", "prompt"), START + 4 * HOUR + 55
    first = Process("10.0.0.0:8000", BEFORE, end, _evenly(key, BEFORE, end))
    second = Process("10.0.0.0:8000", end + 60, AFTER, _evenly(key, end + 60, AFTER))
    return World("steady-death", [first, second], [Scraper(60, 0)])


def near_boundary() -> World:
    """A restart in place three minutes before the boundary; the new process serves other tenants than the old one."""
    cut, keys = MIDDLE - 180, keys_of(4)
    dice = random.Random("near")  # noqa: S311 - seeded
    old = Process("10.0.0.0:8000", BEFORE, cut, events(dice, keys[:6], BEFORE, cut, 9))
    new = Process("10.0.0.0:8000", cut + 5, AFTER, events(dice, keys[4:], cut + 5, AFTER, 60))
    return World("near-boundary", [old, new], [Scraper(30)])


def _evenly(key: tuple[str, str, str], start: float, end: float) -> list[Event]:
    return [Event(start + second, key, STEADY_TOKENS) for second in range(int(end - start))]


def away() -> World:
    """A process that nobody scrapes for ten days, around the day that has 25 hours."""
    window = day_window(LONG_DAY)
    start, end = window.start.timestamp() - 40 * HOUR, window.end.timestamp() + 60 * HOUR
    key = ("tenant-0", "gpt-4o", "prompt")
    happened = [Event(start + 60 * minute, key, 5) for minute in range(1, int((end - start) // 60))]
    gap = (window.start.timestamp() - 3 * HOUR, window.end.timestamp() + 3 * HOUR)
    return World(
        "away", [Process("10.0.0.0:8000", start, end, happened, eager=[key])], [Scraper(300, gaps=[gap])]
    )


def tehran_days() -> list[World]:
    """Some days around each of those that a clock change made 23 or 25 hours long."""
    worlds = []
    for name, day in (("short-day", SHORT_DAY), ("long-day", LONG_DAY)):
        window = day_window(day)
        start, end = window.start.timestamp() - 60 * HOUR, window.end.timestamp() + 60 * HOUR
        dice = random.Random(name)  # noqa: S311 - seeded
        keys = [(f"tenant-{number}", "gpt-4o", "prompt") for number in range(3)]
        restart = window.start.timestamp() + 5 * HOUR
        processes = [
            Process("10.0.0.0:8000", start, end, events(dice, keys, start, end, 3), eager=keys),
            Process("10.0.0.1:8000", start, restart, events(dice, keys, start, restart, 3)),
            Process("10.0.0.1:8000", restart + 9, end, events(dice, keys, restart + 9, end, 3)),
        ]
        worlds.append(World(name, processes, [Scraper(300)]))
    return worlds


def special_worlds() -> list[World]:
    """All of them; each is measured by its name."""
    return [
        second_job(),
        late_block(has_come=False),
        late_block(has_come=True),
        lost_data(is_lost=False),
        lost_data(is_lost=True),
        strange_labels(),
        no_start(),
        only_no_start(),
        nameless(),
        hole(),
        steady_death(),
        near_boundary(),
        away(),
        *tehran_days(),
    ]
