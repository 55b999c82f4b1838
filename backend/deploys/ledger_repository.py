"""SQL of the ledger of deployments."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from backend.db.engine import read, transaction
from backend.deploys.ledger_types import (
    DeployFilter,
    DeployPage,
    DeployRecord,
    DeployResult,
    NewDeploy,
    RolloutTrace,
    SmokeTest,
)
from backend.deploys.models import DeployRow

_TOLD = tuple(NewDeploy.__dataclass_fields__)
_COLUMNS = DeployRow.__table__.columns
_NEWEST_FIRST = (DeployRow.started_at.desc(), DeployRow.id)


def insert_new(deploy_id: UUID, new: NewDeploy, now: datetime) -> DeployRecord | None:
    """Store a deployment; None when one with its key is there already. Waits for another that stores the same key."""
    statement = (
        insert(DeployRow)
        .values(id=deploy_id, received_at=now, changed_at=now, **_row(new))
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(*_COLUMNS)
    )
    with transaction() as connection:
        row = connection.execute(statement).mappings().one_or_none()
    return _to_record(row) if row else None


def locked(key: str) -> DeployRecord:
    """The deployment with a key, which nobody else changes until the transaction ends."""
    statement = select(*_COLUMNS).where(DeployRow.key == key).with_for_update()
    with transaction() as connection:
        return _to_record(connection.execute(statement).mappings().one())


def store(deploy_id: UUID, told: NewDeploy, now: datetime) -> DeployRecord:
    """Replace what is known of a deployment."""
    statement = (
        update(DeployRow)
        .where(DeployRow.id == deploy_id)
        .values(changed_at=now, **_row(told))
        .returning(*_COLUMNS)
    )
    with transaction() as connection:
        return _to_record(connection.execute(statement).mappings().one())


def page(narrowed: DeployFilter, limit: int, offset: int) -> DeployPage:
    """A page of the deployments, the newest start first."""
    where = _conditions(narrowed)
    rows = _records(select(*_COLUMNS).where(*where).order_by(*_NEWEST_FIRST).limit(limit).offset(offset))
    with read() as connection:
        total = connection.scalar(select(func.count()).select_from(DeployRow).where(*where))
    return DeployPage(rows=rows, total=int(total or 0))


def between(start: datetime, end: datetime, *, longest: timedelta) -> list[DeployRecord]:
    """The deployments that were under way at any time in ``[start, end)``, the newest start first.

    One whose end nobody told is under way for ``longest``.
    """
    is_running = DeployRow.finished_at.is_(None) & (DeployRow.started_at >= start - longest)
    was_under_way = (DeployRow.finished_at >= start) | is_running
    where = (DeployRow.started_at < end, was_under_way)
    return _records(select(*_COLUMNS).where(*where).order_by(*_NEWEST_FIRST))


def of_workload(namespace: str, workload: str, limit: int) -> list[DeployRecord]:
    """The deployments that name a workload, the newest start first."""
    is_named = DeployRow.workloads.contains([workload])
    is_there = DeployRow.namespace.in_(("", namespace))
    return _records(select(*_COLUMNS).where(is_named, is_there).order_by(*_NEWEST_FIRST).limit(limit))


def near(rollouts: Sequence[RolloutTrace], *, before: timedelta, after: timedelta) -> list[DeployRecord]:
    """The deployments that name a rollout's workload and started around its beginning."""
    statement = text(
        "SELECT DISTINCT d.* FROM unnest(CAST(:names AS text[]), CAST(:begins AS timestamptz[])) AS r (name, began_at)"
        " JOIN deploy_record d ON d.started_at BETWEEN r.began_at - :before AND r.began_at + :after"
        " AND r.name = ANY (d.workloads)"
    )
    known = {
        "names": [rollout.workload for rollout in rollouts],
        "begins": [rollout.began_at for rollout in rollouts],
        "before": before,
        "after": after,
    }
    with read() as connection:
        return [_to_record(row) for row in connection.execute(statement, known).mappings()]


def ended_between(start: datetime, end: datetime, service: str, environment: str) -> list[DeployRecord]:
    """The deployments of an environment that ended in ``[start, end)``; of one service where one is named."""
    where = _conditions(DeployFilter(service=service, environment=environment))
    return _records(
        select(*_COLUMNS).where(*where, DeployRow.finished_at >= start, DeployRow.finished_at < end)
    )


def first_start(service: str, environment: str) -> datetime | None:
    """Start of the first deployment of an environment; of one service where one is named."""
    where = _conditions(DeployFilter(service=service, environment=environment))
    with read() as connection:
        return connection.scalar(select(func.min(DeployRow.started_at)).where(*where))


def services(limit: int) -> list[str]:
    """The services of the ledger, those that were deployed last first."""
    last = func.max(DeployRow.started_at)
    statement = select(DeployRow.service).group_by(DeployRow.service).order_by(last.desc()).limit(limit)
    with read() as connection:
        return list(connection.scalars(statement))


def _conditions(narrowed: DeployFilter) -> Sequence[Any]:
    given = {
        DeployRow.service: narrowed.service,
        DeployRow.author: narrowed.author,
        DeployRow.environment: narrowed.environment,
        DeployRow.result: narrowed.result.value if narrowed.result else "",
        DeployRow.id: narrowed.deploy_id,
    }
    return [column == wanted for column, wanted in given.items() if wanted]


def _records(statement: Select[Any]) -> list[DeployRecord]:
    with read() as connection:
        return [_to_record(row) for row in connection.execute(statement).mappings()]


def _row(told: NewDeploy) -> dict[str, Any]:
    row = {name: getattr(told, name) for name in _TOLD}
    smoke_test = told.smoke_test.value if told.smoke_test else None
    return row | {"workloads": list(told.workloads), "result": told.result.value, "smoke_test": smoke_test}


def _to_record(row: RowMapping) -> DeployRecord:
    told = {name: row[name] for name in _TOLD} | {
        "workloads": tuple(row["workloads"]),
        "result": DeployResult(row["result"]),
        "smoke_test": SmokeTest(row["smoke_test"]) if row["smoke_test"] else None,
    }
    return DeployRecord(
        id=row["id"], told=NewDeploy(**told), received_at=row["received_at"], changed_at=row["changed_at"]
    )
