"""Much that is stored: millions of log lines, and an audit trail of a million entries. What reading them takes."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from psycopg.types.json import Json

from backend import clock
from backend.actor import Actor
from backend.audit import rules as audit_rules
from backend.audit import service as audit
from backend.redaction import Redactor
from backend.runbooks.types import RunbookRun
from portal import routes

STORED_LINES, BIG_RUN_LINES, SMALL_RUNS = 5_000_000, 1_000_000, 400
ENTRIES = 1_000_000
REDACTED_S = 3.0
OUTPUT = "line {} GET /v1/documents/8812 200 in 41 ms, tenant=acme request=5f0c2d4a91b7 bytes=18234"
REALISTIC = (
    "2026-11-28T03:00:01Z INFO  pulling image registry.example/docuchat-api@sha256:0f3c5a7b9d1e",
    "deployment.apps/docuchat-api patched: replicas 3 -> 5, resourceVersion 918273",
    'pod/docuchat-api-7d9f8b6c5d-x2x9z Ready=True containers=2/2 restarts=0 node="gpu-a-3"',
    "pg_restore: processing data for table public.invoice_line (1,204,551 rows, 34 %)",
    "connecting to postgresql://portal:5ecret-pa55word@db:5432/portal?sslmode=require",
    "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhY21lIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ",
    "waiting for the rollout: 2 of 5 new replicas have been updated, 100% of quota a+b used",
)


def redaction_mb_per_s() -> dict[str, object]:
    """The speed of blacking out lines as runs print them, in batches as they are written."""
    redactor = Redactor(
        ["Tr0ub4dor&3-canary", "sk-live-0123456789abcdef0123456789abcdef", "another secret value"]
    )
    batch = [REALISTIC[number % len(REALISTIC)] for number in range(1_000)]
    size, rounds, began = sum(map(len, batch)), 0, time.process_time()
    while time.process_time() - began < REDACTED_S:
        redactor.lines(batch)
        rounds += 1
    took = time.process_time() - began
    return {
        "mb_per_cpu_s": round(rounds * size / took / 1e6, 1),
        "lines_per_cpu_s": round(rounds * 1_000 / took),
    }


def store_lines(database: str, big: RunbookRun) -> float:
    """Store lines of many runs, a fifth of them in one; returns the seconds."""
    began = time.monotonic()
    with psycopg.connect(database, autocommit=True) as connection:
        columns = [
            each.name for each in connection.execute("SELECT * FROM runbook_run LIMIT 0").description or ()
        ]
        copied = ", ".join(
            {"id": "gen_random_uuid()", "request_key": "gen_random_uuid()::text"}.get(each, each)
            for each in columns
        )
        connection.execute(
            f"INSERT INTO runbook_run ({', '.join(columns)})"
            f" SELECT {copied} FROM runbook_run, generate_series(1, {SMALL_RUNS}) WHERE id = %s",
            [big.id],
        )
        each_of_small = (STORED_LINES - BIG_RUN_LINES) // SMALL_RUNS
        connection.execute(
            "INSERT INTO runbook_log (run_id, number, at, step, kind, text)"
            " SELECT run.id, number, now(), 'print', 'output', replace(%s, '{}', number::text)"
            " FROM (SELECT id, CASE WHEN id = %s THEN %s ELSE %s END AS many FROM runbook_run"
            "  ORDER BY requested_at DESC LIMIT %s) run, generate_series(1, run.many) number",
            [OUTPUT, big.id, BIG_RUN_LINES, each_of_small, SMALL_RUNS + 1],
        )
        connection.execute("VACUUM ANALYZE runbook_log")
    return time.monotonic() - began


def download(web: httpx.Client, run: RunbookRun) -> dict[str, object]:
    """The whole log of a long run as a text file."""
    size, began = 0, time.monotonic()
    with web.stream("GET", routes.run_log_text(run.id)) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            size += len(chunk)
    took = time.monotonic() - began
    return {"download_mb": round(size / 1e6, 1), "download_mb_per_s": round(size / 1e6 / took, 1)}


def verify_a_million(database: str) -> dict[str, object]:
    """Write a valid chain by hand, because a million clicks take days; then read and prove it."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        connection.execute("TRUNCATE audit_entry")
        statement = "COPY audit_entry (id, at, actor, action, target, detail, previous_hash, hash) FROM STDIN"
        last = audit_rules.BEGINNING
        with connection.transaction(), connection.cursor().copy(statement) as copy:
            for row in _chain():
                copy.write_row(row)
                last = row[-1]
        connection.execute("UPDATE audit_head SET entries = %s, hash = %s", [ENTRIES, last])
        connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
        connection.execute("VACUUM ANALYZE audit_entry")
    began, cpu = time.monotonic(), time.process_time()
    found = audit.verify(Actor.process_named("bench"))
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    return {
        "entries": found.entries,
        "is_intact": found.is_intact,
        "seconds": round(took, 1),
        "entries_per_s": round(found.entries / took),
        "entries_per_cpu_s": round(found.entries / cpu),
    }


def _chain() -> Iterator[tuple[Any, ...]]:
    actor, hash_before, began = Actor.process_named("runbooks"), audit_rules.BEGINNING, clock.utc_now()
    targets = [f"run:{uuid4()}" for _ in range(1_000)]
    for number in range(ENTRIES):
        detail = {"action": "pause_job", "step": f"step {number % 7}", "process": "host:4711:1764300000.12"}
        event = audit_rules.event_of(
            actor,
            "run.step_done",
            targets[number % 1_000],
            detail,
            began + timedelta(milliseconds=number),
        )
        own = audit_rules.chained(hash_before, event)
        yield (
            number + 1,
            event.at,
            event.actor,
            event.action,
            event.target,
            Json(event.detail),
            hash_before,
            own,
        )
        hash_before = own
