"""Types of job runs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

LAUNCHING = "launch_runs"
"""Name of the job without which no run of a runbook starts, stops or keeps its deadline."""

CATCHING_UP = "catch_up"
"""Name of a schedule that does only what was missed."""

RequestId = NewType("RequestId", UUID)


class JobState(StrEnum):
    """State of a job's firing."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """A firing of a job. ``outcome`` is its result in a few words, or the reason for its failure."""

    id: UUID
    job: str
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    state: JobState
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Start times of a job: every so many seconds, or at a time of day in Tehran, daily or on one weekday.

    ``hour`` None means every hour; ``weekday`` counts from Monday, 0, and None means every day. ``name`` tells two
    schedules of the same job apart.
    """

    job: str
    name: str = ""
    every_s: int | None = None
    weekday: int | None = None
    hour: int | None = None
    minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJob:
    """A schedule with its next start, and its last one with the time that it took."""

    schedule: Schedule
    next_run_at: datetime | None = None
    fired_at: datetime | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerProcess:
    """A process that leads or stands by, and when it last said so."""

    id: UUID
    host: str
    pid: int
    is_leader: bool
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPause:
    """A pause of a job: by whom, when and why."""

    job: str
    reason: str
    paused_by: str
    paused_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run that a person asked for; ``taken_at`` is when the leading process took it up, ``run_id`` its run."""

    id: RequestId
    job: str
    asked_by: str
    asked_at: datetime
    taken_at: datetime | None = None
    ended_at: datetime | None = None
    run_id: UUID | None = None


class RequestState(StrEnum):
    """State of a request."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStanding:
    """All that is known of one job: its schedules, its newest run on record, its pause and its newest request."""

    job: str
    schedules: tuple[ScheduledJob, ...]
    last_run: JobRun | None
    pause: JobPause | None
    request: RunRequest | None
    requested_run: JobRun | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerStanding:
    """The leader, the standbys, and every job. ``leader`` is None when no leading process was seen lately."""

    leader: SchedulerProcess | None
    standbys: tuple[SchedulerProcess, ...]
    last_leader_seen_at: datetime | None
    jobs: tuple[JobStanding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """A page of a job's runs, newest first; ``total`` counts no more than the history shows."""

    rows: tuple[JobRun, ...]
    total: int
