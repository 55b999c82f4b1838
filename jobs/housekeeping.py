"""Nightly housekeeping at 04:30: delete expired rows, and create the partitions of the next month."""

from datetime import time

from backend import clock
from backend.accounts import service as accounts
from backend.actor import Actor
from backend.alerts import service as alerts
from backend.assistant import service as assistant
from backend.job_runs import service as job_runs
from backend.runbooks import service as runs
from backend.usage import service as usage

NAME = "housekeeping"
AT = time(4, 30)


def run(actor: Actor) -> str:
    """Delete ended sessions, old readings, job runs, alerts and models' words; prepare the next month. Idempotent."""
    now = clock.utc_now()
    purged = accounts.purge_expired(actor, now)
    usage.prepare_months(actor, now)
    months = usage.drop_old_readings(actor, now)
    forgotten = job_runs.forget_old(actor)
    worded, fired, ran = assistant.forget_old(actor), alerts.forget_old(actor), runs.forget_old(actor)
    return (
        f"{purged.sessions} sessions, {len(months)} months of readings, {forgotten} job runs,"
        f" {worded} wordings, {fired} alerts, {ran} runs"
    )
