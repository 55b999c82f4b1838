"""Reading alerts: what fires now in groups, and the history."""

from datetime import datetime, timedelta

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_role
from backend.alerts import group_rules, report_repository, repository
from backend.alerts.types import AlertBoard, HistoryPage, HistoryQuery, Observation
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployRecord

MAX_PAGE = 100
DAY = timedelta(days=1)
JUST_BEFORE = timedelta(minutes=30)
MOST_GAPS = 20


def board(actor: Actor) -> AlertBoard:
    """Everything that fires now, from our own database, so that it answers while Alertmanager is away. For staff."""
    require_role(actor, *STAFF_ROLES)
    now = clock.utc_now()
    firings = report_repository.firing_now()
    silenced_by = {each for firing in firings for each in firing.muting.silenced_by}
    return AlertBoard(
        groups=group_rules.groups_of(firings),
        watch=group_rules.watch_state(repository.sources(), repository.last_observation(), now),
        silences=tuple(repository.silences(silenced_by)),
        fired_in_day=report_repository.recent_counts(now - DAY),
        read_at=now,
    )


def history(actor: Actor, query: HistoryQuery, *, limit: int, offset: int = 0) -> HistoryPage:
    """A page of firings, the newest first. For staff."""
    require_role(actor, *STAFF_ROLES)
    return report_repository.history(query, max(1, min(limit, MAX_PAGE)), max(0, offset))


def deploys_before(actor: Actor, started_at: datetime) -> list[DeployRecord]:
    """The deployments of the half hour before an alert began, the newest start first. A fact, no cause. For staff."""
    require_role(actor, *STAFF_ROLES)
    return deploys.deploys_between(actor, started_at - JUST_BEFORE, started_at)


def gaps(actor: Actor, days: int = 30) -> list[Observation]:
    """The stretches of the last days in which nobody observed, the newest first. For staff."""
    require_role(actor, *STAFF_ROLES)
    return report_repository.gaps(clock.utc_now() - days * DAY, MOST_GAPS)
