"""A run that is killed anywhere, and runs beside each other, leave one invoice for each tenant and day."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text

from backend.actor import Actor
from backend.days import in_both
from backend.db.engine import advisory_lock, read
from backend.db.locks import LockNumber
from backend.invoices import service as invoices
from backend.job_runs.service import SCHEDULER
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import keep
from jobs import nightly_billing
from jobs.registry import job_named
from jobs.runs import execute
from tests import factories
from tests.integration.invoices.conftest import Past
from tests.integration.invoices.rows import counts
from tests.waiting import PATIENCE_S, until

NIGHT = Actor.process_named("nightly_billing")
COMMAND = [sys.executable, "-m", "jobs", "run", "nightly_billing"]
# Where a run can be stopped, in the order in which it comes there; the last one is after the commit.
STEPS = (
    "measured_day",
    "meter_reading",
    "daily_usage",
    "invoice_number",
    "tenant_invoice",
    "invoice_line",
    "billing_meter",
    "outbox_mail",
    "billing_run",
    "job_run",
)


def start(**changed: str) -> subprocess.Popen[bytes]:
    return keep(
        subprocess.Popen(
            COMMAND,
            cwd=REPOSITORY,
            env=os.environ | changed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    )


def kill(run: subprocess.Popen[bytes]) -> None:
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert run.stdout is not None
    run.stdout.close()


def finish(run: subprocess.Popen[bytes]) -> tuple[int, str]:
    output, _ = run.communicate(timeout=PATIENCE_S)
    return run.returncode, output.decode()


@contextmanager
def nobody_can_write(database: str, table: str) -> Iterator[Callable[[], bool]]:
    """Stop whoever wants to write to a table; yields whether somebody has come there."""
    with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as watcher:
        holder.execute(f"LOCK TABLE {table} IN SHARE MODE")

        def is_somebody_waiting() -> bool:
            row = watcher.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            return bool(row and row[0])

        yield is_somebody_waiting


def wait_until_free() -> None:
    """Until PostgreSQL has noticed that the killed run is gone."""

    def is_free() -> bool:
        with advisory_lock(LockNumber.BILLING) as is_ours:
            return is_ours

    until(is_free)


def check_one_of_each(days: int, tenants: int) -> None:
    """One invoice, one mail and one run where one belongs, and numbers without a gap."""
    with read() as connection:
        per_day = connection.execute(
            text(
                "SELECT count(*), count(DISTINCT (tenant_id, day)), count(DISTINCT number) FROM tenant_invoice"
            )
        ).one()
        numbers = list(connection.scalars(text("SELECT number FROM tenant_invoice ORDER BY day, number")))
        last = connection.scalar(text("SELECT last FROM invoice_number"))
        runs = list(connection.scalars(text("SELECT state FROM billing_run")))
        meters, billed = connection.execute(
            text("SELECT (SELECT sum(tokens) FROM billing_meter), (SELECT sum(tokens) FROM tenant_invoice)")
        ).one()
    total = days * tenants
    assert tuple(per_day) == (total, total, total)
    assert [int(number.split("-")[1]) for number in numbers] == list(range(1, total + 1))
    assert last == total
    assert runs == ["finished"] * days
    assert meters == billed
    written = counts()
    assert (written["outbox_mail"], written["measured_day"]) == (total, days)


@pytest.fixture
def two_days(measured: Past) -> Past:
    for label in ("alpha", "beta"):
        factories.tenant(label, billed_from=measured.day_before_yesterday)
    return measured


@pytest.mark.parametrize("table", STEPS)
def test_a_run_killed_at_any_step_leaves_whole_days_only(database: str, two_days: Past, table: str) -> None:
    if table == "meter_reading":
        invoices.bill_day(NIGHT, two_days.day_before_yesterday)
    whole_days = counts()["measured_day"]

    with nobody_can_write(database, table) as is_somebody_waiting:
        run = start()
        until(is_somebody_waiting)
        kill(run)
    wait_until_free()

    expected = 2 if table == "job_run" else whole_days
    after_kill = counts()
    assert (after_kill["measured_day"], after_kill["tenant_invoice"]) == (expected, 2 * expected)
    assert after_kill["outbox_mail"] == 2 * expected
    invoices.bill_open_days(NIGHT)
    check_one_of_each(days=2, tenants=2)


def test_a_run_killed_while_it_measures_leaves_nothing(two_days: Past) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run = start(PROMETHEUS_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
        silent.settimeout(PATIENCE_S)
        connection, _ = silent.accept()
        kill(run)
        connection.close()
    wait_until_free()

    assert not any(counts().values())
    invoices.bill_open_days(NIGHT)
    check_one_of_each(days=2, tenants=2)


def test_a_run_that_loses_postgresql_says_so_and_leaves_whole_days(database: str, two_days: Past) -> None:
    with nobody_can_write(database, "invoice_line") as is_somebody_waiting:
        run = start()
        until(is_somebody_waiting)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
    code, output = finish(run)

    assert code == 1
    assert "The database is not answering" in output
    assert "Traceback" not in output
    assert not any(counts().values())


def test_four_runs_at_once_bill_each_day_once(two_days: Past) -> None:
    runs = [start() for _ in range(4)]

    outcomes = [finish(run) for run in runs]

    assert [code for code, _ in outcomes] == [0, 0, 0, 0], outcomes
    check_one_of_each(days=2, tenants=2)


def test_a_cron_job_and_the_scheduler_at_once_bill_each_day_once(database: str, two_days: Past) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        with nobody_can_write(database, "tenant_invoice") as is_somebody_waiting:
            cron_job = start()
            scheduled = pool.submit(execute, job_named(nightly_billing.NAME), SCHEDULER)
            until(is_somebody_waiting)
        code, output = finish(cron_job)

    assert (code, scheduled.result()) == (0, True), output
    check_one_of_each(days=2, tenants=2)


def test_runs_that_are_killed_again_and_again_leave_one_of_each(two_days: Past) -> None:
    for _ in range(2):
        start_and_kill_when_a_day_was_billed()
    wait_until_free()

    invoices.bill_open_days(NIGHT)

    check_one_of_each(days=2, tenants=2)


def start_and_kill_when_a_day_was_billed() -> None:
    before = counts()["billing_run"]
    runs = [start() for _ in range(2)]
    until(lambda: counts()["billing_run"] > before or all(run.poll() is not None for run in runs))
    for run in runs:
        kill(run)


def test_the_command_prints_plan_and_result_as_tables(two_days: Past) -> None:
    dry = subprocess.run([*COMMAND, "--dry-run"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert not any(counts().values())
    wet = subprocess.run(COMMAND, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    again = subprocess.run(COMMAND, cwd=REPOSITORY, capture_output=True, text=True, check=True)

    tokens = f"{two_days.tokens('alpha', two_days.yesterday) + two_days.tokens('beta', two_days.yesterday):,}"
    day = in_both(two_days.yesterday).split()
    planned = dry.stdout.splitlines()[-2]
    assert [*day, "2", tokens] == planned.split()[:4]
    assert planned.endswith("now, not scanned yet")
    assert [*day, "finished", "2", tokens] == wet.stdout.splitlines()[-1].split()[:5]
    assert "nothing was written" in again.stdout
    assert counts()["job_run"] == 1


@pytest.mark.parametrize(
    "wrong",
    [["--day", "yesterday"], ["none_such"], ["send_mail", "--dry-run"]],
    ids=["a day that is none", "a job that is none", "an option that is not its own"],
)
def test_a_command_that_makes_no_sense_ends_with_two(database: str, wrong: list[str]) -> None:
    command = COMMAND[:-1] if wrong[0] in {"none_such", "send_mail"} else COMMAND

    assert (
        subprocess.run([*command, *wrong], cwd=REPOSITORY, capture_output=True, check=False).returncode == 2
    )


def test_a_command_without_prometheus_fails_with_one_and_a_reason(two_days: Past) -> None:
    code, output = finish(start(PROMETHEUS_URL="http://127.0.0.1:9"))

    assert code == 1
    assert "unavailable.prometheus" in output
    assert "Traceback" not in output
