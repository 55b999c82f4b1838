"""Renames what was called a life to process incarnation: a table, its index, columns and constraints.

Renaming is safe in place only because no version has been released yet. After the first release an older version may
run beside the new schema; a renaming then takes two releases: first a new column, later the drop of the old one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLE = ("measured_life", "measured_incarnation")
INDEX = ("ix_measured_life_instance_day", "ix_measured_incarnation_instance_day")
START = ("life_start", "incarnation_start")
COUNT = ("lives", "incarnations")
STARTED = ("measured_incarnation", "meter_reading", "meter_fall", "usage_scan_finding")

# Since version 18 PostgreSQL names the constraints of NOT NULL, too. Those of partitions follow their table's.
CONSTRAINTS = """
SELECT format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', conrelid::regclass, conname, replace(conname, :old, :new))
FROM pg_constraint
WHERE conrelid = ANY(CAST(:tables AS regclass[])) AND coninhcount = 0 AND strpos(conname, :old) > 0
"""


def upgrade() -> None:
    op.rename_table(*TABLE)
    _rename_index(*INDEX)
    for table in STARTED:
        op.alter_column(table, START[0], new_column_name=START[1])
    op.alter_column("measured_day", COUNT[0], new_column_name=COUNT[1])
    for old, new in (TABLE, START, COUNT):
        _rename_constraints(old, new)


def downgrade() -> None:
    for old, new in (TABLE, START, COUNT):
        _rename_constraints(new, old)
    op.alter_column("measured_day", COUNT[1], new_column_name=COUNT[0])
    for table in STARTED:
        op.alter_column(table, START[1], new_column_name=START[0])
    _rename_index(*reversed(INDEX))
    op.rename_table(*reversed(TABLE))


def _rename_index(old: str, new: str) -> None:
    op.execute(sa.text(f"ALTER INDEX {old} RENAME TO {new}"))


def _rename_constraints(old: str, new: str) -> None:
    given = {"old": old, "new": new, "tables": [*STARTED, "measured_day"]}
    connection = op.get_bind()
    for statement in connection.scalars(sa.text(CONSTRAINTS), given).all():
        connection.execute(sa.text(statement))
