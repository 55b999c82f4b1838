"""SQL of runs' logs."""

from collections.abc import Sequence

from sqlalchemy import func, select, text

from backend.db.engine import read, transaction
from backend.runbooks.models import RunbookLogRow, RunbookRunRow
from backend.runbooks.stored_repository import to_line
from backend.runbooks.types import RunId, RunLine

# Arrays instead of a list of rows: a thousand lines are one short statement.
_APPEND = text(
    "INSERT INTO runbook_log (run_id, number, at, step, kind, text)"
    " SELECT :run_id, * FROM unnest(CAST(:numbers AS integer[]), CAST(:ats AS timestamptz[]),"
    " CAST(:steps AS text[]), CAST(:kinds AS text[]), CAST(:texts AS text[]))"
    " ON CONFLICT DO NOTHING"
)


def is_written_by(run_id: RunId, launch: int) -> bool:
    """Whether a run's newest process is this one; no other begins before the open transaction ends."""
    mine = select(RunbookRunRow.id).where(RunbookRunRow.id == run_id, RunbookRunRow.launch == launch)
    with transaction() as connection:
        return connection.scalar(mine.with_for_update(read=True, key_share=True)) is not None


def append(run_id: RunId, lines: Sequence[RunLine]) -> None:
    """Store lines; a number that is known stays as it is, so that storing again after a lost answer changes nothing."""
    values = {
        "run_id": run_id,
        "numbers": [line.number for line in lines],
        "ats": [line.at for line in lines],
        "steps": [line.step for line in lines],
        "kinds": [line.kind.value for line in lines],
        "texts": [line.text for line in lines],
    }
    with transaction() as connection:
        connection.execute(_APPEND, values)


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
