"""Firings of jobs: recorded, logged, and never fatal for the scheduler."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from apscheduler.triggers.base import BaseTrigger
from prometheus_client import Histogram

from backend.actor import Actor
from backend.errors import AppError, Unavailable
from backend.i18n.errors import sentence_of
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState, RequestId, RunRequest
from backend.log import get_logger
from backend.tracing import spans

# What a database that starts again needs. Whoever waits for longer keeps a leader from seeing that it leads no more.
_AGAIN_AFTER_S = (1.0, 2.0, 4.0, 8.0)

log = get_logger(__name__)

DURATIONS = Histogram(
    "job_run_duration_seconds",
    "Time that a run of a job took, also of one that had nothing to do.",
    ["name"],
    buckets=(0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job. ``run`` returns its result in a few words, or an empty string when there was nothing to do.

    It returns None when there is something to do and nothing could be tried now: a failure of the last try stands.
    A job that is not always recorded leaves a record only when it did something, failed, or works again.
    ``schedule`` tells two schedules of the same job apart. Its numbers and days are shown in the reader's language:
    ``3 sent, 1 failed``.

    A schedule with ``is_due`` asks that first, and does nothing where it says no: it catches up on what was missed.
    ``when_paused`` is done in its place while people have paused it: an alarm that a pause must not silence.
    """

    name: str
    run: Callable[[Actor], str | None]
    trigger: BaseTrigger
    is_at_start: bool = False
    is_always_recorded: bool = True
    schedule: str = ""
    is_due: Callable[[Actor], bool] | None = None
    when_paused: Callable[[Actor], object] | None = None


class JobError(Exception):
    """A job met an expected obstacle; its text is the outcome on record."""


def fire(job: Job) -> bool:
    """Run a job because its time has come, unless it is paused or not due; returns whether it ran. Nothing escapes."""
    return _noted(job, lambda: _fire(job))


def execute(job: Job, started_by: str) -> bool:
    """Run a job to its end and record it; returns whether it went well. Nothing escapes but the process's end."""
    return _noted(job, lambda: _execute(job, started_by) == JobState.FINISHED)


def answer(job: Job, request: RunRequest) -> bool:
    """Run a job because a person asked for it, paused or not; returns whether it went well. Always on record."""
    actor = Actor.process_named(job.name)
    return _noted(
        job,
        lambda: _recorded(job, actor, request.asked_by, request_id=request.id) == JobState.FINISHED,
    )


def _noted(job: Job, work: Callable[[], bool]) -> bool:
    try:
        return work()
    except Unavailable as lost:
        # A record needs the database; without it the log is all there is, and the next firing tries again.
        log.error(  # noqa: TRY400 - the trace would say no more
            "job.not_recorded",
            job=job.name,
            reason="The database does not answer; the next firing tries again.",
            meaning=sentence_of(lost),
        )
    except (
        Exception
    ):  # the edge of the process too: what the database refuses to note must not end the others
        log.exception("job.not_recorded", job=job.name)
    return False


def _fire(job: Job) -> bool:
    actor = Actor.process_named(job.name)
    if job_runs.is_paused(actor, job.name):
        if job.when_paused is not None:
            job.when_paused(actor)
        return False
    if job.is_due is not None and not job.is_due(actor):
        return False
    _execute(job, job_runs.SCHEDULER)
    return True


def _execute(job: Job, started_by: str) -> JobState:
    actor = Actor.process_named(job.name)
    return _recorded(job, actor, started_by) if job.is_always_recorded else _quiet(job, actor, started_by)


def _recorded(job: Job, actor: Actor, started_by: str, *, request_id: RequestId | None = None) -> JobState:
    run_id = job_runs.start(actor, job.name, started_by, request_id=request_id)
    try:
        end = _timed(job, actor)
        return _patiently(lambda: _ended(job, actor, run_id, end))
    except (KeyboardInterrupt, SystemExit):
        # Ctrl-C and the end of the process: a run that nobody ends would be at work for ever.
        with suppress(Unavailable):
            job_runs.finish(actor, run_id, JobState.FAILED, job_runs.INTERRUPTED)
        raise


def _patiently(note: Callable[[], JobState]) -> JobState:
    for pause_s in _AGAIN_AFTER_S:
        try:
            return note()
        except Unavailable as lost:
            log.warning("job.end_not_recorded", meaning=sentence_of(lost), again_in_s=pause_s)
            time.sleep(pause_s)
    return note()


def _ended(job: Job, actor: Actor, run_id: UUID, end: tuple[JobState, str] | None) -> JobState:
    state, outcome = end or _standing(actor, job.name)
    job_runs.finish(actor, run_id, state, outcome)
    return state


def _standing(actor: Actor, job: str) -> tuple[JobState, str]:
    failure = job_runs.standing_failure(actor, job)
    return (JobState.FINISHED, "") if failure is None else (JobState.FAILED, failure.outcome)


def _quiet(job: Job, actor: Actor, started_by: str) -> JobState:
    end = _timed(job, actor)
    if end is None:
        # What is on record stands. To say that all is well between two tries would end the alert, again and again.
        return JobState.FINISHED
    state, outcome = end
    # A failure that is over is told too, or the newest run on record would be a failed one until there is work.
    if outcome or job_runs.standing_failure(actor, job.name):
        job_runs.record(actor, job.name, started_by, state, outcome)
    return state


def _timed(job: Job, actor: Actor) -> tuple[JobState, str] | None:
    with DURATIONS.labels(job.name).time(), spans.span(f"job {job.name}", attributes={"job.name": job.name}):
        return _attempt(job, actor)


def _attempt(job: Job, actor: Actor) -> tuple[JobState, str] | None:
    meaning = {}
    try:
        outcome = job.run(actor)
    except JobError as failed:
        outcome = str(failed)
    except AppError as error:
        outcome, meaning = error.reason_key, {"meaning": sentence_of(error)}
    except Exception:  # the edge of the process: a bug in one job must not end the others
        log.exception("job.crashed", job=job.name)
        return JobState.FAILED, AppError().reason_key
    else:
        if outcome is None:
            return None
        if outcome:
            log.info("job.finished", job=job.name, outcome=outcome)
        return JobState.FINISHED, outcome
    log.error("job.failed", job=job.name, outcome=outcome, **meaning)
    return JobState.FAILED, outcome
