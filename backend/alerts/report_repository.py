"""SQL that reads alerts for pages: what fires now, history, and what nobody observed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, text

from backend.alerts.repository import to_muting, to_silence
from backend.alerts.types import (
    AlertEvent,
    AlertEventKind,
    Firing,
    FiringId,
    HistoryPage,
    HistoryQuery,
    Observation,
    PastFiring,
    Resolution,
    Severity,
    Silence,
    SilenceChange,
    SilenceChangeKind,
)
from backend.db.engine import read
from backend.db.search import Searched, matching, words_of

_FIRING = (
    "f.id, f.fingerprint, f.name, f.severity, f.service, f.labels, f.annotations, f.started_at, f.seen_at,"
    " f.resolved_at, f.resolution, f.muting, f.was_silenced, f.was_inhibited"
)
_SEARCHED = Searched(names=("f.name", "f.service", "f.labels::text", "f.annotations::text"))


class StoredVersion(NamedTuple):
    """Changes with everything that a board of alerts is made of."""

    observed_until: datetime | None
    events: int | None
    silences: int | None
    silences_at: datetime | None
    database: int = 0


def version() -> StoredVersion:
    """The version of what is stored now; reading it costs next to nothing."""
    statement = text(
        "SELECT (SELECT max(until) FROM alert_observation), (SELECT max(id) FROM alert_event),"
        " (SELECT max(id) FROM alert_silence_change), (SELECT max(updated_at) FROM alert_silence),"
        # A restored database may be at the same version as the one that it replaced.
        " (SELECT oid::bigint FROM pg_database WHERE datname = current_database())"
    )
    with read() as connection:
        return StoredVersion(*connection.execute(statement).one())


def firing_now() -> list[Firing]:
    """Every alert that fires now, the longest first."""
    statement = text(
        f"SELECT {_FIRING} FROM alert_firing f WHERE f.resolved_at IS NULL"  # noqa: S608 - our own columns
        " ORDER BY f.started_at, f.id"
    )
    with read() as connection:
        return [to_firing(row) for row in connection.execute(statement)]


def history(query: HistoryQuery, limit: int, offset: int) -> HistoryPage:
    """A page of firings, the newest first, each with how often its alert fired in the day before its end."""
    condition, known = matching(words_of(query.wanted), _SEARCHED)
    filters: dict[str, Any] = {
        "severity": query.severity.value if query.severity else None,
        "service": query.service or None,
        "fingerprint": query.fingerprint or None,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    where = " AND ".join([*[f"f.{name} = :{name}" for name in given], condition])
    statement = text(
        f"WITH page AS (SELECT {_FIRING}, count(*) OVER () AS total FROM alert_firing f WHERE {where}"  # noqa: S608 - our own columns
        " ORDER BY f.started_at DESC, f.id DESC LIMIT :limit OFFSET :offset)"
        " SELECT page.*, (SELECT count(*) FROM alert_firing o WHERE o.fingerprint = page.fingerprint"
        " AND o.started_at <= page.started_at AND o.started_at > page.started_at - interval '1 day') AS fired_in_day"
        " FROM page ORDER BY started_at DESC, id DESC"
    )
    with read() as connection:
        rows = connection.execute(statement, {**known, **given, "limit": limit, "offset": offset}).all()
        if rows or not offset:
            total = int(rows[0].total) if rows else 0
        else:
            counted = text(f"SELECT count(*) FROM alert_firing f WHERE {where}")  # noqa: S608 - our own columns
            total = int(connection.scalar(counted, {**known, **given}) or 0)
    found = [PastFiring(firing=to_firing(row), fired_in_day=row.fired_in_day) for row in rows]
    return HistoryPage(rows=found, total=total)


def newest_firing(fingerprint: str) -> Firing | None:
    """The firing of an alert that goes on or began last; None for an alert that never fired."""
    statement = text(
        f"SELECT {_FIRING} FROM alert_firing f WHERE f.fingerprint = :fingerprint"  # noqa: S608 - our own columns
        " ORDER BY f.resolved_at IS NULL DESC, f.started_at DESC LIMIT 1"
    )
    with read() as connection:
        row = connection.execute(statement, {"fingerprint": fingerprint}).one_or_none()
    return to_firing(row) if row else None


def firings_of(fingerprints: Sequence[str]) -> dict[str, Firing]:
    """The firings of these alerts that go on now, by fingerprint."""
    statement = text(
        f"SELECT {_FIRING} FROM alert_firing f WHERE f.fingerprint = ANY(:fingerprints) AND f.resolved_at IS NULL"  # noqa: S608 - our own columns
    )
    with read() as connection:
        found = connection.execute(statement, {"fingerprints": list(fingerprints)})
        return {row.fingerprint: to_firing(row) for row in found}


def events(firing_id: FiringId, limit: int) -> list[AlertEvent]:
    """The events of a firing, the newest first."""
    statement = text(
        "SELECT at, kind, muting FROM alert_event WHERE firing_id = :firing_id ORDER BY id DESC LIMIT :limit"
    )
    with read() as connection:
        rows = connection.execute(statement, {"firing_id": firing_id, "limit": limit})
        return [
            AlertEvent(at=row.at, kind=AlertEventKind(row.kind), muting=to_muting(row.muting)) for row in rows
        ]


def recent_counts(since: datetime) -> dict[str, int]:
    """Number of times that each alert began to fire since an instant, by fingerprint."""
    statement = text("SELECT fingerprint, count(*) FROM alert_firing WHERE started_at >= :since GROUP BY 1")
    with read() as connection:
        return {row[0]: int(row[1]) for row in connection.execute(statement, {"since": since})}


def gaps(since: datetime, limit: int) -> list[Observation]:
    """The stretches of time that nobody observed, the newest first."""
    statement = text(
        "SELECT since, until FROM (SELECT until AS since, lead(since) OVER (ORDER BY since) AS until"
        " FROM alert_observation) g WHERE until >= :since ORDER BY since DESC LIMIT :limit"
    )
    with read() as connection:
        rows = connection.execute(statement, {"since": since, "limit": limit})
        return [Observation(since=row.since, until=row.until) for row in rows]


def recent_silences(now: datetime, limit: int) -> list[Silence]:
    """Silences: first the live ones, of these the one that ends first; then the ended ones, the newest first."""
    statement = text(
        "SELECT * FROM alert_silence ORDER BY (state = 'expired' OR ends_at <= :now),"
        " CASE WHEN state = 'expired' OR ends_at <= :now THEN NULL ELSE ends_at END, ends_at DESC, id LIMIT :limit"
    )
    with read() as connection:
        return [to_silence(row) for row in connection.execute(statement, {"now": now, "limit": limit})]


def muting_counts() -> dict[str, int]:
    """The number of firing alerts that each silence mutes now, by its id."""
    statement = text(
        "SELECT s.id, count(*) FROM alert_firing f, jsonb_array_elements_text(f.muting->'silenced_by') s(id)"
        " WHERE f.resolved_at IS NULL GROUP BY 1"
    )
    with read() as connection:
        return {row[0]: int(row[1]) for row in connection.execute(statement)}


def heard_again_counts() -> dict[str, int]:
    """The number of firing alerts that are heard again when a silence ends, by its id: none mutes them for longer."""
    statement = text(
        "SELECT last, count(*) FROM (SELECT DISTINCT ON (f.id) s.id AS last FROM alert_firing f"
        " JOIN alert_silence s ON f.muting->'silenced_by' ? s.id"
        " WHERE f.resolved_at IS NULL AND f.muting->'inhibited_by' = '[]'"
        " ORDER BY f.id, s.ends_at DESC) muted GROUP BY 1"
    )
    with read() as connection:
        return {row[0]: int(row[1]) for row in connection.execute(statement)}


def silence_changes(ids: Sequence[str]) -> list[SilenceChange]:
    """The changes of these silences, the newest first."""
    statement = text("SELECT * FROM alert_silence_change WHERE silence_id = ANY(:ids) ORDER BY id DESC")
    with read() as connection:
        return [
            SilenceChange(
                silence_id=row.silence_id,
                at=row.at,
                kind=SilenceChangeKind(row.kind),
                actor=row.actor,
                comment=row.comment,
                ends_at=row.ends_at,
            )
            for row in connection.execute(statement, {"ids": list(ids)})
        ]


def to_firing(row: Row[Any]) -> Firing:
    """A firing from the columns of ``_FIRING``."""
    return Firing(
        id=FiringId(row.id),
        fingerprint=row.fingerprint,
        name=row.name,
        severity=Severity(row.severity),
        service=row.service,
        labels=row.labels,
        annotations=row.annotations,
        started_at=row.started_at,
        seen_at=row.seen_at,
        resolved_at=row.resolved_at,
        resolution=Resolution(row.resolution) if row.resolution else None,
        muting=to_muting(row.muting),
        was_silenced=row.was_silenced,
        was_inhibited=row.was_inhibited,
    )
