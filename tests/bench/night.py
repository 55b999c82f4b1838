"""One contestant of the nightly bench in a process of its own: ``python -m tests.bench.night WHAT DAY ...``."""

import gc
import json
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

import httpx
import orjson
import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from backend.actor import Actor, TenantId
from backend.clients.prometheus_servers import prometheus
from backend.clock import TEHRAN, day_window, tzdata_version, utc_now
from backend.config import settings
from backend.db.engine import dispose, engine
from backend.invoices import service as invoices
from backend.invoices.models import InvoiceLineRow, TenantInvoiceRow
from backend.tenants import service as tenants
from backend.tenants.types import NewTenant
from backend.usage import service as usage
from tests.bench.nightly import label

# As many queries at a time as the nightly run asks.
AT_ONCE = 2
# As many as the nightly run uses at once.
CONNECTIONS = 3
WARM_UP = "vector(1)"
ACTOR = Actor.process_named("bench")
# In the order of their foreign keys; the rows that the nightly run of a day writes and nothing else.
TABLES = {
    "measured_day": "day = %(day)s",
    "measured_incarnation": "day = %(day)s",
    "meter_reading": "day = %(day)s",
    "daily_usage": "day = %(day)s",
    "invoice_number": "true",
    "tenant_invoice": "day = %(day)s",
    "invoice_line": "invoice_id IN (SELECT id FROM tenant_invoice WHERE day = %(day)s)",
    "billing_meter": "true",
    "outbox_mail": "params ->> 'day' = %(day)s::text",
    "billing_run": "day = %(day)s",
}


def nightly(day: date) -> dict[str, Any]:
    """The product's own run, and the same again."""
    _connect()
    began = perf_counter()
    run = invoices.bill_day(ACTOR, day)
    seconds = perf_counter() - began
    assert run is not None
    assert run.error is None, run.error
    memory_mb = _peak_mb()
    written = _rows_written()
    began = perf_counter()
    again = invoices.bill_day(ACTOR, day)
    rerun_seconds = perf_counter() - began
    assert again is None
    return {
        "seconds": seconds,
        "memory_mb": memory_mb,
        "rerun_seconds": rerun_seconds,
        "rerun_rows_written": _rows_written() - written,
        "invoices": run.issued,
        "tokens": run.tokens,
    }


def scan(day: date) -> dict[str, Any]:
    """The scan inside the day, which ends before the nightly run begins."""
    _connect()
    scanned = usage.scan_day(ACTOR, day, is_hurried=True)
    assert not scanned.failed, scanned
    return {"seconds": scanned.duration_s}


def _connect() -> None:
    """Open what a process keeps open: the floor's connections are there before its clock starts, too."""
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            held.enter_context(engine().connect())
    prometheus(settings()).instant(WARM_UP, 0)


def floor(day: date, source_url: str, queries_file: str) -> dict[str, Any]:
    """The same queries, decoded, and a COPY of the same rows."""
    tables = _rows_of(source_url, day)
    # As the nightly run does, and those rows are no part of the floor's own work.
    gc.disable()
    logged = json.loads(Path(queries_file).read_text())
    asked = [each for each in logged if each["query"] != WARM_UP]
    with httpx.Client(base_url=settings().prometheus_url[0], timeout=600) as client:
        client.get("/-/ready")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            query_seconds = _timed(lambda: list(pool.map(lambda each: _ask(client, each), asked)))
    with psycopg.connect(settings().database_url.get_secret_value()) as connection:
        _prepare_partition(connection, source_url)
        copy_seconds = _timed(lambda: _copy_all(connection, tables))
    return {
        "seconds": query_seconds + copy_seconds,
        "query_seconds": query_seconds,
        "copy_seconds": copy_seconds,
    }


def _ask(client: httpx.Client, each: dict[str, str]) -> None:
    answer = client.post("/api/v1/query", data=each)
    assert answer.is_success, answer.text[:300]
    assert orjson.loads(answer.content)["status"] == "success"


def _timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _rows_of(url: str, day: date) -> dict[str, tuple[dict[str, str], list[tuple[Any, ...]]]]:
    found = {}
    with psycopg.connect(url) as connection, connection.cursor(binary=True) as cursor:
        for table, of_the_day in TABLES.items():
            cursor.execute(
                "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
                " AND attidentity = '' ORDER BY attnum",
                [table],
            )
            columns = dict(cursor.fetchall())
            names = SQL(", ").join(map(Identifier, columns))
            query = SQL("SELECT {} FROM {} WHERE ").format(names, Identifier(table)) + SQL(of_the_day)
            cursor.execute(query, {"day": day})
            found[table] = (columns, [_storable(row) for row in cursor.fetchall()])
    return found


def _storable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(psycopg.types.json.Jsonb(cell) if isinstance(cell, dict) else cell for cell in row)


def _prepare_partition(connection: psycopg.Connection, source_url: str) -> None:
    with psycopg.connect(source_url) as source:
        parts = source.execute(
            "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c"
            " JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'meter_reading'::regclass"
        ).fetchall()
    for name, bound in parts:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF meter_reading {bound}")
    connection.commit()


def _copy_all(
    connection: psycopg.Connection, tables: dict[str, tuple[dict[str, str], list[tuple[Any, ...]]]]
) -> None:
    with connection.cursor() as cursor:
        for table, (columns, rows) in tables.items():
            names = SQL(", ").join(map(Identifier, columns))
            statement = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(Identifier(table), names)
            with cursor.copy(statement) as copy:
                copy.set_types(list(columns.values()))
                for row in rows:
                    copy.write_row(row)
    connection.commit()


def usual(day: date, at_most: str) -> dict[str, Any]:
    """One ``increase`` query for each tenant, one commit for each invoice."""
    from prometheus_api_client import PrometheusConnect  # noqa: PLC0415 - it takes a second and only this one needs it

    companies = tenants.all_tenants(ACTOR)[: int(at_most)]
    prometheus = PrometheusConnect(url=settings().prometheus_url[0])
    window = day_window(day)
    engine = create_engine(settings().sqlalchemy_url)
    engine.connect().close()
    began = perf_counter()
    for number, company in enumerate(companies, 1):
        query = f'sum by (model, type) (increase(openai_tokens_total{{tenant="{company.label}"}}[1d]))'
        answer = prometheus.custom_query(query, params={"time": window.end.timestamp()})
        lines = [(each["metric"], round(float(each["value"][1]))) for each in answer]
        with Session(engine) as session:
            invoice, *own_lines = _invoice(company.id, day, number, lines)
            session.add(invoice)
            session.flush()
            session.add_all(own_lines)
            session.commit()
    return {"seconds": perf_counter() - began, "tenants": len(companies)}


def _invoice(
    tenant_id: TenantId, day: date, number: int, lines: list[tuple[dict[str, str], int]]
) -> list[Any]:
    window = day_window(day)
    tokens = sum(count for _, count in lines)
    invoice = TenantInvoiceRow(
        id=uuid4(),
        tenant_id=tenant_id,
        day=day,
        number=f"1404-{number:06d}",
        tokens=tokens,
        net_rial=tokens // 5,
        tax_percent=Decimal(0),
        tax_rial=0,
        amount_rial=tokens // 5,
        status="pending",
        held_reasons=[],
        coverage=Decimal(1),
        price_version=1,
        window_start=window.start,
        window_end=window.end,
        timezone=TEHRAN.key,
        tzdata_version=tzdata_version(),
        created_at=utc_now(),
        issued_at=utc_now(),
    )
    own_lines = [
        InvoiceLineRow(
            invoice_id=invoice.id,
            model=metric["model"],
            type=metric["type"],
            tokens=count,
            rial_per_1000_tokens=Decimal(200),
            amount_rial=count // 5,
        )
        for metric, count in lines
    ]
    return [invoice, *own_lines]


def fill(day: date, scale: str) -> dict[str, Any]:
    """Create the tenants."""
    new = [
        NewTenant(
            label=label(number),
            name_fa=f"شرکت {number}",
            name_en=f"Company {number}",
            billing_email=f"billing@{label(number)}.example",
            billed_from=day,
        )
        for number in range(int(scale))
    ]
    tenants.create_all(ACTOR, new)
    return vacuum(day)


def vacuum(_day: date) -> dict[str, Any]:
    """Leave the tables as a day of rest leaves them."""
    with psycopg.connect(settings().database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return {}


def _rows_written() -> int:
    dispose()
    with psycopg.connect(settings().database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT 1")
        row = connection.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _peak_mb() -> float:
    # The kernel's own high-water mark; getrusage would also count the parent before exec.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform == "linux" else 1024 * 1024)


CONTESTANTS: dict[str, Callable[..., dict[str, Any]]] = {
    "nightly": nightly,
    "floor": floor,
    "scan": scan,
    "usual": usual,
    "tenants": fill,
    "vacuum": vacuum,
}

if __name__ == "__main__":
    what, day_text, *rest = sys.argv[1:]
    sys.stdout.write(json.dumps(CONTESTANTS[what](date.fromisoformat(day_text), *rest)) + "\n")
