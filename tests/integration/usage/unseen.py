"""Worlds in which a scraper, for a while, does not see all that there is, or not by the same job."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tests.integration.usage.nights import BEGIN, END, NOON, POD, SECOND, THIRD, A, B, midnight, pod
from tests.integration.usage.world import HOUR, START, Event, Labels, Process, Scraper, World

POD2 = "10.0.0.2:8000"
BOTH = {A: BEGIN, B: BEGIN}
CUT = midnight(SECOND)
HISTORY = 500_000_000
FOR_EVER = 1e12
Gaps = Sequence[tuple[float, float]]


class CountersApart(World):
    """The job ``bare`` keeps counters only, as a ``keep`` of ``openai_.*`` does; others tell the start times."""

    def samples(self) -> Iterator[tuple[str, Labels, float, float]]:
        for one in super().samples():
            if not (one[0] == START and dict(one[1])["job"] == "bare"):
                yield one


def apart(
    name: str,
    pods: list[Process],
    gaps: Sequence[tuple[float, float]] = (),
    *,
    bare_begins: float = 0,
    begins: float = 0,
) -> World:
    """Counters in one job with labels of its own, start times in another that an HA pair scrapes."""
    starts = [
        Scraper(60, offset, job="generic", keys=[], gaps=gaps, begins=begins, extra=extra)
        for offset, extra in (
            (3, {"service": "docuchat", "prometheus_replica": "a"}),
            (5, {"service": "docuchat", "prometheus_replica": "b"}),
        )
    ]
    bare = Scraper(60, 7, job="bare", gaps=gaps, begins=bare_begins, extra={"container": "app"})
    return CountersApart(name, pods, [bare, *starts])


def apart_worlds() -> list[World]:
    """A restart in place at noon, and a quarter of an hour without scrapes over a midnight."""
    return [
        apart("apart", [pod(end=NOON), pod(start=NOON + 30)]),
        apart("apart-gap", [pod()], [(CUT - 700, CUT + 200)]),
    ]


def old(*, first_used: float = 0) -> Process:
    """A process that has counted half a thousand million before anybody looks; another tenant uses it later."""
    keys = {A: BEGIN, B: first_used} if first_used else {A: BEGIN}
    started = pod(first_used=keys)
    return replace(started, start=BEGIN - 30 * 24 * HOUR, base={A: HISTORY})


def cold_worlds() -> list[World]:
    """A process whose counters are first scraped at noon, while another job told its start at once or for weeks."""
    begins, hour_later = NOON, NOON + HOUR
    return [
        World(
            "cold-two-jobs",
            [old(first_used=hour_later)],
            [Scraper(60, 7, begins=begins), Scraper(60, 2, job="generic", begins=begins, keys=[])],
        ),
        World(
            "late-job",
            [old(first_used=hour_later)],
            [Scraper(60, 7, begins=begins), Scraper(60, 2, job="generic", keys=[])],
        ),
        apart("cold-apart", [old()], begins=begins, bare_begins=begins),
        apart("late-apart", [old()], bare_begins=begins),
        apart("first-used-apart", [old(first_used=hour_later)]),
    ]


def renamed() -> World:
    """The job gets another name at noon; a tenant made its first request that morning."""
    return World(
        "renamed",
        [pod(first_used={A: BEGIN, B: NOON - 2 * HOUR})],
        [Scraper(60, 7, ends=NOON), Scraper(60, 7, job="renamed", begins=NOON)],
    )


def gone(name: str, since: float, until: float) -> World:
    """One process and one job; a relabelling rule drops the series of a tenant for a while."""
    others = Scraper(300, 7, keys=[A], gaps=[(0, since), (until, FOR_EVER)])
    return World(name, [pod(first_used=BOTH)], [Scraper(300, 7, gaps=[(since, until)]), others])


def gone_worlds() -> list[World]:
    """Gone for a day and some hours, for some hours around a midnight, and at noon for good."""
    return [
        gone("gone-a-day", CUT + 3, midnight(THIRD) + 3 * HOUR),
        gone("gone-over-midnight", midnight(THIRD) - 3 * HOUR, midnight(THIRD) + 3 * HOUR),
        gone("gone-at-noon", NOON, FOR_EVER),
    ]


SILENT_DAYS_LATER = 90
"""These tell that Prometheus tried, and so that somebody was looking; no other world is of that time."""


def silent(name: str, until: float, *, tried_until: float = 0) -> World:
    """Two pods, of which one is unreachable from a midnight on; times are of the usual days."""
    later = SILENT_DAYS_LATER * 24 * HOUR
    begin, end = BEGIN + later, END + later
    pods = [pod(start=begin, end=end), pod(POD2, begin, end, first_used={B: begin})]
    tried = [(begin, min(end, tried_until + later))] if tried_until else []
    scraper = Scraper(
        300,
        7,
        instance_gaps={POD2: [(CUT - 3 + later, until + later)]},
        targets={POD: [(begin, end)], POD2: tried},
    )
    return World(name, pods, [scraper])


def silent_worlds() -> list[World]:
    """For a day; until the noon after it, or two days, and tried all the time; for ever, and not tried any more."""
    return [
        silent("silent-day", midnight(THIRD) + 600),
        silent("silent-long", midnight(THIRD) + 12 * HOUR, tried_until=FOR_EVER),
        silent("silent-two-days", FOR_EVER, tried_until=FOR_EVER),
        silent("ended-at-midnight", FOR_EVER, tried_until=CUT + 120),
    ]


def late(
    name: str,
    pods: list[Process],
    *,
    has_come: bool,
    interval: float = 300,
    silent_s: float = 0,
    missing: Mapping[str, Gaps] | None = None,
) -> World:
    """What Prometheus holds before and after the late samples have come."""
    gaps = [(CUT - silent_s, CUT)] if silent_s else []
    lacking = Scraper(interval, 7, gaps=gaps, instance_gaps=missing or {})
    scraper = Scraper(interval, 7) if has_come else lacking
    return World(f"{name}-{'after' if has_come else 'before'}", pods, [scraper])


def late_worlds(*, has_come: bool) -> list[World]:
    """A pod's whole day; the hour of a deploy; the minutes of a first use; the last hour of everybody."""
    deploys = [("same", POD, POD, POD), ("new", POD, POD2, "10.0.0.3:8000")]
    minutes = pod()
    minutes.events += [Event(CUT - 200, B, 7000), Event(CUT + HOUR, B, 10)]
    minutes.events.sort(key=lambda event: event.at)
    day = {POD2: [(CUT + 3, midnight(THIRD))]}
    two = [pod(), pod(POD2, first_used={B: BEGIN})]
    born = [pod(), pod(POD2, start=CUT + 2 * HOUR, first_used={B: CUT + 2 * HOUR})]
    return [
        late("late-day", two, has_come=has_come, missing=day),
        late("late-birth", born, has_come=has_come, missing=day),
        *(
            late(
                f"late-end-{name}",
                [
                    pod(first, end=CUT - 1800),
                    pod(second, start=CUT - 1770, end=CUT - 900),
                    pod(third, start=CUT - 870),
                ],
                has_come=has_come,
                interval=60,
                silent_s=HOUR,
            )
            for name, first, second, third in deploys
        ),
        late("late-minutes", [minutes], has_come=has_come, interval=60, silent_s=240),
        late("late-hour", [pod()], has_come=has_come, silent_s=HOUR),
    ]


def unseen_worlds() -> list[World]:
    """All of them; each is measured by its name."""
    return [
        *apart_worlds(),
        *cold_worlds(),
        renamed(),
        *gone_worlds(),
        *silent_worlds(),
        *late_worlds(has_come=False),
        *late_worlds(has_come=True),
    ]
