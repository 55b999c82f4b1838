"""The record of what the scheduler did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class JobState(StrEnum):
    """How a firing of a job ended."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One firing of one job. ``outcome`` is what it did in a few words, or the reason why it failed."""

    id: UUID
    job: str
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    state: JobState
    outcome: str
