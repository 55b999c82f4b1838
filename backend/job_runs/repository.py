"""Every SQL statement on job runs, and the lock that makes one scheduler the leader."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import psycopg
from sqlalchemy import ColumnElement, Engine, RowMapping, insert, text, update

from backend.db import connecting
from backend.db.connecting import CONNECTION
from backend.db.engine import read, transaction, translated
from backend.job_runs.models import JobRunRow
from backend.job_runs.rules import COMMAND, INTERRUPTED
from backend.job_runs.types import JobRun, JobState


class Lock:
    """An advisory lock on a connection of its own; it ends with the connection, however that dies.

    A transaction that stays open holds it, because behind a pooler only a transaction keeps its connection.
    """

    def __init__(self, engine: Engine, key: int) -> None:
        """Connect. Raises Unavailable when PostgreSQL cannot be reached."""
        self._key = key
        with translated():
            self._connection = psycopg.connect(
                engine.url.set(drivername="postgresql").render_as_string(hide_password=False), **CONNECTION
            )
            connecting.prepare(self._connection)

    def take(self) -> bool:
        """Try to take the lock, without waiting; True when it is ours. Raises Unavailable without PostgreSQL."""
        with translated():
            connecting.set_transaction(self._connection, is_patient=True)
            return connecting.try_lock(self._connection, self._key)

    def is_held(self) -> bool:
        """Whether the connection, and with it the lock, is still there."""
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def close(self) -> None:
        """Give the lock back."""
        self._connection.close()


def insert_run(run: JobRun) -> None:
    """Store a run."""
    with transaction() as connection:
        connection.execute(
            insert(JobRunRow).values(
                id=run.id,
                job=run.job,
                started_by=run.started_by,
                started_at=run.started_at,
                finished_at=run.finished_at,
                state=run.state.value,
                outcome=run.outcome,
            )
        )


def finish_run(run_id: UUID, state: JobState, outcome: str, now: datetime) -> None:
    """Store how a run ended."""
    with transaction() as connection:
        connection.execute(
            update(JobRunRow)
            .where(JobRunRow.id == run_id)
            .values(state=state.value, outcome=outcome, finished_at=now)
        )


def interrupt(run_ids: Sequence[UUID], now: datetime) -> int:
    """End those of these runs that are at work as interrupted; returns how many there were."""
    return _interrupt(JobRunRow.id.in_(run_ids), now)


def interrupt_started_by(started_by: str, started_before: datetime, now: datetime) -> int:
    """End the runs at work that one starter began by then as interrupted; returns how many there were."""
    return _interrupt((JobRunRow.started_by == started_by) & (JobRunRow.started_at <= started_before), now)


def _interrupt(which: ColumnElement[bool], now: datetime) -> int:
    statement = (
        update(JobRunRow)
        .where(JobRunRow.state == JobState.RUNNING.value, which)
        .values(state=JobState.FAILED.value, outcome=INTERRUPTED, finished_at=now)
    )
    with transaction() as connection:
        return connection.execute(statement).rowcount


# The end of a run that is at work is not known, and a command that a person stopped tells nothing of its job: what
# stood before them stands.
_TELLS = f"state <> 'running' AND NOT (started_by = '{COMMAND}' AND outcome = '{INTERRUPTED}')"

# A step for each job through the index: DISTINCT ON would read every run of a busy job.
_OF_EACH_JOB = """
    WITH RECURSIVE job(name) AS (
        (SELECT job FROM job_run ORDER BY job LIMIT 1)
        UNION ALL
        SELECT (SELECT run.job FROM job_run run WHERE run.job > job.name ORDER BY run.job LIMIT 1)
        FROM job WHERE job.name IS NOT NULL
    )
    SELECT run.* FROM job, LATERAL (
        SELECT * FROM job_run WHERE job_run.job = job.name AND {condition} ORDER BY started_at DESC, id LIMIT 1
    ) run WHERE job.name IS NOT NULL ORDER BY run.job
"""
_LAST_RUNS = text(_OF_EACH_JOB.format(condition="true"))
_LAST_ENDS = text(_OF_EACH_JOB.format(condition=_TELLS))


def last_runs() -> list[JobRun]:
    """The newest run of each job."""
    with read() as connection:
        return [_to_run(row) for row in connection.execute(_LAST_RUNS).mappings()]


def has_run_before(before: datetime) -> bool:
    """Whether any job has a run on record that began before an instant."""
    statement = text("SELECT EXISTS (SELECT 1 FROM job_run WHERE started_at < :before)")
    with read() as connection:
        return bool(connection.scalar(statement, {"before": before}))


def last_ends() -> list[JobRun]:
    """The newest run of each job that tells how the job stands."""
    with read() as connection:
        return [_to_run(row) for row in connection.execute(_LAST_ENDS).mappings()]


def runs(job: str, limit: int, offset: int = 0) -> list[JobRun]:
    """The newest runs of one job, after ``offset`` newer ones."""
    statement = text(
        "SELECT * FROM job_run WHERE job = :job ORDER BY started_at DESC, id LIMIT :limit OFFSET :offset"
    )
    given = {"job": job, "limit": limit, "offset": offset}
    with read() as connection:
        return [_to_run(row) for row in connection.execute(statement, given).mappings()]


def last_end(job: str) -> JobRun | None:
    """The newest run of a job that tells how the job stands."""
    statement = text(
        f"SELECT * FROM job_run WHERE job = :job AND {_TELLS} ORDER BY started_at DESC, id LIMIT 1"  # noqa: S608 - our own words
    )
    with read() as connection:
        row = connection.execute(statement, {"job": job}).mappings().one_or_none()
    return None if row is None else _to_run(row)


def count_runs(job: str, at_most: int) -> int:
    """The number of a job's runs, counted no further than ``at_most``."""
    statement = text("SELECT count(*) FROM (SELECT 1 FROM job_run WHERE job = :job LIMIT :limit) run")
    with read() as connection:
        return int(connection.scalar(statement, {"job": job, "limit": at_most}) or 0)


def runs_by_id(run_ids: Sequence[UUID]) -> list[JobRun]:
    """Runs by their ids, without those that are forgotten."""
    statement = text("SELECT * FROM job_run WHERE id = ANY(:ids)")
    with read() as connection:
        return [_to_run(row) for row in connection.execute(statement, {"ids": list(run_ids)}).mappings()]


def delete_older(before: datetime) -> int:
    """Forget runs that ended long ago."""
    statement = text("DELETE FROM job_run WHERE finished_at < :before")
    with transaction() as connection:
        return connection.execute(statement, {"before": before}).rowcount


def _to_run(row: RowMapping) -> JobRun:
    return JobRun(**{**row, "state": JobState(row["state"])})
