"""Rules that put alerts together: by service, inhibition and start, the worst group first. No cause is claimed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from backend.alerts.rules import LONGEST_STEP, is_overdue
from backend.alerts.types import (
    WATCHDOG,
    AlertGroup,
    AlertSource,
    Firing,
    Observation,
    Severity,
    WatchState,
)

TOGETHER = timedelta(minutes=5)
JUST_BEFORE = timedelta(minutes=30)
_ORDER = {severity: place for place, severity in enumerate(Severity)}


def severity_rank(severity: Severity) -> int:
    """The place of a severity, 0 for the worst."""
    return _ORDER[severity]


def groups_of(firings: Iterable[Firing]) -> tuple[AlertGroup, ...]:
    """Groups of alerts: the unmuted ones first, then the worst, then the one that began last.

    Alerts of one service belong together when they began within five minutes of the group's first. An inhibited alert
    belongs to the alert that inhibits it, of whatever service. The Watchdog is no trouble and left out.
    """
    wanted = [firing for firing in firings if firing.name != WATCHDOG]
    by_fingerprint = {firing.fingerprint: firing for firing in wanted}
    leader = {firing.fingerprint: _leader(firing, by_fingerprint) for firing in wanted}
    leading = sorted(
        (firing for firing in wanted if leader[firing.fingerprint] is None),
        key=lambda firing: (firing.service, firing.started_at, firing.fingerprint),
    )
    followers: dict[str, list[Firing]] = {}
    for firing in wanted:
        if (first := leader[firing.fingerprint]) is not None:
            followers.setdefault(first, []).append(firing)
    found = [
        _group(together, followers)
        for _, of_service in groupby(leading, key=lambda firing: firing.service)
        for together in _by_start(list(of_service))
    ]
    return tuple(
        sorted(
            found,
            key=lambda group: (
                group.is_muted,
                severity_rank(group.severity),
                -group.started_at.timestamp(),
                group.key,
            ),
        )
    )


def _leader(firing: Firing, known: Mapping[str, Firing]) -> str | None:
    """Fingerprint of the alert at the end of who inhibits whom, None for that alert itself.

    Of alerts that inhibit each other in a circle the first fingerprint leads.
    """
    path = [firing.fingerprint]
    while (onward := _inhibitor(known[path[-1]], known)) is not None:
        if onward in path:
            path = [min(path[path.index(onward) :])]
            break
        path.append(onward)
    return None if path[-1] == firing.fingerprint else path[-1]


def _inhibitor(firing: Firing, known: Mapping[str, Firing]) -> str | None:
    return next(
        (each for each in firing.muting.inhibited_by if each in known and each != firing.fingerprint), None
    )


def _by_start(firings: Sequence[Firing]) -> Iterable[list[Firing]]:
    together: list[Firing] = []
    for firing in firings:
        if together and firing.started_at - together[0].started_at > TOGETHER:
            yield together
            together = []
        together.append(firing)
    if together:
        yield together


def _group(together: list[Firing], followers: Mapping[str, list[Firing]]) -> AlertGroup:
    heard = [firing for firing in together if not firing.muting.is_muted] or together
    return AlertGroup(
        key=min(together, key=lambda firing: (firing.started_at, firing.fingerprint)).fingerprint,
        service=together[0].service,
        severity=min((firing.severity for firing in heard), key=severity_rank),
        started_at=min(firing.started_at for firing in heard),
        alerts=tuple(sorted(together, key=_place)),
        followers=tuple(
            sorted((each for one in together for each in followers.get(one.fingerprint, ())), key=_place)
        ),
    )


def _place(firing: Firing) -> tuple[bool, int, datetime, str, str]:
    labels = "\n".join(firing.labels[name] for name in sorted(firing.labels))
    return (
        firing.muting.is_muted,
        severity_rank(firing.severity),
        firing.started_at,
        labels,
        firing.fingerprint,
    )


def joined_half_hours(started: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """The half hours before some starts, those that overlap as one stretch."""
    found: list[tuple[datetime, datetime]] = []
    for at in sorted(started):
        if found and at - JUST_BEFORE <= found[-1][1]:
            found[-1] = found[-1][0], at
        else:
            found.append((at - JUST_BEFORE, at))
    return found


def is_just_before(began_at: datetime, ended_at: datetime | None, started_at: datetime) -> bool:
    """Whether what began and perhaps ended was under way within the half hour before an alert started."""
    return began_at < started_at and (ended_at is None or ended_at > started_at - JUST_BEFORE)


def watch_state(sources: Sequence[AlertSource], last: Observation | None, now: datetime) -> WatchState:
    """Whether alerts are watched at all, and which parties are alarms of their own."""
    asked_at = max((source.asked_at for source in sources), default=None)
    return WatchState(
        sources=tuple(sources),
        looked_at=last.until if last else None,
        is_blind=last is None or asked_at is None or now - last.until > LONGEST_STEP,
        alarms=tuple(source for source in sources if is_overdue(source, now)),
    )
