"""Every night at 04:30: forget what has had its time."""

from backend import clock
from backend.accounts import service as accounts
from backend.actor import Actor
from backend.job_runs import service as job_runs
from backend.usage import service as usage

NAME = "housekeeping"


def run(actor: Actor) -> str:
    """Delete ended sessions, readings past 13 months and old job runs. Idempotent."""
    purged = accounts.purge_expired(actor, clock.utc_now())
    usage.drop_old_readings(actor)
    forgotten = job_runs.forget_old(actor)
    return f"{purged.sessions} sessions, {forgotten} job runs"
