"""Adds up tokens: closing minus opening of each meter, by tenant, model and type, with flags. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from backend.money import LARGEST_STORED
from backend.usage.metering.coverage import ObservedTime, coverage_of
from backend.usage.metering.incarnations import Incarnation
from backend.usage.metering.labels import with_storable_labels
from backend.usage.metering.opening_rules import OpeningReadings, opening_of, plain_openings
from backend.usage.scanning.figures import Ends, figures_of
from backend.usage.scanning.types import FLAG_OF_FINDING, Finding, FindingKind
from backend.usage.types import (
    HOLDING,
    Key,
    MeterFall,
    MeterReading,
    StoredIncarnation,
    UsageFlag,
    UsageRow,
    Values,
)

RATE_MS = 300_000
"""The last minutes of an incarnation, whose rate estimates what it counted after its last scrape."""


_BITS = {flag: 1 << index for index, flag in enumerate(UsageFlag)}
# No flag of its own: an incarnation that was not scraped in the window. Its closing is its opening, although its meters
# may have counted.
_NOT_SCRAPED = 1 << len(UsageFlag)


def _bits(flags: Iterable[UsageFlag]) -> int:
    return sum(_BITS[flag] for flag in flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncarnationReadings:
    """All readings of an incarnation on a day, in tokens. Of the copies of a meter the highest reading counts."""

    incarnation: Incarnation
    observation: ObservedTime
    closings: Values
    closed_at: datetime
    opening: OpeningReadings
    vanished: Values = field(default_factory=dict)
    """Those of ``closings`` that were read earlier than the others, because the series vanished before the end."""
    before_end: Values | None = None
    """Readings some minutes before the last scrape, of an incarnation that ended."""
    before_end_ms: int = 0
    """Time from those readings to the last scrape, in milliseconds."""
    flags: frozenset[UsageFlag] = frozenset()
    flagged: Mapping[UsageFlag, AbstractSet[Key]] = field(default_factory=dict)
    """Flags of some of its meters only."""
    fallen: Mapping[Key, Sequence[Finding]] = field(default_factory=dict)
    """Findings of the scan in meters that fell within the day, in the order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The usage rows of a day, and the readings and falls that prove them."""

    rows: list[UsageRow]
    readings: list[MeterReading]
    falls: list[MeterFall]


def tally(found: Sequence[IncarnationReadings], *, min_coverage: Decimal, is_open: bool) -> Tally:
    """Tokens by tenant, model and type, with readings and falls as evidence.

    The closing reading of a window is the opening reading of the next, so days add up to the whole. The sum is never
    above what the scrapes prove: where the opening is unknown, the first sample stands in for it, and the row is
    flagged. Rows below ``min_coverage`` are flagged, too. ``is_open`` flags all rows of a day that has not ended.
    """
    readings: list[MeterReading] = []
    falls: list[MeterFall] = []
    totals: dict[Key, list[int]] = {}
    incarnations_of: dict[str, list[int]] = {}
    for index, one in enumerate(found):
        for tenant in dict.fromkeys(key[0] for key in one.closings):
            incarnations_of.setdefault(tenant, []).append(index)
        if one.fallen:
            _add_fallen_meters(one, readings, falls, totals)
            one = replace(one, closings=_without_fallen(one))  # noqa: PLW2901 - the meters that did not fall
        _add_meters(one, readings, totals)
        if one.observation.tail_ms:
            _add_estimates(one, totals)
    coverages = _coverages(incarnations_of, [one.observation for one in found])
    common = _BITS[UsageFlag.OPEN] if is_open else 0
    return Tally(rows=_rows(totals, coverages, common, min_coverage), readings=readings, falls=falls)


def storable_readings(one: IncarnationReadings) -> IncarnationReadings:
    """The same readings under labels that the database can store, as it stored those of the day before."""
    before = one.before_end
    return replace(
        one,
        closings=with_storable_labels(one.closings),
        opening=_storable_openings(one.opening),
        vanished=with_storable_labels(one.vanished),
        before_end=None if before is None else with_storable_labels(before),
        flagged={
            flag: with_storable_labels(dict.fromkeys(keys, 0)).keys() for flag, keys in one.flagged.items()
        },
    )


def _storable_openings(given: OpeningReadings) -> OpeningReadings:
    return replace(
        given,
        scraped=with_storable_labels(given.scraped),
        firsts=with_storable_labels(given.firsts),
        firsts_at=with_storable_labels(given.firsts_at),
    )


def with_unseen_rows(rows: Sequence[UsageRow], stored: Iterable[StoredIncarnation]) -> list[UsageRow]:
    """The same rows, and for each stored series without one a held row with no tokens and no coverage."""
    keys = {key for incarnation in stored for key in incarnation.closings} - {row[:3] for row in rows}
    unseen = [UsageRow(*key, 0, Decimal(0), 0, True, (UsageFlag.LOW_COVERAGE.value,)) for key in keys]
    return sorted([*rows, *unseen])


def _add_meters(one: IncarnationReadings, readings: list[MeterReading], totals: dict[Key, list[int]]) -> None:
    """Add the meters of one incarnation to ``readings`` and ``totals``. 100,000 tenants have 400,000 meters."""
    instance, start, closed_at = one.incarnation.name, one.incarnation.started_at, one.closed_at
    plain, plain_at, plain_source = plain_openings(one.opening)
    common = _bits(one.flags)
    if one.observation.unseen_ms >= one.observation.living_ms > 0:
        common |= _NOT_SCRAPED
    new = tuple.__new__  # What MeterReading(...) does in the end, in a third of its time.
    for key, closing in one.closings.items():
        flags = common
        if key in plain:
            opening, at, source = plain[key], plain_at, plain_source
        else:
            opening, at, source, more = opening_of(one.opening, key)
            for flag in more:
                flags |= _BITS[flag]
        tokens = closing - opening
        if tokens < 0:
            tokens = 0
            flags |= _BITS[UsageFlag.READING_WENT_BACK]
        if closing <= LARGEST_STORED and opening <= LARGEST_STORED:
            row = (*key, instance, start, opening, at, source, closing, closed_at)
            readings.append(new(MeterReading, row))
        else:
            tokens = 0
            flags |= _BITS[UsageFlag.BEYOND_STORAGE]
        total = totals.get(key)
        if total is None:
            totals[key] = [tokens, 0, flags]
        else:
            total[0] += tokens
            total[2] |= flags
    for flag, keys in ((UsageFlag.GAP_ACROSS_BOUNDARY, one.vanished.keys()), *one.flagged.items()):
        for key in keys & one.closings.keys():
            totals[key][2] |= _BITS[flag]


def _without_fallen(one: IncarnationReadings) -> Values:
    return {key: closing for key, closing in one.closings.items() if key not in one.fallen}


def _add_fallen_meters(
    one: IncarnationReadings,
    readings: list[MeterReading],
    falls: list[MeterFall],
    totals: dict[Key, list[int]],
) -> None:
    """Add the meters of one incarnation that fell: the lower of two figures, and both figures as evidence."""
    flagged = {UsageFlag.GAP_ACROSS_BOUNDARY: one.vanished.keys(), **one.flagged}
    for key in one.fallen.keys() & one.closings.keys():
        reading, flags = _reading_of(one, key)
        fall = _fall_of(one, reading)
        flags |= _BITS[FLAG_OF_FINDING[FindingKind(fall.kind)]]
        flags |= sum(_BITS[flag] for flag in {*one.flags, *(f for f, keys in flagged.items() if key in keys)})
        tokens = fall.least_tokens
        if max(reading.closing, reading.opening, fall.most_tokens) <= LARGEST_STORED:
            readings.append(reading)
            falls.append(fall)
        else:
            tokens, flags = 0, flags | _BITS[UsageFlag.BEYOND_STORAGE]
        total = totals.setdefault(key, [0, 0, 0])
        total[0] += tokens
        total[2] |= flags


def _reading_of(one: IncarnationReadings, key: Key) -> tuple[MeterReading, int]:
    opening, at, source, flags = opening_of(one.opening, key)
    incarnation = one.incarnation.key
    return MeterReading(*key, *incarnation, opening, at, source, one.closings[key], one.closed_at), _bits(
        flags
    )


def _fall_of(one: IncarnationReadings, reading: MeterReading) -> MeterFall:
    found = one.fallen[reading[:3]]
    # Without a start time the opening is the lowest sample, not a boundary sample: figures are not measured from it.
    ends = Ends(reading.opening, reading.opened_at, reading.closing, reading.closed_at)
    figures = figures_of(found, None if UsageFlag.NO_START_TIME in one.flags else ends)
    shown = max(found, key=lambda each: (each.kind is FindingKind.ALTERNATES, each.falls))
    seen = (shown.falls, shown.first_value, shown.first_at, shown.last_value, shown.last_at)
    kind = shown.kind if shown.kind is FindingKind.ALTERNATES else FindingKind.FELL
    return MeterFall(*reading[:5], kind.value, *seen, *figures)


def _add_estimates(one: IncarnationReadings, totals: Mapping[Key, list[int]]) -> None:
    """Add estimates of the tokens after the last scrape to ``totals``, at the rate of the last minutes."""
    if one.before_end is None or one.before_end_ms <= 0:
        return
    for key, closing in one.closings.items():
        grown = closing - one.before_end.get(key, 0)
        if grown > 0:
            totals[key][1] += round(grown * one.observation.tail_ms / one.before_end_ms)


def _coverages(
    incarnations_of: Mapping[str, Sequence[int]], seen: Sequence[ObservedTime]
) -> dict[str, Decimal]:
    by_incarnations: dict[tuple[int, ...], Decimal] = {}
    coverages = {}
    for tenant, incarnations in incarnations_of.items():
        together = tuple(incarnations)
        if together not in by_incarnations:
            by_incarnations[together] = coverage_of([seen[index] for index in together])
        coverages[tenant] = by_incarnations[together]
    return coverages


def _rows(
    totals: Mapping[Key, Sequence[int]], coverages: Mapping[str, Decimal], common: int, min_coverage: Decimal
) -> list[UsageRow]:
    known: dict[int, tuple[bool, tuple[str, ...]]] = {}
    rows = []
    low = _BITS[UsageFlag.LOW_COVERAGE]
    doubtful = sum(_BITS[flag] for flag in HOLDING) & ~low | _NOT_SCRAPED
    for key in sorted(totals):
        tokens, unseen, flags = totals[key]
        unseen = min(unseen, LARGEST_STORED)
        if tokens > LARGEST_STORED:
            tokens, flags = 0, flags | _BITS[UsageFlag.BEYOND_STORAGE]
        tenant, model, kind = key
        coverage = coverages[tenant]
        flags |= common if coverage >= min_coverage else common | low
        if flags not in known:
            known[flags] = _held_with_names(flags)
        held, names = known[flags]
        if not tokens and held and not unseen and coverage and not flags & doubtful:
            held = False  # The meter was scraped and did not rise, so there is nothing to review.
        rows.append(UsageRow(tenant, model, kind, tokens, coverage, unseen, held, names))
    return rows


def _held_with_names(bits: int) -> tuple[bool, tuple[str, ...]]:
    """Whether some flags hold an invoice, and their names."""
    flags = [flag for flag, bit in _BITS.items() if bits & bit]
    return any(flag in HOLDING for flag in flags), tuple(flag.value for flag in flags)


def highest(copies: Iterable[Values]) -> Values:
    """The highest reading of each series of an incarnation in its copies: one scraper may lag, but none runs ahead."""
    found = [copy for copy in copies if copy]
    if len(found) <= 1:
        return found[0] if found else {}
    merged = dict(found[0])
    for copy in found[1:]:
        for key, value in copy.items():
            if value > merged.get(key, -1):
                merged[key] = value
    return merged
