"""Worlds of whole Tehran days, for what goes through the database: three days in the autumn of 2022."""

from dataclasses import replace
from datetime import date, timedelta

from backend.clock import day_window
from tests.integration.usage.special import STRANGE_LABELS
from tests.integration.usage.world import HOUR, Event, Key, Process, Scraper, World

FIRST, SECOND, THIRD = (date(2022, 11, day) for day in (5, 6, 7))
MINUTE = 60
POD = "10.0.0.1:8000"
A, B = ("tenant-a", "gpt-4o", "prompt"), ("tenant-b", "gpt-4o", "prompt")
RATE = {A: 7, B: 5}


def midnight(day: date) -> float:
    """The instant at which a day begins."""
    return day_window(day).start.timestamp()


BEGIN, END = midnight(FIRST) - 6 * HOUR, midnight(THIRD + timedelta(days=1)) + 6 * HOUR
NOON = midnight(SECOND) + 12 * HOUR


def pod(
    instance: str = POD, start: float = BEGIN, end: float = END, *, first_used: dict[Key, float] | None = None
) -> Process:
    """A process that works evenly: each minute each series grows by its rate, from its first use on."""
    since = first_used or {A: start}
    happened = [
        Event(start + MINUTE * minute, key, RATE[key])
        for minute in range(1, int((end - start) // MINUTE))
        for key, used in since.items()
        if start + MINUTE * minute > used
    ]
    eager = [key for key, used in since.items() if used <= start]
    return Process(instance, start, end, happened, eager=eager)


def steady(name: str, *scrapers: Scraper) -> World:
    """One process that lives through everything."""
    return World(name, [pod()], list(scrapers) or [Scraper(300)])


def moved(name: str, by_s: float) -> World:
    """A process that tells another start time from noon of the second day on."""
    return World(name, [replace(pod(), moves=[(NOON, BEGIN + by_s)])], [Scraper(300)])


def wobbling() -> World:
    """A process whose start time changes with every other scrape."""
    moves = [(BEGIN + 300 * number, BEGIN + number % 2) for number in range(int((END - BEGIN) // 300))]
    return World("wobbling", [replace(pod(), moves=moves)], [Scraper(300)])


def late_child(*, has_come: bool) -> World:
    """The last hour of the first day comes late; in it a pod was born and a tenant made its first request."""
    end = midnight(SECOND)
    young = pod("10.0.0.2:8000", end - HOUR + 600)
    old = pod(first_used={A: BEGIN, B: end - 1800})
    gaps = [] if has_come else [(end - HOUR, end)]
    return World(f"late-child-{'after' if has_come else 'before'}", [old, young], [Scraper(300, gaps=gaps)])


def widened() -> World:
    """What a wider selector brings in: a second job that keeps more of the same process, and an older pod."""
    shared = pod(first_used={A: BEGIN, B: BEGIN})
    narrow = Scraper(300, 7, keys=[A])
    wide = Scraper(300, 207, job="wide", instance_gaps={POD: []})
    return World(
        "widened", [shared, pod("10.0.0.9:8000", BEGIN + 960, first_used={B: BEGIN})], [narrow, wide]
    )


def no_start_at_first() -> World:
    """A process that tells no start time on the second day."""
    silent = [(midnight(SECOND) - 6 * HOUR, midnight(THIRD) + 5 * HOUR)]
    return World("no_start_at_first", [replace(pod(start=BEGIN - 12 * HOUR), silent=silent)], [Scraper(300)])


def long_gap() -> World:
    """Nobody scrapes from five hours before a midnight until ten minutes after it."""
    cut = midnight(SECOND)
    return steady("long-gap", Scraper(300, gaps=[(cut - 5 * HOUR, cut + 600)]))


def first_used_after_gap() -> World:
    """Nobody scrapes for five hours before a midnight and ten minutes after it; then a tenant has used its first."""
    cut = midnight(SECOND)
    process = pod(first_used={A: BEGIN, B: cut + 300})
    return World("first-used-after-gap", [process], [Scraper(300, gaps=[(cut - 5 * HOUR, cut + 600)])])


def seen_once() -> World:
    """An old process that was scraped once, in the evening of the first day, and never again."""
    once = midnight(SECOND) - 2 * HOUR
    return World("seen-once", [pod(first_used={B: BEGIN})], [Scraper(300, begins=once, ends=once + 299)])


def blackout() -> World:
    """Prometheus was away for the whole second day and some hours of the third."""
    return steady("blackout", Scraper(300, gaps=[(midnight(SECOND) - 7, midnight(THIRD) + 3 * HOUR)]))


def unknown_then_dark() -> World:
    """In the evening one pod stops telling its start time, at midnight another one ends, at noon Prometheus does."""
    silent = replace(pod(), silent=[(midnight(SECOND) - 6 * HOUR, END)])
    gone = {"10.0.0.2:8000": [(midnight(SECOND), END)]}
    scraper = Scraper(300, gaps=[(NOON, midnight(THIRD) + 3 * HOUR)], instance_gaps=gone)
    return World("unknown-then-dark", [silent, pod("10.0.0.2:8000", first_used={B: BEGIN})], [scraper])


REUSED = {"reused": 30, "reused-late": 30, "never-free": 30, "reused-unseen": 60}
"""How many days later these take place, so that no other world tells that somebody was looking."""


def reused(name: str, *, known_s: float = 0, is_unseen: bool = False) -> World:
    """A pod ends at ten, and another one gets its address at eight in the evening.

    Prometheus goes on trying the address for a while, or is away itself.
    """
    later = REUSED[name] * 24 * HOUR
    begin, end = BEGIN + later, END + later
    free, taken = (midnight(SECOND) + later + hour * HOUR for hour in (10, 20))
    targets = {POD: [(begin, free + known_s), (taken - 100, end)], "10.0.0.2:9100": [(begin, end)]}
    away = [(free - 100, taken + 100)] if is_unseen else []
    return World(
        name,
        [pod(start=begin, end=free), pod(start=taken, end=end)],
        [Scraper(60, gaps=away, targets=targets)],
    )


def reused_worlds() -> list[World]:
    """The address is given back at once, after some failed tries, never; and while nobody looked."""
    return [
        reused("reused"),
        reused("reused-late", known_s=200),
        reused("never-free", known_s=10 * HOUR),
        reused("reused-unseen", is_unseen=True),
    ]


LONG = "".join(chr(0x600 + (7 * place * place) % 89) for place in range(3000))
ODD_LABELS = ("zero\0byte", "zero\ufffdbyte", LONG, f"{LONG[:-1]}!", *STRANGE_LABELS)


def odd_labels() -> World:
    """Labels that no index or no text of PostgreSQL holds, for company and model, beside a usual one."""
    keys: list[Key] = [A, *((label, "gpt-4o", "prompt") for label in ODD_LABELS), (A[0], LONG, "zero\0byte")]
    minutes = range(int((END - BEGIN) // (10 * MINUTE)))
    happened = [
        Event(BEGIN + 10 * MINUTE * minute, key, 1 + number)
        for minute in minutes
        for number, key in enumerate(keys)
    ]
    return World("odd-labels", [Process(f"pod\0{LONG[:900]}", BEGIN, END, happened)], [Scraper(300)])


def huge() -> World:
    """A counter beyond all that 64 bits hold, beside a usual one."""
    process = pod(first_used={B: BEGIN})
    process.events.insert(0, Event(BEGIN + 60, A, 10**20))
    return World("huge", [process], [Scraper(300)])


def broken_counter() -> World:
    """A counter that jumps at noon to what nobody ever used, and that 64 bits hold."""
    process = pod(first_used={B: BEGIN})
    process.events += [
        Event(BEGIN + 60, A, 70_000),
        Event(midnight(FIRST) + HOUR, A, 70_000),
        Event(NOON, A, 10**18),
    ]
    process.events.sort(key=lambda event: event.at)
    return World("broken-counter", [process], [Scraper(300)])


def replicas() -> World:
    """Two Prometheus told apart by a label of their own choice, on counters alone."""
    return steady(
        "replicas",
        Scraper(300, 7, only_counters={"site": "teheran"}),
        Scraper(300, 107, only_counters={"site": "tabriz"}),
    )


NOWRUZ = date(2023, 3, 21)


def nowruz() -> World:
    """Two companies around the first day of 1402."""
    start, end = midnight(NOWRUZ) - 4 * 24 * HOUR, midnight(NOWRUZ) + 4 * 24 * HOUR
    return World("nowruz", [pod(start=start, end=end, first_used={A: start, B: start})], [Scraper(300)])


def all_nights() -> list[World]:
    """All of them; each is measured by its name."""
    return [
        steady("steady"),
        moved("moved-on", 1),
        moved("moved-back", -1),
        wobbling(),
        late_child(has_come=False),
        late_child(has_come=True),
        widened(),
        no_start_at_first(),
        long_gap(),
        first_used_after_gap(),
        seen_once(),
        blackout(),
        unknown_then_dark(),
        *reused_worlds(),
        odd_labels(),
        huge(),
        broken_counter(),
        replicas(),
        nowruz(),
        steady("low-coverage", Scraper(300, gaps=[(NOON, NOON + 3 * HOUR)])),
    ]
