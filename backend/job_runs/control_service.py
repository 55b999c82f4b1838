"""Use cases of people and jobs: pause one, resume it, ask for a run. The leading scheduler takes requests up."""

from collections.abc import Collection
from uuid import uuid4

from backend import clock
from backend.actor import OPERATOR_ROLES, Actor, require_process, require_role
from backend.audit import service as audit
from backend.audit.rules import checked_reason
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.errors import Conflict, NotFound, Refused
from backend.job_runs import control_repository, repository, schedule_repository
from backend.job_runs.rules import REQUEST_HOLDS
from backend.job_runs.types import LAUNCHING, JobPause, RequestId, RunRequest


def ask_to_run(actor: Actor, job: str) -> RunRequest:
    """Ask the leading scheduler to run a job now, paused or not. For operators.

    Raises:
        NotFound: no scheduler knows such a job.
        Conflict: a run that somebody asked for waits or is at work; a second one would do nothing more.
    """
    require_role(actor, *OPERATOR_ROLES)
    now = clock.utc_now()
    request = RunRequest(id=RequestId(uuid4()), job=job, asked_by=actor.name, asked_at=now)
    with transaction():
        _require_known(job)
        control_repository.lapse_requests(now - REQUEST_HOLDS, now)
        if not control_repository.insert_request(request):
            raise Conflict(reason="job_asked")
        audit.record(actor, "job.run_requested", _target(job), {"request": str(request.id)})
        tell(Topic.JOBS)
    return request


def pause(actor: Actor, job: str, reason: str) -> JobPause:
    """Let no schedule start a job until it is resumed, also after a restart. For operators, with a written reason.

    A run that is at work goes on to its end.

    Raises:
        NotFound: no scheduler knows such a job.
        Conflict: the job is paused already.
        Invalid: the reason is empty or too long.
        Refused: it starts the runs of runbooks.
    """
    require_role(actor, *OPERATOR_ROLES)
    paused = JobPause(job=job, reason=checked_reason(reason), paused_by=actor.name, paused_at=clock.utc_now())
    with transaction():
        _require_pausable(job)
        if not control_repository.insert_pause(paused):
            raise Conflict(reason="job_paused")
        audit.record(actor, "job.paused", _target(job), {"reason": paused.reason})
        tell(Topic.JOBS)
    return paused


def resume(actor: Actor, job: str) -> None:
    """Let schedules start a job again. For operators. Raises Conflict when it is not paused."""
    require_role(actor, *OPERATOR_ROLES)
    with transaction():
        ended = control_repository.delete_pause(job)
        if ended is None:
            raise Conflict(reason="job_not_paused")
        detail = {
            "paused_by": ended.paused_by,
            "paused_at": ended.paused_at.isoformat(),
            "reason": ended.reason,
        }
        audit.record(actor, "job.resumed", _target(job), detail)
        tell(Topic.JOBS)


def pause_for_run(actor: Actor, job: str, reason: str, *, by: str) -> None:
    """Pause a job for a run of a runbook, in the name of who asked for that. For processes.

    Idempotent: a job that is paused stays as it is. Raises NotFound, Invalid and Refused as ``pause`` does.
    """
    require_process(actor)
    paused = JobPause(
        job=job,
        reason=checked_reason(reason),
        paused_by=by.partition(":")[2],
        paused_at=clock.utc_now(),
    )
    with transaction():
        _require_pausable(job)
        if control_repository.insert_pause(paused):
            audit.record(actor, "job.paused", _target(job), {"reason": paused.reason, "asked_by": by})
            tell(Topic.JOBS)


def resume_for_run(actor: Actor, job: str) -> None:
    """Let schedules start a job again, for a run of a runbook. For processes. Idempotent."""
    require_process(actor)
    with transaction():
        if control_repository.delete_pause(job) is not None:
            audit.record(actor, "job.resumed", _target(job))
            tell(Topic.JOBS)


def is_paused(actor: Actor, job: str) -> bool:
    """Whether a job is paused. For processes."""
    require_process(actor)
    return control_repository.is_paused(job)


def pause_of(actor: Actor, job: str) -> JobPause | None:
    """The pause of a job, with who made it and why; None while it runs by its schedule. For processes."""
    require_process(actor)
    return control_repository.pause_of(job)


def take_requests(actor: Actor, in_hand: Collection[RequestId] = ()) -> list[RunRequest]:
    """Take the requests that wait, the oldest first; each is given to one caller only. For the leading scheduler.

    A request that nobody took for two minutes is ended instead: its moment is over. One that was taken as long ago and
    is not in hand is ended too, and its run interrupted: the database was away when it was to begin, or at its end.
    """
    require_process(actor)
    now = clock.utc_now()
    with transaction():
        control_repository.lapse_requests(now - REQUEST_HOLDS, now)
        lost = control_repository.end_taken(now - REQUEST_HOLDS, now, in_hand)
        repository.interrupt(lost, now)
        taken = control_repository.take_requests(now)
        if taken or lost:
            tell(Topic.JOBS)
        return taken


def _require_known(job: str) -> None:
    if job not in {each.schedule.job for each in schedule_repository.scheduled_jobs()}:
        raise NotFound


def _require_pausable(job: str) -> None:
    _require_known(job)
    if job == LAUNCHING:
        raise Refused(reason="job_launches_runs")


def _target(job: str) -> str:
    return f"job:{job}"
