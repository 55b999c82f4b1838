"""SQL of runs, their steps and their locks."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from backend.db.engine import read, transaction
from backend.runbooks.models import RunbookLockRow, RunbookRunRow, RunbookStepRow
from backend.runbooks.stored_repository import to_run, to_step
from backend.runbooks.types import (
    LOCKING,
    LockHolder,
    NewRun,
    RunbookRun,
    RunbookRuns,
    RunId,
    RunSearch,
    RunsStanding,
    RunStage,
    RunStep,
    StepPlan,
    StepState,
)

R = RunbookRunRow
_FAILED = (RunStage.FAILED, RunStage.LOST)
_OPEN = (RunStage.PLANNING, RunStage.RUNNING, RunStage.CANCELLING)


def now() -> datetime:
    """The present instant by the database's clock: those of the web, of the launcher and of the runners may differ."""
    with read() as connection:
        found: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return found


def insert_run(values: dict[str, Any]) -> bool:
    """Store a run; False when its request key, or its action's scheduled time, is known already."""
    statement = insert(R).values(values).on_conflict_do_nothing().returning(R.id)
    with transaction() as connection:
        return connection.scalar(statement) is not None


def insert_steps(run_id: RunId, steps: Sequence[StepPlan]) -> None:
    """Store the steps that a run will take."""
    rows = [
        {
            "run_id": run_id,
            "position": position,
            "name": step.name,
            "is_cancellable": step.is_cancellable,
            "is_repeatable": step.is_repeatable,
            "state": StepState.WAITING,
        }
        for position, step in enumerate(steps)
    ]
    with transaction() as connection:
        connection.execute(insert(RunbookStepRow), rows)


def run(run_id: RunId, *, locks: bool = False) -> RunbookRun | None:
    """A run; with ``locks`` nobody else changes it until the open transaction ends."""
    statement = select(R.__table__).where(R.id == run_id)
    with transaction() if locks else read() as connection:
        row = connection.execute(statement.with_for_update() if locks else statement).mappings().one_or_none()
    return None if row is None else to_run(row)


def run_asked_as(asked: NewRun) -> RunbookRun | None:
    """The run of a request key, or of an action's scheduled time."""
    is_same = R.request_key == asked.request_key
    if asked.scheduled_at is not None:
        is_same = or_(is_same, and_(R.action == asked.action, R.scheduled_at == asked.scheduled_at))
    with read() as connection:
        row = connection.execute(select(R.__table__).where(is_same)).mappings().first()
    return None if row is None else to_run(row)


def change(run_id: RunId, **values: Any) -> None:  # noqa: ANN401 - values of columns
    """Change a run that the open transaction has locked."""
    with transaction() as connection:
        connection.execute(update(R).where(R.id == run_id).values(**values))


def change_of_launch(run_id: RunId, launch: int, **values: Any) -> bool:  # noqa: ANN401 - values of columns
    """Change a run that goes on, for its newest process only; False when that is another, or the run has ended."""
    statement = (
        update(R)
        .where(R.id == run_id, R.launch == launch, R.state.in_(_OPEN))
        .values(**values)
        .returning(R.id)
    )
    with transaction() as connection:
        return connection.scalar(statement) is not None


def steps(run_id: RunId) -> tuple[RunStep, ...]:
    """The steps of a run in their order."""
    statement = (
        select(RunbookStepRow.__table__)
        .where(RunbookStepRow.run_id == run_id)
        .order_by(RunbookStepRow.position)
    )
    with read() as connection:
        return tuple(map(to_step, connection.execute(statement).mappings()))


def change_step(run_id: RunId, position: int, **values: Any) -> None:  # noqa: ANN401 - values of columns
    """Change a step."""
    statement = (
        update(RunbookStepRow)
        .where(RunbookStepRow.run_id == run_id, RunbookStepRow.position == position)
        .values(**values)
    )
    with transaction() as connection:
        connection.execute(statement)


def fail_running_steps(run_id: RunId, now: datetime) -> None:
    """End the step that was under way as failed."""
    statement = (
        update(RunbookStepRow)
        .where(RunbookStepRow.run_id == run_id, RunbookStepRow.state == StepState.RUNNING)
        .values(state=StepState.FAILED, ended_at=now)
    )
    with transaction() as connection:
        connection.execute(statement)


def take_locks(run_id: RunId, targets: Collection[str], now: datetime) -> bool:
    """Take all these targets, or none of them; False when another run holds one."""
    if not targets:
        return True
    rows = [{"target": target, "run_id": run_id, "taken_at": now} for target in sorted(targets)]
    statement = insert(RunbookLockRow).on_conflict_do_nothing().returning(RunbookLockRow.target)
    with transaction() as connection:
        taken = connection.scalars(statement, rows).all()
        if len(taken) == len(rows):
            return True
        connection.execute(delete(RunbookLockRow).where(RunbookLockRow.run_id == run_id))
        return False


def release_locks(run_id: RunId) -> None:
    """Give back every target of a run."""
    with transaction() as connection:
        connection.execute(delete(RunbookLockRow).where(RunbookLockRow.run_id == run_id))


def holders(targets: Collection[str]) -> list[LockHolder]:
    """The runs that hold some of these targets."""
    statement = (
        select(RunbookLockRow.target, R.id, R.action, R.requester, RunbookLockRow.taken_at)
        .join(R, R.id == RunbookLockRow.run_id)
        .where(RunbookLockRow.target.in_(targets))
        .order_by(RunbookLockRow.target)
    )
    with read() as connection:
        return [
            LockHolder(
                target=row.target,
                run_id=RunId(row.id),
                action=row.action,
                requester=row.requester,
                taken_at=row.taken_at,
            )
            for row in connection.execute(statement)
        ]


def runs_in(states: Iterable[RunStage], limit: int) -> list[RunbookRun]:
    """Runs in some states, the oldest first."""
    statement = select(R.__table__).where(R.state.in_(tuple(states))).order_by(R.requested_at).limit(limit)
    with read() as connection:
        return list(map(to_run, connection.execute(statement).mappings()))


def scheduled_since(action: str, since: datetime) -> list[RunbookRun]:
    """The runs of an action for moments since an instant, the oldest first."""
    statement = (
        select(R.__table__).where(R.action == action, R.scheduled_at >= since).order_by(R.requested_at, R.id)
    )
    with read() as connection:
        return list(map(to_run, connection.execute(statement).mappings()))


def search(wanted: RunSearch, *, offset: int, limit: int, most: int) -> RunbookRuns:
    """A page of the runs that fit, the newest first; they are counted up to ``most``."""
    fits = _fits(wanted)
    ids = select(R.id).where(*fits).limit(most).subquery()
    statement = (
        select(R.__table__).where(*fits).order_by(R.requested_at.desc(), R.id).offset(offset).limit(limit)
    )
    with read() as connection:
        total = connection.scalar(select(func.count()).select_from(ids)) or 0
        rows = tuple(map(to_run, connection.execute(statement).mappings()))
    return RunbookRuns(rows=rows, total=total)


def _fits(wanted: RunSearch) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.action:
        fits.append(R.action == wanted.action)
    if wanted.requester:
        fits.append(R.requester == wanted.requester)
    if wanted.target:
        fits.append(R.targets.contains([wanted.target]))
    if wanted.state:
        fits.append(R.state == wanted.state)
    if wanted.alert:
        fits.append(R.origin["alert"].astext == wanted.alert)
    return fits


def ids_of(actions: Collection[str]) -> list[RunId]:
    """The numbers of the runs of some actions."""
    with read() as connection:
        return list(map(RunId, connection.scalars(select(R.id).where(R.action.in_(tuple(actions))))))


def last_ended(action: str, limit: int) -> list[RunbookRun]:
    """The newest runs of an action that succeeded."""
    statement = (
        select(R.__table__)
        .where(R.action == action, R.state == RunStage.SUCCEEDED)
        .order_by(R.requested_at.desc())
        .limit(limit)
    )
    with read() as connection:
        return list(map(to_run, connection.execute(statement).mappings()))


def last_ended_at(action: str, targets: Sequence[str]) -> datetime | None:
    """The moment of an action's last success on the same targets."""
    statement = select(func.max(R.ended_at)).where(
        R.action == action, R.state == RunStage.SUCCEEDED, R.targets == list(targets)
    )
    with read() as connection:
        found: datetime | None = connection.scalar(statement)
    return found


def successors(run: RunbookRun, actions: Collection[str]) -> list[RunbookRun]:
    """The successful runs of some actions after a run, on a target of it, that stand; and what has undone it."""
    undo = aliased(RunbookRunRow)
    is_undone = exists().where(undo.undo_of == R.id, undo.state == RunStage.SUCCEEDED)
    statement = select(R.__table__).where(
        R.state == RunStage.SUCCEEDED,
        R.ended_at > run.ended_at,
        R.action.in_(tuple(actions)),
        R.targets.overlap(list(run.targets)),
        or_(R.undo_of == run.id, and_(R.undo_of.is_(None), ~is_undone)),
    )
    with read() as connection:
        return list(map(to_run, connection.execute(statement.order_by(R.ended_at.desc())).mappings()))


def standing(failed_since: datetime) -> RunsStanding:
    """Count the runs at work, those that wait for an approver, and those that failed since an instant."""
    is_waiting = R.state == RunStage.WAITING
    has_failed = and_(R.state.in_(_FAILED), R.ended_at >= failed_since)
    statement = select(
        func.count().filter(R.state.in_(LOCKING)),
        func.count().filter(is_waiting),
        func.count().filter(has_failed),
        func.min(R.confirmed_at).filter(is_waiting),
    ).where(or_(R.state.in_((*LOCKING, RunStage.WAITING)), has_failed))
    with read() as connection:
        at_work, waiting, failed, oldest = connection.execute(statement).one()
    return RunsStanding(at_work=at_work, waiting=waiting, failed=failed, oldest_waiting_at=oldest)


def undo_runs(run_id: RunId) -> list[RunbookRun]:
    """The runs that are to undo a run, the newest first."""
    statement = select(R.__table__).where(R.undo_of == run_id).order_by(R.requested_at.desc())
    with read() as connection:
        return list(map(to_run, connection.execute(statement).mappings()))


def delete_old(before: datetime, limit: int) -> int:
    """Forget runs that ended before an instant and whose undo is forgotten, too; returns how many."""
    later = (
        select(R.undo_of)
        .where(R.undo_of.is_not(None))
        .union(select(R.repeat_of).where(R.repeat_of.is_not(None)))
    )
    old = select(R.id).where(R.ended_at < before, R.id.not_in(later)).limit(limit)
    with transaction() as connection:
        return len(connection.scalars(delete(R).where(R.id.in_(old)).returning(R.id)).all())
