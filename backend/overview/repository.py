"""SQL of the overview: whether the database answers."""

from sqlalchemy import text

from backend.db.engine import read


def ask() -> None:
    """Ask the database for nothing. Raises Unavailable when it does not answer."""
    with read() as connection:
        connection.execute(text("SELECT 1"))
