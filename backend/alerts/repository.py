"""SQL that keeps what reconciling found: firings and their events, observations, sources, silences and their changes.

Each statement takes a whole round at once, as one JSON parameter that PostgreSQL reads as rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, TextClause, func, select, text

from backend.alerts import rules
from backend.alerts.types import (
    AlertEventKind,
    AlertSource,
    FiringChange,
    FiringEnd,
    FiringId,
    Matcher,
    Muting,
    Observation,
    OpenFiring,
    SeenAlert,
    Silence,
    SilenceChange,
    SilenceState,
    SourceKind,
)
from backend.db.engine import read, transaction
from backend.db.locks import LockNumber


def lock() -> None:
    """Lock the alerts' history against other reconcilers until the open transaction ends."""
    with transaction() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(LockNumber.ALERTS)))


def delete_before(before: datetime) -> int:
    """Delete firings that ended, silences that are over and observations from before an instant; counts firings."""
    statements = (
        "DELETE FROM alert_observation WHERE until < :before",
        "DELETE FROM alert_silence_change WHERE at < :before",
        "DELETE FROM alert_silence WHERE ends_at < :before",
        "DELETE FROM alert_firing WHERE resolved_at < :before",
    )
    with transaction() as connection:
        counts = [connection.execute(text(each), {"before": before}).rowcount for each in statements]
    return counts[-1]


def last_observation() -> Observation | None:
    """The stretch of time that is observed at present, or was at last."""
    statement = text("SELECT since, until FROM alert_observation ORDER BY since DESC LIMIT 1")
    with read() as connection:
        row = connection.execute(statement).one_or_none()
    return Observation(since=row.since, until=row.until) if row else None


def extend_observation(until: datetime) -> None:
    """The present observation lasts until now."""
    statement = text(
        "UPDATE alert_observation SET until = :until WHERE since = (SELECT max(since) FROM alert_observation)"
    )
    with transaction() as connection:
        connection.execute(statement, {"until": until})


def begin_observation(now: datetime) -> None:
    """A new observation begins now; before it is a gap."""
    statement = text(
        "INSERT INTO alert_observation (since, until) VALUES (:now, :now) ON CONFLICT DO NOTHING"
    )
    with transaction() as connection:
        connection.execute(statement, {"now": now})


def open_firings() -> list[OpenFiring]:
    """Every firing that has not ended."""
    statement = text(
        "SELECT id, fingerprint, started_at, ends_at, annotations, muting FROM alert_firing WHERE resolved_at IS NULL"
    )
    with read() as connection:
        return [
            OpenFiring(
                id=FiringId(row.id),
                fingerprint=row.fingerprint,
                started_at=row.started_at,
                ends_at=row.ends_at,
                annotations=row.annotations,
                muting=to_muting(row.muting),
            )
            for row in connection.execute(statement)
        ]


def end_firings(ended: Sequence[FiringEnd], now: datetime) -> None:
    """Store how firings ended, each with its event."""
    statement = text(
        "WITH told AS (SELECT * FROM jsonb_to_recordset(:rows)"
        " AS t(id bigint, resolved_at timestamptz, resolution text)),"
        " ended AS (UPDATE alert_firing f SET resolved_at = greatest(t.resolved_at, f.started_at),"
        " resolution = t.resolution FROM told t WHERE f.id = t.id RETURNING f.id, f.resolved_at)"
        " INSERT INTO alert_event (firing_id, at, kind, muting)"
        " SELECT id, resolved_at, 'resolved', '{}' FROM ended"
    )
    rows = [{"id": each.id, "resolved_at": each.resolved_at, "resolution": each.resolution} for each in ended]
    _run(statement, rows, now)


def change_firings(changed: Sequence[FiringChange], now: datetime) -> None:
    """Store what is known now of firings that go on, with an event where their muting changed."""
    statement = text(
        "WITH told AS (SELECT * FROM jsonb_to_recordset(:rows) AS t(id bigint, annotations jsonb,"
        " ends_at timestamptz, muting jsonb, is_silenced boolean, is_inhibited boolean, event text)),"
        " changed AS (UPDATE alert_firing f SET annotations = t.annotations, ends_at = t.ends_at, muting = t.muting,"
        " was_silenced = was_silenced OR t.is_silenced, was_inhibited = was_inhibited OR t.is_inhibited"
        " FROM told t WHERE f.id = t.id RETURNING f.id, t.event, t.muting)"
        " INSERT INTO alert_event (firing_id, at, kind, muting)"
        " SELECT id, :now, event, muting FROM changed WHERE event IS NOT NULL"
    )
    rows = [{"id": each.id, "event": each.event, **_known(each.seen)} for each in changed]
    _run(statement, rows, now)


def open_new_firings(opened: Sequence[SeenAlert], now: datetime) -> None:
    """Store alerts that fire newly. One that goes on from a start that is stored already is opened again."""
    statement = text(
        "WITH told AS (SELECT * FROM jsonb_to_recordset(:rows) AS t(fingerprint text, name text, severity text,"
        " service text, labels jsonb, annotations jsonb, started_at timestamptz, ends_at timestamptz, muting jsonb,"
        " is_silenced boolean, is_inhibited boolean)),"
        " opened AS (INSERT INTO alert_firing AS f (fingerprint, name, severity, service, labels, annotations,"
        " started_at, seen_at, ends_at, muting, was_silenced, was_inhibited)"
        " SELECT fingerprint, name, severity, service, labels, annotations, started_at, :now, ends_at, muting,"
        " is_silenced, is_inhibited FROM told"
        " ON CONFLICT (fingerprint, started_at) DO UPDATE SET resolved_at = NULL, resolution = NULL,"
        " ends_at = excluded.ends_at, annotations = excluded.annotations, muting = excluded.muting,"
        " was_silenced = f.was_silenced OR excluded.was_silenced,"
        " was_inhibited = f.was_inhibited OR excluded.was_inhibited"
        " RETURNING f.id, f.started_at, f.seen_at, f.muting)"
        " INSERT INTO alert_event (firing_id, at, kind, muting)"
        " SELECT id, CASE WHEN seen_at = :now THEN least(started_at, :now) ELSE :now END,"
        " CASE WHEN seen_at = :now THEN :fired ELSE :again END, '{}' FROM opened"
        " UNION ALL SELECT id, :now, CASE WHEN muting->'inhibited_by' <> '[]' THEN 'inhibited'"
        " WHEN muting->'silenced_by' <> '[]' THEN 'silenced' ELSE 'muted' END, muting"
        " FROM opened WHERE muting <> '{}'"
    )
    rows = [
        {
            "fingerprint": each.fingerprint,
            "name": each.labels.get("alertname", ""),
            "severity": rules.severity_of(each.labels),
            "service": rules.service_of(each.labels),
            "labels": dict(each.labels),
            "started_at": each.started_at,
            **_known(each),
        }
        for each in opened
    ]
    _run(statement, rows, now, fired=AlertEventKind.FIRED.value, again=AlertEventKind.FIRED_AGAIN.value)


def _known(seen: SeenAlert) -> dict[str, object]:
    return {
        "annotations": dict(seen.annotations),
        "ends_at": seen.ends_at,
        "muting": from_muting(seen.muting),
        "is_silenced": bool(seen.muting.silenced_by),
        "is_inhibited": bool(seen.muting.inhibited_by),
    }


def sources() -> list[AlertSource]:
    """Every party that must answer or be seen, by name."""
    statement = text("SELECT * FROM alert_source ORDER BY kind, name")
    with read() as connection:
        return [
            AlertSource(**{**row, "kind": SourceKind(row["kind"])})
            for row in connection.execute(statement).mappings()
        ]


def replace_sources(known: Sequence[AlertSource]) -> None:
    """Store these sources, and forget all others."""
    statement = text(
        "WITH told AS (SELECT * FROM jsonb_to_recordset(:rows) AS t(name text, kind text, asked_at timestamptz,"
        " answered_at timestamptz, failing_since timestamptz, cause text)),"
        " gone AS (DELETE FROM alert_source WHERE name NOT IN (SELECT name FROM told))"
        " INSERT INTO alert_source SELECT name, kind, asked_at, answered_at, failing_since, cause FROM told"
        " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, asked_at = excluded.asked_at,"
        " answered_at = excluded.answered_at, failing_since = excluded.failing_since, cause = excluded.cause"
    )
    rows = [
        {
            "name": each.name,
            "kind": each.kind,
            "asked_at": each.asked_at,
            "answered_at": each.answered_at,
            "failing_since": each.failing_since,
            "cause": each.cause,
        }
        for each in known
    ]
    _run(statement, rows)


def silences(ids: Iterable[str] | None = None) -> list[Silence]:
    """The silences that are stored, or those with these ids; the one that ends next comes first."""
    some = "" if ids is None else " WHERE id = ANY(:ids)"
    statement = text(f"SELECT * FROM alert_silence{some} ORDER BY ends_at, id")  # noqa: S608 - our own words
    known = {} if ids is None else {"ids": list(ids)}
    with read() as connection:
        return [to_silence(row) for row in connection.execute(statement, known)]


def live_silences(now: datetime) -> list[Silence]:
    """The silences that hold now or will; the one that ends next comes first."""
    statement = text(
        "SELECT * FROM alert_silence WHERE state <> 'expired' AND ends_at > :now ORDER BY ends_at, id"
    )
    with read() as connection:
        return [to_silence(row) for row in connection.execute(statement, {"now": now})]


def put_silences(changed: Sequence[Silence]) -> None:
    """Store silences as they are now."""
    statement = text(
        "INSERT INTO alert_silence SELECT * FROM jsonb_to_recordset(:rows) AS t(id text, matchers jsonb,"
        " starts_at timestamptz, ends_at timestamptz, updated_at timestamptz, created_by text, comment text,"
        " state text)"
        " ON CONFLICT (id) DO UPDATE SET matchers = excluded.matchers, starts_at = excluded.starts_at,"
        " ends_at = excluded.ends_at, updated_at = excluded.updated_at, created_by = excluded.created_by,"
        " comment = excluded.comment, state = excluded.state"
    )
    _run(statement, [from_silence(each) for each in changed])


def add_silence_changes(found: Sequence[SilenceChange]) -> None:
    """Append changes of silences."""
    statement = text(
        "INSERT INTO alert_silence_change (silence_id, at, kind, actor, comment, ends_at)"
        " SELECT * FROM jsonb_to_recordset(:rows) AS t(silence_id text, at timestamptz, kind text, actor text,"
        " comment text, ends_at timestamptz)"
    )
    rows = [
        {
            "silence_id": each.silence_id,
            "at": each.at,
            "kind": each.kind,
            "actor": each.actor,
            "comment": each.comment,
            "ends_at": each.ends_at,
        }
        for each in found
    ]
    _run(statement, rows)


def _run(
    statement: TextClause, rows: Sequence[Mapping[str, object]], now: datetime | None = None, **given: str
) -> None:
    if not rows:
        return
    known: dict[str, object] = {"rows": orjson.dumps(rows).decode(), **given}
    with transaction() as connection:
        connection.execute(statement, {**known, "now": now} if now else known)


def to_muting(stored: Mapping[str, list[str]]) -> Muting:
    """Muting as it is stored: an empty object where nothing mutes."""
    return Muting(**{name: tuple(values) for name, values in stored.items()})


def from_muting(muting: Muting) -> dict[str, list[str]]:
    """Muting as it is stored."""
    if not muting.is_muted:
        return {}
    return {
        "silenced_by": list(muting.silenced_by),
        "inhibited_by": list(muting.inhibited_by),
        "muted_by": list(muting.muted_by),
    }


def to_silence(row: Row[Any]) -> Silence:
    """A silence from its row."""
    return Silence(
        id=row.id,
        matchers=tuple(Matcher(**each) for each in row.matchers),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        updated_at=row.updated_at,
        created_by=row.created_by,
        comment=row.comment,
        state=SilenceState(row.state),
    )


def from_silence(silence: Silence) -> dict[str, object]:
    """A silence as its row."""
    return {
        "id": silence.id,
        "matchers": [
            {
                "name": each.name,
                "value": each.value,
                "is_regex": each.is_regex,
                "is_equal": each.is_equal,
            }
            for each in silence.matchers
        ],
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "updated_at": silence.updated_at,
        "created_by": silence.created_by,
        "comment": silence.comment,
        "state": silence.state,
    }
