"""Joins the findings of a scan with the readings of a day, and holds what was not scanned. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from backend.usage.metering.labels import storable, with_storable_labels
from backend.usage.metering.opening_rules import UNKNOWN_PAST, IncarnationKind
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.scanning.parts import is_of_part
from backend.usage.scanning.types import FLAG_OF_FINDING, DayFindings, Finding
from backend.usage.types import IncarnationKey, Key, UsageFlag, UsageRow, Values


def with_findings(
    incarnations: Sequence[IncarnationReadings], findings: DayFindings
) -> list[IncarnationReadings]:
    """The same readings with the findings of a scan: falls, and closing readings of series that came and went."""
    by_incarnation = _stored_names(findings)
    return [
        _joined(one, by_incarnation[incarnation])
        if (incarnation := one.incarnation.key) in by_incarnation
        else one
        for one in incarnations
    ]


def with_doubts(
    rows: Sequence[UsageRow], findings: DayFindings, incarnations: Iterable[IncarnationReadings]
) -> list[UsageRow]:
    """The same rows, held if the part of the tenant was not scanned or a finding belongs to no known incarnation.

    Adds an empty held row where such a finding has none.
    """
    doubts = _unplaced(findings, incarnations)
    is_all = not findings.is_scanned and not findings.unscanned
    parts = [is_of_part(part) for part in findings.unscanned]
    if not (doubts or is_all or parts):
        return list(rows)
    doubtful = {row[:3] for row in rows if is_all or any(part(row.tenant) for part in parts)}
    doubts |= dict.fromkeys(doubtful - doubts.keys(), UsageFlag.NOT_SCANNED)
    missing = doubts.keys() - {row[:3] for row in rows}
    empty = [UsageRow(*key, 0, Decimal(0), 0, False, ()) for key in missing]
    return sorted(_held(row, doubts[row[:3]]) if row[:3] in doubts else row for row in (*rows, *empty))


def _stored_names(findings: DayFindings) -> dict[IncarnationKey, dict[Key, list[Finding]]]:
    """The findings by incarnation and series, under labels that the database can store."""
    found: dict[IncarnationKey, dict[Key, list[Finding]]] = {}
    for one in findings.findings:
        [key] = with_storable_labels({one.key: 0})
        found.setdefault((storable(one.instance), one.incarnation_start), {}).setdefault(key, []).append(one)
    return found


def _joined(one: IncarnationReadings, findings: Mapping[Key, list[Finding]]) -> IncarnationReadings:
    came = {key: max(found, key=_last_at) for key, found in findings.items() if key not in one.closings}
    closings = {key: last.last_value for key, last in came.items()}
    gaps = {key for key in came if key in one.opening.scraped}
    return replace(
        one,
        closings={**one.closings, **closings},
        vanished={**one.vanished, **{key: closings[key] for key in gaps}},
        opening=replace(one.opening, firsts={**_unknown_firsts(one, findings, came), **one.opening.firsts}),
        fallen={key: found for key, found in findings.items() if any(each.falls for each in found)},
    )


def _unknown_firsts(
    one: IncarnationReadings, findings: Mapping[Key, list[Finding]], came: Iterable[Key]
) -> Values:
    """First samples, in place of unknown openings, of series that came and went.

    The opening is unknown if the first scrape of the incarnation shows the series already, or if its start time moved.
    """
    is_moved = one.opening.kind is IncarnationKind.MOVED
    if not is_moved and one.opening.kind not in UNKNOWN_PAST:
        return {}
    since = one.opening.first_at or one.opening.started_at
    firsts = {key: min(findings[key], key=_first_at) for key in came}
    return {key: first.first_value for key, first in firsts.items() if is_moved or first.first_at <= since}


def _first_at(finding: Finding) -> datetime:
    return finding.first_at


def _last_at(finding: Finding) -> datetime:
    return finding.last_at


def _unplaced(findings: DayFindings, incarnations: Iterable[IncarnationReadings]) -> dict[Key, UsageFlag]:
    if not findings.findings:
        return {}
    known = {one.incarnation.key for one in incarnations}
    lost = {
        incarnation: found
        for incarnation, found in _stored_names(findings).items()
        if incarnation not in known
    }
    return {key: FLAG_OF_FINDING[found[0].kind] for by_key in lost.values() for key, found in by_key.items()}


def _held(row: UsageRow, flag: UsageFlag) -> UsageRow:
    flags = {*row.flags, flag.value}
    return row._replace(held=True, flags=tuple(each.value for each in UsageFlag if each.value in flags))
