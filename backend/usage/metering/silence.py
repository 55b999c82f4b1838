"""Lives that were there before a window and went unseen in it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from backend.usage.metering.coverage import SILENCE_MS, Seen, Span
from backend.usage.metering.incarnations import EPOCH, Life, microseconds, milliseconds
from backend.usage.metering.neighbours import SHORTEST_DAY_MS
from backend.usage.metering.source import Source
from backend.usage.metering.survey import BEFORE, Situation
from backend.usage.metering.tally_rules import LifeReadings
from backend.usage.types import LifeKey, StoredClosings, StoredLife, StoredLives


def was_nobody_looking(source: Source, span: Span, stored: StoredClosings) -> bool:
    """Whether processes were alive at the beginning, and Prometheus has not a single sample of anything at the end."""
    return bool(alive_before(span, stored)) and not source.is_alive_at(span.end_ms)


def alive_before(span: Span, stored: StoredClosings) -> list[StoredLife]:
    """The stored lives that were scraped until the beginning of a window."""
    return [life for life in stored.lives.values() if _closed_ms(life) >= span.start_ms - SILENCE_MS]


def with_silent_lives(
    source: Source, situation: Situation, stored: StoredClosings, lives: Sequence[LifeReadings]
) -> list[LifeReadings]:
    """The same and lives that were not scraped at all in a window and did not end: no coverage of all that time.

    They are seen again afterwards, or their address, which nobody took over, was tried for longer than minutes.
    Prometheus is asked only for those that were alive at the beginning, or that were silent the day before. A window
    in which nobody at all was seen is not explained by them.
    """
    taken = {one.life.name for one in lives if one.seen is not BEFORE}
    missing = {
        (name, start): life
        for (name, start), life in stored.lives.items()
        if name not in taken and start != EPOCH and life.closings
    }
    if not missing or not situation.seen:
        return list(lives)
    silent = _silent_lives(source, situation, missing, stored.following.keys())
    # What came late of one tells where it stands.
    known = [
        replace(one, seen=silent.pop((one.life.name, one.life.started_at)).seen)
        if (one.life.name, one.life.started_at) in silent
        else one
        for one in lives
    ]
    return [*known, *silent.values()]


def _silent_lives(
    source: Source, situation: Situation, missing: StoredLives, following: Collection[LifeKey]
) -> dict[LifeKey, LifeReadings]:
    span = situation.span
    again = {(life.name, life.started_at) for life in situation.sight.lives if life.times[-1] > span.end_ms}
    again.update(following)
    asked = {life for life, stored in missing.items() if life not in again and _may_be_alive(stored, span)}
    tried_ms = _tried_until(source, situation, asked)
    found = {}
    for life, stored in missing.items():
        until_ms = span.end_ms if life in again else tried_ms.get(life, 0)
        if until_ms > span.start_ms + SILENCE_MS:
            found[life] = _silent(life, stored, until_ms - span.start_ms)
    return found


def _may_be_alive(stored: StoredLife, span: Span) -> bool:
    """Whether it was scraped until the window began, or was silent, and kept for that, all the day before."""
    closed_ms = _closed_ms(stored)
    return closed_ms >= span.start_ms - SILENCE_MS or closed_ms < span.start_ms - SHORTEST_DAY_MS


def _tried_until(source: Source, situation: Situation, lives: Iterable[LifeKey]) -> Mapping[LifeKey, int]:
    """Until when Prometheus knew the addresses of some lives within the window."""
    asked = sorted({name for name, _ in lives})
    if not asked:
        return {}
    ups = source.ups(situation.sight, asked, situation.span, is_selected=True)
    return {life: ups[life[0]][-1] for life in lives if ups.get(life[0])}


def _silent(life: LifeKey, stored: StoredLife, unseen_ms: int) -> LifeReadings:
    name, start = life
    return LifeReadings(
        life=Life(name, microseconds(start), [], []),
        seen=Seen(unseen_ms, unseen_ms, gap_across_boundary=False, ended_ms=None, tail_ms=0),
        closings=stored.closings,
        closed_at=stored.closed_at,
        openings={},
        opened_at=stored.closed_at,
        stored=stored,
    )


def _closed_ms(life: StoredLife) -> int:
    return milliseconds(life.closed_at)
