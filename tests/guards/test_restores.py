"""A restore knows every table: a new one says whether its rows go back to the backup or are carried over."""

from importlib import import_module

from backend.backups.carried_tables import CARRIED, RESTORED
from backend.db.base import Base
from tests.guards.rules import ROOT


def test_every_table_says_what_a_restore_does_with_it() -> None:
    for path in (ROOT / "backend").glob("*/models.py"):
        import_module(f"backend.{path.parent.name}.models")
    carried = [each.table for each in CARRIED]

    assert {*RESTORED, *carried} == {*Base.metadata.tables, "alembic_version"}
    assert len(carried) == len(set(carried) - RESTORED)
