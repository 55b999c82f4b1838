"""Use cases of jobs: record runs and list them, choose the leading scheduler. The only door to jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role, require_role_or_process
from backend.db.engine import engine, read, transaction
from backend.db.locks import LockNumber
from backend.db.news import Topic, tell
from backend.job_runs import control_repository, control_service, repository, rules, schedules_service
from backend.job_runs.repository import Lock
from backend.job_runs.types import JobRun, JobState, RequestId, RunPage

SCHEDULER = rules.SCHEDULER
COMMAND = rules.COMMAND
INTERRUPTED = rules.INTERRUPTED
MAX_OUTCOME = 500
# For people, and for the leading scheduler.
ask_to_run = control_service.ask_to_run
pause = control_service.pause
resume = control_service.resume
pause_for_run = control_service.pause_for_run
resume_for_run = control_service.resume_for_run
is_paused = control_service.is_paused
pause_of = control_service.pause_of
take_requests = control_service.take_requests

# Schedulers tell of themselves, and the staff reads it.
tell_scheduler = schedules_service.tell_scheduler
end_scheduler = schedules_service.end_scheduler
pauses = schedules_service.pauses
standing = schedules_service.standing

_NIGHTS_RUNS = 20
KEPT = timedelta(days=90)
HISTORY = 1000
"""Runs of a job that a person can turn the pages of."""


@contextmanager
def leadership(actor: Actor) -> Iterator[Lock | None]:
    """Yield the lock of the leading scheduler, or None when another process holds it.

    Raises:
        Unavailable: PostgreSQL cannot be reached.
    """
    require_process(actor)
    lock = Lock(engine(), LockNumber.LEADERSHIP)
    try:
        yield lock if lock.take() else None
    finally:
        lock.close()


def start(actor: Actor, job: str, started_by: str, *, request_id: RequestId | None = None) -> UUID:
    """Record that a job began, by its schedule or for a person's request; returns the run's id."""
    require_process(actor)
    run = _run(job, started_by, JobState.RUNNING, "")
    with transaction():
        repository.insert_run(run)
        if request_id is not None:
            control_repository.begin_request(request_id, run.id)
        tell(Topic.JOBS)
    return run.id


def finish(actor: Actor, run_id: UUID, state: JobState, outcome: str) -> None:
    """Record how a run ended, in a few words. The request that it answers ends with it."""
    require_process(actor)
    now = clock.utc_now()
    with transaction():
        repository.finish_run(run_id, state, _stored(outcome), now)
        control_repository.end_request(run_id, now)
        tell(Topic.JOBS)


def record(actor: Actor, job: str, started_by: str, state: JobState, outcome: str) -> None:
    """Record a run that is over already: for jobs so frequent that only the telling runs are kept."""
    require_process(actor)
    with transaction():
        repository.insert_run(_run(job, started_by, state, _stored(outcome)))
        tell(Topic.JOBS)


def take_over(actor: Actor) -> int:
    """Mark the unfinished runs of a dead leader as interrupted; returns their number. For the new leader.

    Runs of commands that were killed hours ago are marked too, and not counted.
    """
    require_process(actor)
    now = clock.utc_now()
    with transaction():
        repository.interrupt_started_by(COMMAND, now - rules.COMMAND_HOLDS, now)
        asked_for = repository.interrupt(control_repository.end_taken(now, now), now)
        return repository.interrupt_started_by(SCHEDULER, now, now) + asked_for


def last_runs(actor: Actor) -> list[JobRun]:
    """The newest run of each job."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.last_runs()


def last_ends(actor: Actor) -> list[JobRun]:
    """The newest run of each job that has ended; commands that a person stopped do not count."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.last_ends()


def standing_failure(actor: Actor, job: str) -> JobRun | None:
    """The newest run of a job that has ended, if it failed, as ``last_ends`` has it. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    newest = repository.last_end(job)
    return newest if newest and newest.state == JobState.FAILED else None


def was_led_before(actor: Actor, at: datetime) -> bool:
    """Whether jobs ran here before an instant: what was due then was missed, not before its time. For processes."""
    require_process(actor)
    return repository.has_run_before(at)


def was_missed(actor: Actor, job: str, due: datetime) -> bool:
    """Whether a job has not done what was due at a moment. For processes.

    One that was interrupted is tried again, three times in all: it may be what ends the process.
    """
    require_process(actor)
    with read():
        tries = [each for each in repository.runs(job, _NIGHTS_RUNS) if each.started_at >= due]
        return rules.was_missed(tries) and repository.has_run_before(due)


def runs(actor: Actor, job: str, limit: int = 50) -> list[JobRun]:
    """The newest runs of one job."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.runs(job, min(limit, 500))


def history(actor: Actor, job: str, limit: int, offset: int) -> RunPage:
    """A page of a job's newest thousand runs, newest first."""
    require_role(actor, *STAFF_ROLES)
    limit = max(0, min(limit, HISTORY - offset))
    with read():
        rows = repository.runs(job, limit, offset) if limit else []
        return RunPage(rows=tuple(rows), total=repository.count_runs(job, HISTORY))


def forget_old(actor: Actor) -> int:
    """Delete runs, and requests for runs, that ended more than 90 days ago; returns how many runs.

    Runs of commands that were killed hours ago are ended before.
    """
    require_process(actor)
    now = clock.utc_now()
    before = now - KEPT
    with transaction():
        repository.interrupt_started_by(COMMAND, now - rules.COMMAND_HOLDS, now)
        control_repository.delete_requests(before)
        return repository.delete_older(before)


def _stored(outcome: str) -> str:
    """The words without characters that PostgreSQL refuses; they may contain answers of others."""
    return outcome.replace("\0", "")[:MAX_OUTCOME]


def _run(job: str, started_by: str, state: JobState, outcome: str) -> JobRun:
    now = clock.utc_now()
    return JobRun(
        id=uuid4(),
        job=job,
        started_by=started_by,
        started_at=now,
        finished_at=None if state == JobState.RUNNING else now,
        state=state,
        outcome=outcome,
    )
