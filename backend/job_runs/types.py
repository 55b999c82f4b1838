"""Types of job runs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


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
