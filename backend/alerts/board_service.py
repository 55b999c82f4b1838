"""Reading alerts: what fires now in groups, and the history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_role
from backend.alerts import group_rules, report_repository, repository
from backend.alerts.report_repository import StoredVersion
from backend.alerts.types import AlertBoard, AlertGroup, HistoryPage, HistoryQuery, Observation, Silence
from backend.db.engine import read
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployRecord

MAX_PAGE = 100
DAY = timedelta(days=1)
MOST_GAPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """Everything of a board that all readers share until something is stored."""

    version: StoredVersion
    groups: tuple[AlertGroup, ...]
    silences: tuple[Silence, ...]
    fired_in_day: Mapping[str, int]


_reading = Lock()
_shared: dict[str, _Shared] = {}


def board(actor: Actor) -> AlertBoard:
    """Everything that fires now, from our own database, so that it answers while Alertmanager is away. For staff.

    What is stored is read and grouped once for all readers until it changes.
    """
    require_role(actor, *STAFF_ROLES)
    now = clock.utc_now()
    with read():
        shared = _shared_now(now)
        watch = group_rules.watch_state(repository.sources(), repository.last_observation(), now)
    return AlertBoard(
        groups=shared.groups,
        watch=watch,
        silences=shared.silences,
        fired_in_day=shared.fired_in_day,
        read_at=now,
    )


def _shared_now(now: datetime) -> _Shared:
    version = report_repository.version()
    # Tabs that look at the same time wait for the first of them, so a storm is read once.
    with _reading:
        known = _shared.get("board")
        if known is None or known.version != version:
            known = _shared["board"] = _read_shared(version, now)
    return known


def _read_shared(version: StoredVersion, now: datetime) -> _Shared:
    firings = report_repository.firing_now()
    silenced_by = {each for firing in firings for each in firing.muting.silenced_by}
    return _Shared(
        version=version,
        groups=group_rules.groups_of(firings),
        silences=tuple(repository.silences(silenced_by)),
        fired_in_day=report_repository.recent_counts(now - DAY),
    )


def history(actor: Actor, query: HistoryQuery, *, limit: int, offset: int = 0) -> HistoryPage:
    """A page of firings, the newest first. For staff."""
    require_role(actor, *STAFF_ROLES)
    return report_repository.history(query, max(1, min(limit, MAX_PAGE)), max(0, offset))


def deploys_before(actor: Actor, started: Sequence[datetime]) -> list[list[DeployRecord]]:
    """For each start of an alert the deployments of the half hour before, the newest first. A fact, no cause.

    For staff.
    """
    require_role(actor, *STAFF_ROLES)
    found: dict[object, DeployRecord] = {}
    for start, end in group_rules.joined_half_hours(started):
        found.update({record.id: record for record in deploys.deploys_between(actor, start, end)})
    newest_first = sorted(found.values(), key=lambda record: record.told.started_at, reverse=True)
    return [[record for record in newest_first if _is_before(record, at)] for at in started]


def _is_before(record: DeployRecord, started_at: datetime) -> bool:
    told = record.told
    return group_rules.is_just_before(told.started_at, told.finished_at, started_at)


def gaps(actor: Actor, days: int = 30) -> list[Observation]:
    """The stretches of the last days in which nobody observed, the newest first. For staff."""
    require_role(actor, *STAFF_ROLES)
    return report_repository.gaps(clock.utc_now() - days * DAY, MOST_GAPS)
