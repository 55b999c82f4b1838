"""From APScheduler's triggers to schedules that people read, and when each was last started here."""

from datetime import datetime
from threading import Lock
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from backend.job_runs.types import Schedule, ScheduledJob
from jobs.registry import JOBS
from jobs.runs import Job

_FIELDS = {"day_of_week": "weekday", "hour": "hour", "minute": "minute"}


class Firings:
    """Last start of each schedule in this process, and its length. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: dict[str, tuple[datetime, float]] = {}

    def note(self, job: Job, at: datetime, duration_s: float) -> None:
        """Remember a start."""
        with self._lock:
            self._last[job_id(job)] = (at, duration_s)

    def of(self, job: Job) -> tuple[datetime, float] | None:
        """The last start of a schedule and its length in seconds."""
        with self._lock:
            return self._last.get(job_id(job))


def job_id(job: Job) -> str:
    """The name of a schedule inside the scheduler."""
    return f"{job.name}/{job.schedule}"


def schedule_of(job: Job) -> Schedule:
    """A job's schedule in the terms of people.

    Raises:
        TypeError: the trigger is neither an interval nor a time of day.
        ValueError: it says more than a minute, an hour and a weekday by number.
    """
    return Schedule(job=job.name, name=job.schedule, **_terms(job.trigger))


def published(scheduler: BackgroundScheduler, firings: Firings) -> list[ScheduledJob]:
    """Every schedule with its next start and its last one."""
    return [_published(job, scheduler, firings) for job in JOBS]


def _published(job: Job, scheduler: BackgroundScheduler, firings: Firings) -> ScheduledJob:
    planned = scheduler.get_job(job_id(job))
    fired_at, duration_s = firings.of(job) or (None, None)
    return ScheduledJob(
        schedule=schedule_of(job),
        # A look whether something was missed is no start of the job.
        next_run_at=planned.next_run_time if planned and job.is_due is None else None,
        fired_at=fired_at,
        duration_s=duration_s,
    )


def _terms(trigger: Any) -> dict[str, int]:  # noqa: ANN401 - APScheduler ships no types
    if isinstance(trigger, IntervalTrigger):
        return {"every_s": int(trigger.interval.total_seconds())}
    if not isinstance(trigger, CronTrigger):
        raise TypeError(f"{trigger} is no interval and no time of day")
    written = {field.name: str(field) for field in trigger.fields if not field.is_default}
    if (
        "minute" not in written
        or not written.keys() <= _FIELDS.keys()
        or not all(map(str.isdigit, written.values()))
    ):
        raise ValueError(f"{trigger} is more than a minute, an hour and a weekday by number")
    return {_FIELDS[name]: int(value) for name, value in written.items()}
