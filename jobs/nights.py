"""Nights that were missed: a rollout, a change of leaders or an outage took the moment of a nightly job.

Of several missed nights only the last one is caught up: a backup of yesterday cannot be made today.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from backend import clock
from backend.actor import Actor
from backend.clock import TEHRAN
from backend.job_runs import service as job_runs


def last_due(at: time, now: datetime) -> datetime:
    """The newest moment at a time of day in Tehran that is not in the future."""
    local = now.astimezone(TEHRAN)
    day = local.date() if local.time() >= at else local.date() - timedelta(days=1)
    return datetime.combine(day, at, TEHRAN).astimezone(UTC)


def was_missed(job: str, at: time) -> Callable[[Actor], bool]:
    """The question whether a job that does its work itself has missed its last night.

    A first start has missed none: a new database has nothing to tidy and nothing to prove.
    """
    return lambda actor: job_runs.was_missed(actor, job, last_due(at, clock.utc_now()))
