"""SQL of schedulers: who leads, and what starts when."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from backend.db.engine import read, transaction
from backend.job_runs.models import ScheduledJobRow, SchedulerProcessRow
from backend.job_runs.types import Schedule, ScheduledJob, SchedulerProcess


def store_process(process: SchedulerProcess) -> None:
    """Store that a process is alive, and whether it leads."""
    columns = {name: getattr(process, name) for name in SchedulerProcess.__slots__}
    statement = insert(SchedulerProcessRow).values(columns)
    changed = {"is_leader": statement.excluded.is_leader, "seen_at": statement.excluded.seen_at}
    with transaction() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))


def delete_process(process_id: UUID, seen_before: datetime) -> None:
    """Forget a process that ended, and those that were last seen before an instant."""
    gone = (SchedulerProcessRow.id == process_id) | (SchedulerProcessRow.seen_at < seen_before)
    with transaction() as connection:
        connection.execute(delete(SchedulerProcessRow).where(gone))


def store_schedules(jobs: Sequence[ScheduledJob]) -> None:
    """Store these schedules and forget all others. An unknown last start leaves the stored one."""
    rows = [_row(place, each) for place, each in enumerate(jobs)]
    statement = insert(ScheduledJobRow)
    excluded = statement.excluded
    changed = {
        **{name: excluded[name] for name in ("place", "every_s", "weekday", "hour", "minute", "next_run_at")},
        "fired_at": func.coalesce(excluded.fired_at, ScheduledJobRow.fired_at),
        "duration_s": func.coalesce(excluded.duration_s, ScheduledJobRow.duration_s),
    }
    known = tuple_(ScheduledJobRow.job, ScheduledJobRow.schedule)
    with transaction() as connection:
        connection.execute(
            delete(ScheduledJobRow).where(known.not_in([(row["job"], row["schedule"]) for row in rows]))
        )
        connection.execute(
            statement.on_conflict_do_update(index_elements=["job", "schedule"], set_=changed), rows
        )


def processes() -> list[SchedulerProcess]:
    """Every process that told of itself and was not forgotten, the oldest first."""
    statement = select(SchedulerProcessRow.__table__).order_by(SchedulerProcessRow.started_at)
    with read() as connection:
        return [SchedulerProcess(**row) for row in connection.execute(statement).mappings()]


def scheduled_jobs() -> list[ScheduledJob]:
    """Every schedule as it was last published, in the order of the registry."""
    statement = select(ScheduledJobRow.__table__).order_by(ScheduledJobRow.place)
    with read() as connection:
        return [
            ScheduledJob(
                schedule=Schedule(
                    job=row.job,
                    name=row.schedule,
                    every_s=row.every_s,
                    weekday=row.weekday,
                    hour=row.hour,
                    minute=row.minute,
                ),
                next_run_at=row.next_run_at,
                fired_at=row.fired_at,
                duration_s=row.duration_s,
            )
            for row in connection.execute(statement)
        ]


def _row(place: int, each: ScheduledJob) -> dict[str, object]:
    schedule = each.schedule
    return {
        "job": schedule.job,
        "schedule": schedule.name,
        "place": place,
        "every_s": schedule.every_s,
        "weekday": schedule.weekday,
        "hour": schedule.hour,
        "minute": schedule.minute,
        "next_run_at": each.next_run_at,
        "fired_at": each.fired_at,
        "duration_s": each.duration_s,
    }
