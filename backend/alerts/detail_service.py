"""An alert by itself: what is stored of it, and what Prometheus says of its rule."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_role
from backend.alerts import expression_rules, group_rules, report_repository, repository, rules
from backend.alerts.types import (
    AlertDetail,
    AlertTrend,
    Firing,
    TrendPoint,
)
from backend.clients.prometheus_servers import prometheus
from backend.config import settings
from backend.errors import NotFound

MOST_EVENTS = 50
MOST_ALIKE = 50
TREND = timedelta(hours=3)
STEPS = 60


def alert(actor: Actor, fingerprint: str) -> AlertDetail:
    """Everything stored of an alert but its earlier firings. For staff. Raises NotFound for an unknown one."""
    require_role(actor, *STAFF_ROLES)
    firing = _firing(fingerprint)
    now = clock.utc_now()
    alike = [
        each
        for each in report_repository.firing_now()
        if each.name == firing.name and each.fingerprint != firing.fingerprint
    ]
    return AlertDetail(
        firing=firing,
        events=tuple(report_repository.events(firing.id, MOST_EVENTS)),
        silences=tuple(repository.silences(firing.muting.silenced_by)),
        inhibitors=report_repository.firings_of(firing.muting.inhibited_by),
        alike=tuple(alike[:MOST_ALIKE]),
        watch=group_rules.watch_state(repository.sources(), repository.last_observation(), now),
        read_at=now,
    )


def trend(actor: Actor, fingerprint: str) -> AlertTrend:
    """An alert's rule, and what it measured in the last three hours. It asks Prometheus. For staff.

    Raises:
        NotFound: an unknown alert (``alert``), or Prometheus has no rule of this name (``rule``).
        Unavailable: Prometheus does not answer.
    """
    require_role(actor, *STAFF_ROLES)
    firing = _firing(fingerprint)
    known = settings()
    client = prometheus(known, known.alertmanager_timeout_s, merges_replicas=True)
    rule = _rule_of(firing, client.alerting_rules())
    expression = str(rule.get("query") or "")
    read = expression_rules.measured(expression)
    until = clock.utc_now()
    step_s = int(TREND.total_seconds()) // STEPS
    found = client.matrix(read.query, _ms(until - TREND), _ms(until), step_s)
    return AlertTrend(
        expression=expression,
        hold_s=_hold_s(rule),
        points=_points(_series_of(firing, found), until, step_s),
        limit=read.limit,
    )


def _firing(fingerprint: str) -> Firing:
    found = report_repository.newest_firing(rules.storable_text(fingerprint)[: rules.LONGEST_FINGERPRINT])
    if found is None:
        raise NotFound(reason="alert")
    return found


def _rule_of(firing: Firing, known: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The rule of an alert: of several with its name, the one whose fixed labels it carries."""
    named = [rule for rule in known if rule.get("name") == firing.name]
    if not named:
        raise NotFound(reason="rule")
    return max(named, key=lambda rule: _common(firing.labels, rule.get("labels")))


def _hold_s(rule: Mapping[str, Any]) -> int:
    told = rule.get("duration")
    return int(told) if isinstance(told, int | float) and isfinite(told) else 0


def _common(labels: Mapping[str, str], told: object) -> int:
    return (
        sum(labels.get(str(name)) == value for name, value in told.items()) if isinstance(told, dict) else 0
    )


def _series_of(firing: Firing, found: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The values of the series whose labels the alert carries, of several the one with most labels."""
    fitting = [
        row
        for row in found
        if all(
            firing.labels.get(name) == value for name, value in row["metric"].items() if name != "__name__"
        )
    ]
    return max(fitting, key=lambda row: len(row["metric"]), default={"values": []})["values"]


def _points(values: Sequence[Any], until: datetime, step_s: int) -> tuple[TrendPoint, ...]:
    """A point for each step, empty where Prometheus has none."""
    first = until - TREND
    known = {round((float(at) - first.timestamp()) / step_s): _finite(value) for at, value in values}
    return tuple(
        TrendPoint(at=first + timedelta(seconds=step * step_s), value=known.get(step))
        for step in range(STEPS + 1)
    )


def _finite(value: str) -> float | None:
    read = float(value)
    return read if isfinite(read) else None


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
