"""SQL of runs' logs."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from backend.db.engine import read, transaction
from backend.runbooks.models import RunbookLogRow
from backend.runbooks.stored_repository import to_line
from backend.runbooks.types import RunId, RunLine


def append(run_id: RunId, lines: Sequence[RunLine]) -> None:
    """Store lines; a number that is known stays as it is, so that storing again after a lost answer changes nothing."""
    rows = [
        {
            "run_id": run_id,
            "number": line.number,
            "at": line.at,
            "step": line.step,
            "kind": line.kind,
            "text": line.text,
        }
        for line in lines
    ]
    with transaction() as connection:
        connection.execute(insert(RunbookLogRow).on_conflict_do_nothing(), rows)


def last_number(run_id: RunId) -> int:
    """The number of a log's last line; 0 for an empty one."""
    statement = select(func.max(RunbookLogRow.number)).where(RunbookLogRow.run_id == run_id)
    with read() as connection:
        return connection.scalar(statement) or 0


def lines_after(run_id: RunId, number: int, limit: int) -> list[RunLine]:
    """The lines that follow a number, in their order."""
    statement = (
        select(RunbookLogRow.__table__)
        .where(RunbookLogRow.run_id == run_id, RunbookLogRow.number > number)
        .order_by(RunbookLogRow.number)
        .limit(limit)
    )
    with read() as connection:
        return list(map(to_line, connection.execute(statement).mappings()))
