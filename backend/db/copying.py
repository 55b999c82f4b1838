"""Many rows at once by COPY: about ten times faster than INSERT with parameters."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from psycopg import Connection as PsycopgConnection
from psycopg.abc import AdaptContext, Buffer
from psycopg.sql import SQL, Identifier
from psycopg.types.numeric import NumericBinaryDumper
from sqlalchemy import Connection


def copy_rows(
    connection: Connection, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """Append rows to a table inside the open transaction, in PostgreSQL's binary form.

    Args:
        connection: of the open transaction.
        table: its name, one of ours and never a user's.
        columns: name of each column and its PostgreSQL type, in the order of the rows' values.
        rows: the values; a row that breaks a constraint fails the whole transaction.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, PsycopgConnection)
    names = SQL(", ").join(map(Identifier, columns))
    statement = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(Identifier(table), names)
    with driver.cursor() as cursor:
        cursor.adapters.register_dumper(Decimal, _RememberingDumper)
        with cursor.copy(statement) as copy:
            copy.set_types(list(columns.values()))
            for row in rows:
                copy.write_row(row)


class _RememberingDumper(NumericBinaryDumper):
    """Dumper that caches the binary form of each number: tens of thousands of rows share a few rates and prices."""

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self._known: dict[Decimal | int, Buffer | None] = {}

    def dump(self, obj: Decimal | int) -> Buffer | None:
        try:
            return self._known[obj]
        except KeyError:
            return self._known.setdefault(obj, super().dump(obj))
