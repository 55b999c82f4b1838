"""What the database holds, to compare before and after."""

from sqlalchemy import Connection, text

from backend.db.engine import read

WRITTEN = (
    "billing_meter",
    "billing_run",
    "daily_usage",
    "invoice_line",
    "invoice_number",
    "job_run",
    "measured_day",
    "measured_incarnation",
    "meter_reading",
    "outbox_mail",
    "tenant_invoice",
)


def all_rows() -> dict[str, list[str]]:
    """Every row that billing could write, as text with its version."""
    with read() as connection:
        return {table: _rows(connection, table) for table in WRITTEN}


def counts() -> dict[str, int]:
    """How many rows each table holds."""
    return {table: len(rows) for table, rows in all_rows().items()}


def _rows(connection: Connection, table: str) -> list[str]:
    statement = text(f"SELECT xmin::text || ' ' || t::text FROM {table} t ORDER BY 1")
    return list(connection.scalars(statement))
