"""Use cases of schedules: schedulers tell of themselves and of what they start when, and the staff reads it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.db.engine import read, transaction
from backend.job_runs import control_repository, repository, rules, schedule_repository
from backend.job_runs.types import (
    JobPause,
    JobRun,
    JobStanding,
    ScheduledJob,
    SchedulerProcess,
    SchedulerStanding,
)

FORGOTTEN_AFTER = timedelta(days=7)


def tell_scheduler(actor: Actor, process: SchedulerProcess, jobs: Sequence[ScheduledJob] = ()) -> None:
    """Store that a scheduler is alive; the one that leads also tells its schedules. For schedulers."""
    require_process(actor)
    with transaction():
        schedule_repository.store_process(process)
        if process.is_leader and jobs:
            schedule_repository.store_schedules(jobs)


def end_scheduler(actor: Actor, process_id: UUID) -> None:
    """Forget a scheduler that ends, and those that have not been seen for a week. For schedulers."""
    require_process(actor)
    schedule_repository.delete_process(process_id, clock.utc_now() - FORGOTTEN_AFTER)


def pauses(actor: Actor) -> list[JobPause]:
    """Every paused job, the longest paused first. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return control_repository.pauses()


def standing(actor: Actor) -> SchedulerStanding:
    """The leader, and every job with its schedules, last run, pause and newest request. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    now = clock.utc_now()
    with read():
        processes = schedule_repository.processes()
        jobs = _jobs(schedule_repository.scheduled_jobs())
    leader = rules.leader_of(processes, now)
    led = [each.seen_at for each in processes if each.is_leader]
    standbys = tuple(each for each in processes if each != leader and rules.is_alive(each, now))
    return SchedulerStanding(
        leader=leader, standbys=standbys, last_leader_seen_at=max(led, default=None), jobs=jobs
    )


def _jobs(scheduled: Sequence[ScheduledJob]) -> tuple[JobStanding, ...]:
    names = list(dict.fromkeys(each.schedule.job for each in scheduled))
    last = {run.job: run for run in repository.last_runs()}
    paused = {pause.job: pause for pause in control_repository.pauses()}
    asked = {request.job: request for request in control_repository.newest_requests(names)}
    begun = [request.run_id for request in asked.values() if request.run_id is not None]
    answers: dict[UUID | None, JobRun] = {run.id: run for run in repository.runs_by_id(begun)}
    return tuple(
        JobStanding(
            job=name,
            schedules=tuple(each for each in scheduled if each.schedule.job == name),
            last_run=last.get(name),
            pause=paused.get(name),
            request=asked.get(name),
            requested_run=answers.get(asked[name].run_id) if name in asked else None,
        )
        for name in names
    )
