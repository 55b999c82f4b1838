"""What each scrape of the metrics asks of billing costs the same however much was ever billed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from backend.actor import Actor, Role
from backend.db.engine import engine, read, transaction
from backend.invoices import service as invoices
from backend.invoices.report_repository import LEFT_OVER
from tests import factories
from tests.integration.invoices.conftest import last_closed_day

OPERATOR = factories.actor(Role.OPERATOR)
NIGHT = Actor.process_named("metrics")
TENANTS, DAYS = 1000, 60
# Each day was measured as soon as it had ended, all tenants being known since before the first day.
HISTORY = (
    "UPDATE tenant SET created_at = CAST(:first AS date)",
    """
    INSERT INTO measured_day
    SELECT day, day - interval '210 min', day + interval '1230 min', day + interval '1230 min', 1, 1
    FROM generate_series(CAST(:first AS date), :last, '1 day') AS day
    """,
    """
    INSERT INTO daily_usage
    SELECT m.day, t.label, model, 'prompt', 10, 1, 0, false, '{}'
    FROM measured_day m, tenant t, unnest(ARRAY['gpt-4o', 'gpt-small']) AS model
    """,
    """
    INSERT INTO tenant_invoice (id, tenant_id, day, number, tokens, net_rial, tax_percent, tax_rial, amount_rial,
                                status, held_reasons, coverage, price_version, window_start, window_end, timezone,
                                tzdata_version, created_at)
    SELECT gen_random_uuid(), t.id, m.day, m.day || t.label, 20, 4, 0, 0, 4, 'pending', '{}', 1, 1, m.window_start,
           m.window_end, 'Asia/Tehran', '2026', m.measured_at
    FROM measured_day m, tenant t
    """,
)


@pytest.fixture
def last(database: str) -> date:
    """The last of some weeks in which everybody used something every day, and was billed."""
    last = last_closed_day()
    first = last - timedelta(days=DAYS - 1)
    factories.many_tenants([f"tenant-{number:05d}" for number in range(TENANTS)])
    with transaction() as connection:
        for statement in HISTORY:
            used = {
                name: value
                for name, value in {"first": first, "last": last}.items()
                if f":{name}" in statement
            }
            connection.execute(text(statement), used)
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return last


@contextmanager
def statements() -> Iterator[list[tuple[str, int]]]:
    """Every statement, with how many rows it gave."""
    seen: list[tuple[str, int]] = []

    def note(_conn: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append((statement, cursor.rowcount))

    event.listen(engine(), "after_cursor_execute", note)
    yield seen
    event.remove(engine(), "after_cursor_execute", note)


def pages_touched(statement: str, **params: object) -> int:
    with read() as connection:
        told = connection.scalar(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"), params)
    plan = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def pages_of(table: str) -> int:
    with read() as connection:
        return int(connection.scalar(text(f"SELECT relpages FROM pg_class WHERE relname = '{table}'")) or 0)


def test_health_reads_no_list_of_tenants_and_none_of_their_usage(last: date) -> None:
    with statements() as asked:
        health = invoices.health(NIGHT)

    assert (health.open_days, health.overdue_days, health.held) == ([], [], 0)
    selects = [(statement, rows) for statement, rows in asked if not statement.startswith("SET")]
    assert len(selects) <= 11
    assert max(rows for _, rows in selects) <= DAYS
    touched = pages_touched(LEFT_OVER, first=last - timedelta(days=400), last=last)
    assert pages_of("daily_usage") > 1000
    assert touched < 100


def test_a_tenant_that_came_later_opens_the_days_that_it_reaches_back(last: date) -> None:
    factories.tenant("late", billed_from=last - timedelta(days=20))
    with transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO daily_usage SELECT day, 'late', 'm', 'prompt', 5, 1, 0, false, '{}' FROM measured_day"
            )
        )

    health = invoices.health(OPERATOR)

    assert health.open_days == [last - timedelta(days=back) for back in range(9, -1, -1)]
    assert health.overdue_days == [last - timedelta(days=back) for back in range(20, 9, -1)]
