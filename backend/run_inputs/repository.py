"""SQL of secrets that people gave to runs: their names."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from backend.db.engine import read, transaction
from backend.run_inputs.models import RunInputRow


def insert_name(name: str, given_by: UUID, now: datetime) -> None:
    """Store that a Secret of this name is about to be made."""
    with transaction() as connection:
        connection.execute(insert(RunInputRow).values(name=name, given_by=given_by, given_at=now))


def giver_of(name: str) -> UUID | None:
    """The person who gave a secret; None when it is gone or never was."""
    with read() as connection:
        return connection.scalar(select(RunInputRow.given_by).where(RunInputRow.name == name))


def names_before(moment: datetime) -> list[str]:
    """The names of the secrets that were given before a moment."""
    statement = select(RunInputRow.name).where(RunInputRow.given_at < moment).order_by(RunInputRow.given_at)
    with read() as connection:
        return list(connection.scalars(statement))


def delete_name(name: str) -> None:
    """Forget a name. Idempotent."""
    with transaction() as connection:
        connection.execute(delete(RunInputRow).where(RunInputRow.name == name))
