"""A missed night is due until it is caught up, and the billing is paused meanwhile."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from backend import clock
from backend.actor import Actor, Role
from backend.db.engine import read, transaction
from backend.invoices import service as invoices
from backend.job_runs import schedules_service as schedules
from backend.job_runs import service as job_runs
from backend.job_runs.types import Schedule, ScheduledJob, SchedulerProcess
from backend.sandbox.incidents import night
from tests.factories import tenant, user

PROCESS = Actor.process_named("tests")


def lead() -> None:
    """As the leading scheduler does, which knows the nightly billing."""
    now = clock.utc_now()
    process = SchedulerProcess(id=uuid4(), host="a", pid=7, is_leader=True, started_at=now, seen_at=now)
    job_runs.tell_scheduler(PROCESS, process, [ScheduledJob(schedule=Schedule(job=night.JOB, every_s=5))])


def test_a_missed_night_is_due_and_the_billing_paused_until_it_is_caught_up(database: str) -> None:
    tenant("ava")
    user(Role.OPERATOR, email=night.OPERATOR)
    lead()
    newest = clock.billing_day(clock.utc_now()) - timedelta(days=2)
    with transaction() as connection:
        for days in range(30):
            window = clock.day_window(newest - timedelta(days=days))
            row = {"day": newest - timedelta(days=days), "start": window.start, "end": window.end}
            statement = "INSERT INTO measured_day VALUES (:day, :start, :end, :end, 0, 0)"
            connection.execute(text(statement), row)
    before = invoices.open_days(PROCESS, due_only=True)

    night.miss()
    night.miss()

    missed = set(invoices.open_days(PROCESS, due_only=True)) - set(before)
    paused = [one.job for one in schedules.pauses(PROCESS)]
    night.catch_up()
    night.catch_up()
    with read() as connection:
        asked = connection.execute(text("SELECT job FROM job_request")).scalars().all()
    assert (missed, paused, schedules.pauses(PROCESS)) == ({newest}, [night.JOB], [])
    assert asked == [night.JOB]
