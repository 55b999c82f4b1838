"""Alembic's environment: migrations run on the connection that is passed in."""

from importlib import import_module
from pathlib import Path

from alembic import context
from sqlalchemy import Connection, text

from backend.db.base import Base


def import_all_models() -> None:
    """Import every feature's tables, so that the metadata is whole."""
    root = Path(__file__).parents[2]
    for path in sorted(root.glob("*/models.py")):
        import_module(f"backend.{path.parent.name}.models")


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out the monthly partitions: they are made when a day is stored, not by a migration."""
    return not (kind == "table" and name is not None and name.startswith("meter_reading_"))


import_all_models()
connection: Connection = context.config.attributes["connection"]
# LOCAL: a pooler would give the server connection, and with it the setting, to whoever comes next.
connection.execute(text("SET LOCAL lock_timeout = '5s'"))
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_name=include_name,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
