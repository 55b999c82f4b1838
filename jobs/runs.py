"""Firings of jobs: recorded, logged, and never fatal for the scheduler."""

from collections.abc import Callable
from dataclasses import dataclass

from apscheduler.triggers.base import BaseTrigger

from backend.actor import Actor
from backend.errors import AppError, Unavailable
from backend.i18n.errors import sentence_of
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState
from backend.log import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job. ``run`` returns its result in a few words, or an empty string when there was nothing to do.

    A job that is not always recorded leaves a record only when it did something or failed. ``schedule`` tells
    two schedules of the same job apart.
    """

    name: str
    run: Callable[[Actor], str]
    trigger: BaseTrigger
    is_at_start: bool = False
    is_always_recorded: bool = True
    schedule: str = ""


class JobError(Exception):
    """A job met an expected obstacle; its text is the outcome on record."""


def execute(job: Job, started_by: str) -> bool:
    """Run a job to its end and record it; returns whether it went well. Nothing escapes but the process's end."""
    actor = Actor.process_named(job.name)
    try:
        state = (
            _recorded(job, actor, started_by) if job.is_always_recorded else _quiet(job, actor, started_by)
        )
    except Unavailable as lost:
        # A record needs the database; without it the log is all there is, and the next firing tries again.
        log.error(  # noqa: TRY400 - the trace would say no more
            "job.not_recorded",
            job=job.name,
            reason="The database does not answer; the next firing tries again.",
            meaning=sentence_of(lost),
        )
        return False
    except (
        Exception
    ):  # the edge of the process too: what the database refuses to note must not end the others
        log.exception("job.not_recorded", job=job.name)
        return False
    return state == JobState.FINISHED


def _recorded(job: Job, actor: Actor, started_by: str) -> JobState:
    run_id = job_runs.start(actor, job.name, started_by)
    state, outcome = _attempt(job, actor)
    job_runs.finish(actor, run_id, state, outcome)
    return state


def _quiet(job: Job, actor: Actor, started_by: str) -> JobState:
    state, outcome = _attempt(job, actor)
    if outcome:
        job_runs.record(actor, job.name, started_by, state, outcome)
    return state


def _attempt(job: Job, actor: Actor) -> tuple[JobState, str]:
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
        if outcome:
            log.info("job.finished", job=job.name, outcome=outcome)
        return JobState.FINISHED, outcome
    log.error("job.failed", job=job.name, outcome=outcome, **meaning)
    return JobState.FAILED, outcome
