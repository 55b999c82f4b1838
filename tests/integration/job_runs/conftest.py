"""An operator, and jobs that the scheduler knows."""

from uuid import uuid4

import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.job_runs import service as job_runs
from backend.job_runs.types import Schedule, ScheduledJob, SchedulerProcess
from runbooks import engine
from tests import factories

JOB = "send_mail"


@pytest.fixture
def operator(database: str) -> Actor:
    """An operator; the scheduler knows the job that sends mails, and the one that starts runs."""
    now = clock.utc_now()
    me = SchedulerProcess(id=uuid4(), host="here", pid=1, is_leader=True, started_at=now, seen_at=now)
    known = [ScheduledJob(schedule=Schedule(job=job, every_s=5)) for job in (JOB, "launch_runs")]
    job_runs.tell_scheduler(engine.RUNNER, me, known)
    return factories.user(Role.OPERATOR).actor
