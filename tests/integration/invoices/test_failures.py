"""What cannot be measured is not billed, is said, and is tried again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.clock import day_window
from backend.db.engine import advisory_lock, transaction
from backend.db.locks import LockNumber
from backend.errors import Conflict, NotFound
from backend.invoices import billing_service
from backend.invoices import service as invoices
from backend.invoices.types import RunState
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState
from jobs.__main__ import main as jobs_command
from jobs.registry import job_named
from jobs.runs import execute
from tests import factories
from tests.conftest import forget_caches
from tests.integration.invoices.conftest import Past, write_past
from tests.integration.invoices.rows import counts
from tests.past import PastPrometheus

NIGHT = Actor.process_named("nightly_billing")
OPERATOR = factories.actor(Role.OPERATOR)
ROOT = Path(__file__).parents[3]


class _Answering(BaseHTTPRequestHandler):
    """Answers every question in one way."""

    status = 200
    body: dict[str, object]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        is_of_labels = self.command == "GET" and self.body is EMPTY
        body = json.dumps({**EMPTY, "data": []} if is_of_labels else self.body).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}
WARNING = {**EMPTY, "warnings": ["some replicas did not answer"]}
ERROR = {"status": "error", "errorType": "execution", "error": "too many samples"}


@pytest.fixture
def answering(
    request: pytest.FixtureRequest, database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A stand-in of Prometheus with one answer for everything."""
    status, body = request.param
    handler = type("Handler", (_Answering,), {"status": status, "body": body})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("PROMETHEUS_URL", f"http://127.0.0.1:{server.server_port}")
    forget_caches()
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "answering",
    [
        pytest.param((200, WARNING), id="a warning"),
        pytest.param((422, ERROR), id="an error"),
        pytest.param((503, {}), id="not there"),
        pytest.param((200, {"status": "success", "data": None}), id="no data"),
        pytest.param((200, {"status": "success", "data": {"result": None}}), id="no result"),
    ],
    indirect=True,
)
def test_a_doubtful_answer_bills_nobody_and_is_on_record(answering: None) -> None:
    factories.tenant("alpha")

    runs = invoices.bill_open_days(NIGHT)

    assert [run.state for run in runs] == [RunState.FAILED]
    assert runs[0].error is not None
    assert runs[0].error.startswith("unavailable")
    written = {table: count for table, count in counts().items() if count}
    assert written == {"billing_run": 1}


@pytest.mark.parametrize("answering", [pytest.param((200, EMPTY), id="empty")], indirect=True)
def test_what_nobody_foresaw_is_a_failed_run_that_is_repeated(
    answering: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    factories.tenant("alpha")
    monkeypatch.setattr(billing_service, "usage_and_tenants", lambda *_: {}["nobody thought of it"])

    assert not execute(job_named("nightly_billing"), "scheduler")
    assert not execute(job_named("nightly_billing"), "scheduler")

    failed = invoices.runs(OPERATOR)
    assert [(run.state, run.error) for run in failed] == [(RunState.FAILED, "unknown")] * 2
    assert invoices.health(OPERATOR).last_failed_at == failed[0].finished_at
    [job] = [run for run in job_runs.last_runs(NIGHT) if run.job == "nightly_billing"]
    assert (job.state, job.outcome) == (JobState.FAILED, "unknown")
    assert "nobody thought of it" in caplog.text


@pytest.mark.parametrize("answering", [pytest.param((200, EMPTY), id="empty")], indirect=True)
def test_a_run_by_hand_that_nobody_foresaw_to_fail_is_on_record_and_ends_with_a_sentence(
    answering: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.tenant("alpha")
    monkeypatch.setattr(billing_service, "usage_and_tenants", lambda *_: {}["nobody thought of it"])

    code = jobs_command(["run", "nightly_billing"])

    assert (code, len(invoices.runs(OPERATOR))) == (1, 1)
    [job] = job_runs.runs(NIGHT, "nightly_billing")
    assert (job.state, job.outcome, job.started_by) == (JobState.FAILED, "unknown", "command")
    assert "Something unexpected went wrong" in capsys.readouterr().err


def test_the_night_goes_on_where_it_failed(measured: Past) -> None:
    factories.tenant("alpha", billed_from=measured.yesterday - timedelta(days=1))
    measured.prometheus.stop()
    try:
        [failed] = invoices.bill_open_days(NIGHT)
    finally:
        measured.prometheus.start()

    runs = invoices.bill_open_days(NIGHT)

    assert failed.state == RunState.FAILED
    assert [run.day for run in runs] == [failed.day, measured.yesterday]
    assert {run.state for run in runs} == {RunState.FINISHED}


@pytest.mark.parametrize("answering", [pytest.param((200, EMPTY), id="empty")], indirect=True)
def test_days_before_the_first_process_leave_no_trace(answering: None) -> None:
    factories.tenant("alpha")

    assert invoices.bill_open_days(NIGHT) == []
    assert not any(counts().values())


def test_a_selector_that_suddenly_finds_nobody_fails_the_day_until_it_is_asked_for(
    measured: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.tenant("alpha", billed_from=measured.day_before_yesterday)
    invoices.bill_day(NIGHT, measured.day_before_yesterday)
    monkeypatch.setenv("USAGE_SELECTOR", 'namespace="misspelt"')
    forget_caches()

    [failed] = invoices.bill_open_days(NIGHT)
    asked = invoices.bill_day(OPERATOR, measured.yesterday)

    assert (failed.day, failed.error) == (measured.yesterday, "unavailable.no_processes")
    assert asked is not None
    assert (asked.state, asked.issued) == (RunState.FINISHED, 0)


def test_a_prometheus_that_came_back_empty_fails_the_day_until_its_data_is_back(
    measured: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha = factories.tenant("alpha", billed_from=measured.day_before_yesterday)
    invoices.bill_day(NIGHT, measured.day_before_yesterday)
    empty = PastPrometheus(tmp_path)
    empty.start()
    monkeypatch.setenv("PROMETHEUS_URL", empty.url)
    forget_caches()
    [failed] = invoices.bill_open_days(NIGHT)
    empty.stop()
    monkeypatch.setenv("PROMETHEUS_URL", measured.prometheus.url)
    forget_caches()

    invoices.bill_open_days(NIGHT)

    assert (failed.day, failed.error) == (measured.yesterday, "unavailable.no_processes")
    tokens = {invoice.day: invoice.tokens for invoice in invoices.invoices_of(OPERATOR, alpha.id).rows}
    assert tokens[measured.yesterday] == measured.tokens("alpha", measured.yesterday)


def _prices_begin(day: date) -> None:
    with transaction() as connection:
        connection.execute(text("UPDATE price_list SET valid_from = :day"), {"day": day})


def test_a_day_without_prices_fails_until_there_are_some(measured: Past) -> None:
    factories.tenant("alpha", billed_from=measured.day_before_yesterday)
    _prices_begin(measured.yesterday)

    failed = invoices.bill_open_days(NIGHT)

    assert [(run.day, run.state, run.error) for run in failed] == [
        (measured.day_before_yesterday, RunState.FAILED, "not_found.prices_of_day")
    ]
    assert {table: count for table, count in counts().items() if count} == {"billing_run": 1}
    _prices_begin(measured.day_before_yesterday)
    assert [run.state for run in invoices.bill_open_days(NIGHT)] == [RunState.FINISHED] * 2


def test_a_plan_of_a_day_without_prices_is_refused(measured: Past) -> None:
    with pytest.raises(NotFound) as refused:
        invoices.plan(OPERATOR, date(2019, 12, 31))

    assert refused.value.key == "error.not_found.prices_of_day"


def test_the_command_for_a_day_without_prices_ends_with_a_sentence(measured: Past) -> None:
    _prices_begin(measured.yesterday)
    day = measured.day_before_yesterday.isoformat()
    command = [sys.executable, "-m", "jobs", "run", "nightly_billing", "--day", day]

    real, dry = (
        subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, check=False)
        for more in ([], ["--dry-run"])
    )

    assert (real.returncode, dry.returncode) == (1, 1)
    assert f"{day} (" in real.stdout
    assert "not_found.prices_of_day" in real.stdout
    assert "No price list covers this day" in real.stderr
    assert "Traceback" not in real.stderr
    assert dry.stderr.startswith("No price list covers this day")


def test_a_run_beside_another_one_does_nothing(measured: Past) -> None:
    factories.tenant("alpha")

    with advisory_lock(LockNumber.BILLING), pytest.raises(Conflict):
        invoices.bill_open_days(NIGHT)

    assert not any(counts().values())


def test_a_day_older_than_the_window_alarms_until_it_is_asked_for(measured: Past) -> None:
    old = measured.first_day + timedelta(days=1)
    factories.tenant("alpha", billed_from=old)
    invoices.bill_day(NIGHT, old)
    invoices.bill_open_days(NIGHT)

    forgotten = old + timedelta(days=1)
    assert invoices.overdue_days(OPERATOR) == [forgotten]
    invoices.bill_day(OPERATOR, forgotten)
    assert invoices.overdue_days(OPERATOR) == []
    assert invoices.health(OPERATOR).open_days == []


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2022-03-22", 23), ("2022-09-21", 25), ("2022-09-23", 24)],
    ids=["23 h", "25 h", "24 h"],
)
def test_a_day_is_as_long_as_the_clocks_of_tehran_make_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, day: str, hours: int
) -> None:
    the_day = date.fromisoformat(day)
    tenant = factories.tenant("alpha", billed_from=the_day)
    server = PastPrometheus(tmp_path)
    write_past(server.data_dir, the_day - timedelta(days=1), day_window(the_day).end + timedelta(hours=1))
    server.start()
    monkeypatch.setenv("PROMETHEUS_URL", server.url)
    forget_caches()
    try:
        run = invoices.bill_day(OPERATOR, the_day)
    finally:
        server.stop()

    [invoice] = invoices.invoices_of(OPERATOR, tenant.id).rows
    assert run is not None
    assert invoice.tokens == hours * 60 * 10
    assert (invoice.window_end - invoice.window_start) == timedelta(hours=hours)
    assert invoice.timezone == "Asia/Tehran"
