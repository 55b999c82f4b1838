"""SQL of what people ask of jobs: pauses, and runs out of turn."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from backend.db.engine import read, transaction
from backend.job_runs.models import JobPauseRow, JobRequestRow
from backend.job_runs.types import JobPause, RequestId, RunRequest


def insert_pause(pause: JobPause) -> bool:
    """Store a pause; False when the job is paused already."""
    columns = {name: getattr(pause, name) for name in JobPause.__slots__}
    statement = insert(JobPauseRow).values(columns).on_conflict_do_nothing().returning(JobPauseRow.job)
    with transaction() as connection:
        return connection.scalar(statement) is not None


def delete_pause(job: str) -> JobPause | None:
    """End a pause and return it; None when there was none."""
    statement = delete(JobPauseRow).where(JobPauseRow.job == job).returning(*JobPauseRow.__table__.columns)
    with transaction() as connection:
        row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else JobPause(**row)


def is_paused(job: str) -> bool:
    """Whether a job is paused."""
    with read() as connection:
        return connection.scalar(select(JobPauseRow.job).where(JobPauseRow.job == job)) is not None


def pause_of(job: str) -> JobPause | None:
    """The pause of a job; None while it runs by its schedule."""
    statement = select(JobPauseRow.__table__).where(JobPauseRow.job == job)
    with read() as connection:
        row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else JobPause(**row)


def pauses() -> list[JobPause]:
    """Every pause, the oldest first."""
    statement = select(JobPauseRow.__table__).order_by(JobPauseRow.paused_at)
    with read() as connection:
        return [JobPause(**row) for row in connection.execute(statement).mappings()]


def insert_request(request: RunRequest) -> bool:
    """Store a request; False when one of the same job is open."""
    columns = {name: getattr(request, name) for name in RunRequest.__slots__}
    statement = insert(JobRequestRow).values(columns).on_conflict_do_nothing().returning(JobRequestRow.id)
    with transaction() as connection:
        return connection.scalar(statement) is not None


def lapse_requests(asked_before: datetime, now: datetime) -> None:
    """End the requests that nobody took in time."""
    statement = (
        update(JobRequestRow)
        .where(
            JobRequestRow.ended_at.is_(None),
            JobRequestRow.taken_at.is_(None),
            JobRequestRow.asked_at <= asked_before,
        )
        .values(ended_at=now)
    )
    with transaction() as connection:
        connection.execute(statement)


def take_requests(now: datetime) -> list[RunRequest]:
    """Take every waiting request, each for one caller only; returns them, the oldest first."""
    statement = (
        update(JobRequestRow)
        .where(JobRequestRow.ended_at.is_(None), JobRequestRow.taken_at.is_(None))
        .values(taken_at=now)
        .returning(*JobRequestRow.__table__.columns)
    )
    with transaction() as connection:
        taken = [RunRequest(**row) for row in connection.execute(statement).mappings()]
    return sorted(taken, key=lambda each: each.asked_at)


def begin_request(request_id: RequestId, run_id: UUID) -> None:
    """Store the run that answers a request."""
    statement = update(JobRequestRow).where(JobRequestRow.id == request_id).values(run_id=run_id)
    with transaction() as connection:
        connection.execute(statement)


def end_request(run_id: UUID, now: datetime) -> None:
    """End the request that a run answers, if there is one."""
    statement = update(JobRequestRow).where(JobRequestRow.run_id == run_id).values(ended_at=now)
    with transaction() as connection:
        connection.execute(statement)


def end_taken(taken_before: datetime, now: datetime, in_hand: Collection[RequestId] = ()) -> list[UUID]:
    """End the requests that were taken by then, but those in hand; returns the runs that they had begun."""
    statement = (
        update(JobRequestRow)
        .where(
            JobRequestRow.ended_at.is_(None),
            JobRequestRow.taken_at <= taken_before,
            JobRequestRow.id.not_in(in_hand),
        )
        .values(ended_at=now)
        .returning(JobRequestRow.run_id)
    )
    with transaction() as connection:
        return [run_id for run_id in connection.scalars(statement) if run_id is not None]


def newest_requests(jobs: Sequence[str]) -> list[RunRequest]:
    """The newest request of each of these jobs."""
    statement = (
        select(JobRequestRow.__table__)
        .ext(distinct_on(JobRequestRow.job))
        .where(JobRequestRow.job.in_(jobs))
        .order_by(JobRequestRow.job, JobRequestRow.asked_at.desc())
    )
    with read() as connection:
        return [RunRequest(**row) for row in connection.execute(statement).mappings()]


def delete_requests(ended_before: datetime) -> None:
    """Forget requests that ended before an instant."""
    with transaction() as connection:
        connection.execute(delete(JobRequestRow).where(JobRequestRow.ended_at < ended_before))
