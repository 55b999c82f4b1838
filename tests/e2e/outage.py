"""What the tests of dead dependencies need: a part that is away for a while, a log to read, a day to bill again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Locator, expect

from backend.i18n.catalog import text
from backend.sandbox.stack import Stack
from tests.e2e.conftest import Visit, asked
from tests.live_logs import entries

# What no reader may ever see, whatever breaks.
TRACES = (
    "Traceback",
    "psycopg",
    "sqlalchemy",
    "httpx",
    "requests.",
    "Error:",
    "Exception",
    "127.0.0.1",
    ".py",
)


@contextmanager
def without(stack: Stack, name: str) -> Iterator[None]:
    """A part of the stack is away inside the block and there again after it."""
    stack.stop(name)
    try:
        yield
    finally:
        stack.start(name)


def alert(visit: Visit, key: str) -> Locator:
    """The alert with a sentence of the catalogue, in the visit's language."""
    return visit.page.get_by_role("alert").filter(has_text=visit.t(key)).first


def says(visit: Visit, key: str) -> None:
    """The page says a sentence plainly, and nothing that only programmers read."""
    expect(alert(visit, key)).to_be_visible()
    seen = visit.page.locator("body").inner_text()
    assert [trace for trace in TRACES if trace in seen] == []


class Log:
    """What a process has written since now."""

    def __init__(self, stack: Stack, name: str, *, is_whole: bool = False) -> None:
        """Remember how long the log is; a whole one is read from its beginning."""
        self._path: Path = stack.log_path(name)
        self._before = 0 if is_whole or not self._path.exists() else self._path.stat().st_size

    def text(self) -> str:
        """Everything new."""
        return self._written().decode(errors="replace")

    def _written(self) -> bytes:
        with self._path.open("rb") as file:
            file.seek(self._before)
            return file.read()

    def events(self) -> list[dict[str, Any]]:
        """The new entries."""
        return entries(self._written())

    def has(self, event: str, **fields: object) -> bool:
        """Whether an event was written with these fields."""
        return any(
            entry["event"] == event and all(entry.get(name) == value for name, value in fields.items())
            for entry in self.events()
        )

    def says(self, event: str, key: str) -> bool:
        """Whether an event was written with a sentence of the catalogue."""
        return self.has(event, meaning=text(key, "en"))


def is_leading(stack: Stack) -> bool:
    """Whether the scheduler's last word is that it leads."""
    told = [entry["event"] for entry in Log(stack, "jobs", is_whole=True).events()]
    return [event for event in told if event.startswith("scheduler.")][-1:] == ["scheduler.leads"]


def newest_billed_day(stack: Stack) -> date:
    """The last day that has invoices."""
    [[day]] = asked(stack, "SELECT max(day) FROM tenant_invoice")
    assert isinstance(day, date)
    return day


def invoices_of(stack: Stack, day: date) -> list[tuple[Any, ...]]:
    """Who was billed for how much on a day."""
    return asked(
        stack,
        "SELECT t.label, i.number IS NULL, i.tokens, i.amount_rial"
        " FROM tenant_invoice i JOIN tenant t ON t.id = i.tenant_id"
        " WHERE day = %s ORDER BY t.label",
        day,
    )


def open_again(stack: Stack, day: date) -> None:
    """Undo the billing of the newest day, as if its night had not come yet. Nobody else may bill meanwhile."""
    with psycopg.connect(stack.database_url) as connection:
        for statement in _UNDO:
            connection.execute(statement.encode(), {"day": day})


_UNDO = (
    """UPDATE billing_meter m SET tokens = m.tokens - l.tokens, billed_rial = m.billed_rial - l.amount_rial
       FROM invoice_line l JOIN tenant_invoice i ON i.id = l.invoice_id
       WHERE i.day = %(day)s AND i.number IS NOT NULL AND m.tenant_id = i.tenant_id AND m.model = l.model
         AND m.type = l.type AND m.price_version = i.price_version""",
    """UPDATE invoice_number n SET last = last - found.count
       FROM (SELECT split_part(number, '-', 1)::int AS year, count(*) AS count, min(number) AS first
             FROM tenant_invoice WHERE day = %(day)s AND number IS NOT NULL GROUP BY 1) AS found
       WHERE n.jalali_year = found.year AND NOT EXISTS (
         SELECT FROM tenant_invoice WHERE day <> %(day)s AND number > found.first)""",
    """DELETE FROM outbox_mail WHERE key IN (
         SELECT 'invoice_issued:' || id FROM tenant_invoice WHERE day = %(day)s)""",
    "DELETE FROM invoice_line WHERE invoice_id IN (SELECT id FROM tenant_invoice WHERE day = %(day)s)",
    "DELETE FROM tenant_invoice WHERE day = %(day)s",
    "DELETE FROM billing_run WHERE day = %(day)s",
    "DELETE FROM meter_reading WHERE day = %(day)s",
    "DELETE FROM daily_usage WHERE day = %(day)s",
    "DELETE FROM measured_day WHERE day = %(day)s",
)
