"""Many rows at once by COPY: about ten times faster than INSERT with parameters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection as PsycopgConnection
from psycopg.sql import SQL, Identifier
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
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)
