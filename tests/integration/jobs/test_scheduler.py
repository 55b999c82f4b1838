"""One scheduler leads, another takes over, and both outlive a lost database."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from apscheduler.triggers.interval import IntervalTrigger
from starlette.testclient import TestClient

from backend import clock
from backend.actor import Actor, Role
from backend.config import DEFAULT_METRICS_TOKEN, settings
from backend.db.locks import LockNumber
from backend.errors import Forbidden
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobStanding, JobState, RequestId, RunRequest
from backend.sandbox.postgres import REPOSITORY, PostgresServer
from backend.sandbox.processes import delete_at_end, free_port, keep
from jobs import exposition
from jobs.runs import Job
from jobs.scheduler import answer_in_hand
from tests import factories
from tests.live_logs import entries
from tests.waiting import PATIENCE_S, until

PROCESS = Actor.process_named("tests")


class Scheduler:
    """A running `python -m jobs` and the events it logged."""

    def __init__(self, log: Path, **changed: str) -> None:
        self._log = log
        with log.open("wb") as file:
            self.process = keep(
                subprocess.Popen(
                    [sys.executable, "-m", "jobs"], cwd=REPOSITORY, env=os.environ | changed, stderr=file
                )
            )

    def events(self) -> list[dict[str, Any]]:
        return entries(self._log.read_bytes())

    def wait_for(self, event: str) -> None:
        until(lambda: any(each["event"] == event for each in self.events()))

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


@contextmanager
def scheduler(log: Path, **changed: str) -> Iterator[Scheduler]:
    running = Scheduler(log, **changed)
    try:
        yield running
    finally:
        running.end(signal.SIGKILL)


def test_a_standby_takes_over_within_thirty_seconds_of_a_killed_leader(database: str, tmp_path: Path) -> None:
    port = free_port()
    with scheduler(tmp_path / "first.log", JOBS_METRICS_PORT=str(port)) as first:
        first.wait_for("scheduler.leads")
        assert told_on(port) == [200, 401, 200]
        with scheduler(tmp_path / "second.log") as second:
            second.wait_for("scheduler.stands_by")
            killed_at = time.monotonic()
            first.end(signal.SIGKILL)
            second.wait_for("scheduler.leads")

            assert time.monotonic() - killed_at < 30
            assert second.end() == 0
            second.wait_for("scheduler.ended")


def told_on(port: int) -> list[int]:
    """The answers to a probe, to a scrape by a stranger, and to one with the token."""
    url, token = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {DEFAULT_METRICS_TOKEN}"}
    scrape = httpx.get(f"{url}/api/v1/metrics", headers=token)
    assert "process_start_time_seconds" in scrape.text
    probes = [httpx.get(f"{url}/healthz"), httpx.get(f"{url}/api/v1/metrics"), scrape]
    return [each.status_code for each in probes]


def test_a_loop_that_is_silent_for_a_minute_is_not_live(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = exposition.WatchedStop()
    client = TestClient(exposition.application(settings(), stop))

    assert client.get("/healthz").status_code == 200
    monkeypatch.setattr(exposition, "SILENT_S", 0.0)
    assert client.get("/healthz").status_code == 503


def test_a_taken_port_ends_it_with_a_sentence(database: str) -> None:
    with socket.create_server(("", 0)) as taken:
        run = subprocess.run(
            [sys.executable, "-m", "jobs"], cwd=REPOSITORY, check=False, capture_output=True, text=True,
            env=os.environ | {"JOBS_METRICS_PORT": str(taken.getsockname()[1])},
        )  # fmt: skip

    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("Setting JOBS_METRICS_PORT: nothing can listen there")


def test_a_leader_that_loses_its_lock_stops_its_jobs_and_comes_back(database: str, tmp_path: Path) -> None:
    with scheduler(tmp_path / "jobs.log") as leader:
        leader.wait_for("scheduler.leads")
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s",
                [LockNumber.LEADERSHIP],
            )
        leader.wait_for("scheduler.leadership_lost")
        until(lambda: [each["event"] for each in leader.events()].count("scheduler.leads") == 2)

        assert leader.end() == 0
        assert not any("trace" in each for each in leader.events())


def test_a_lost_database_is_said_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.db.migrate import upgrade  # noqa: PLC0415 - only this test has a server of its own
    from backend.sandbox.postgres import data_home  # noqa: PLC0415

    home = data_home() / f"test-{os.getpid()}"
    home.mkdir(exist_ok=True)
    delete_at_end(home)
    server = PostgresServer(home / "jobs-data", durable=False)
    server.start()
    try:
        upgrade(server.url())
        with scheduler(tmp_path / "jobs.log", DATABASE_URL=server.url()) as leader:
            leader.wait_for("scheduler.leads")
            server.stop()
            leader.wait_for("scheduler.database_lost")
            server.start()
            until(lambda: [each["event"] for each in leader.events()].count("scheduler.leads") == 2)

            assert leader.end() == 0
            assert not any("trace" in each for each in leader.events())
    finally:
        server.remove()


def test_a_new_leader_marks_what_the_dead_one_left_running(database: str, tmp_path: Path) -> None:
    job_runs.start(PROCESS, "nightly_billing", "scheduler")

    with scheduler(tmp_path / "jobs.log") as leader:
        leader.wait_for("scheduler.leads")
        leader.end()

    # The new leader may have begun with a run of its own since.
    [*_, oldest] = job_runs.runs(PROCESS, "nightly_billing")
    assert (oldest.state, oldest.outcome) == (JobState.FAILED, "interrupted")


def test_a_leader_tells_its_jobs_keeps_to_a_pause_and_takes_up_a_request(
    database: str, tmp_path: Path
) -> None:
    operator = factories.actor(Role.OPERATOR)
    with scheduler(tmp_path / "first.log") as first:
        first.wait_for("scheduler.leads")
        until(lambda: job_runs.standing(operator).jobs)
        first.end()
    job_runs.pause(operator, "sweep_payments", "the gateway is being moved")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE scheduled_job SET fired_at = NULL")

    with scheduler(tmp_path / "second.log"):
        job_runs.ask_to_run(operator, "housekeeping")
        until(lambda: jobs_by_name(operator)["send_mail"].schedules[0].fired_at)
        until(lambda: jobs_by_name(operator)["housekeeping"].requested_run)
        told = jobs_by_name(operator)

    assert told["sweep_payments"].schedules[0].fired_at is None
    assert told["housekeeping"].requested_run is not None
    assert told["housekeeping"].requested_run.started_by == operator.name
    assert [each.schedule.name for each in told["nightly_billing"].schedules] == ["", "catch_up"]
    assert told["nightly_billing"].schedules[0].next_run_at is not None


@pytest.mark.parametrize("goes_well", [True, False])
def test_a_leader_has_a_request_in_hand_to_its_end(database: str, *, goes_well: bool) -> None:
    request = RunRequest(
        id=RequestId(uuid4()), job="housekeeping", asked_by="reza@example.com", asked_at=clock.utc_now()
    )
    in_hand = {request.id}
    seen: list[set[RequestId]] = []

    def run(_actor: Actor) -> str:
        seen.append(set(in_hand))
        if not goes_well:
            raise SystemExit
        return ""

    job = Job(name="housekeeping", run=run, trigger=IntervalTrigger(seconds=1))
    with suppress(SystemExit):
        answer_in_hand(job, request, in_hand)

    assert (seen, in_hand) == ([{request.id}], set())


def jobs_by_name(actor: Actor) -> dict[str, JobStanding]:
    return {job.job: job for job in job_runs.standing(actor).jobs}


def test_without_a_setting_it_ends_with_a_sentence(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}

    run = subprocess.run(
        [sys.executable, "-m", "jobs"], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False
    )

    assert run.returncode == 2
    assert run.stderr.strip() == "Setting DATABASE_URL: is not set."


def test_runs_are_recorded_and_read_by_staff_only(database: str) -> None:
    run_id = job_runs.start(PROCESS, "housekeeping", "command")
    job_runs.finish(PROCESS, run_id, JobState.FINISHED, "nothing to do")
    job_runs.record(PROCESS, "send_mail", "scheduler", JobState.FAILED, "unavailable.mail")

    last = {run.job: (run.state, run.outcome) for run in job_runs.last_runs(factories.actor(Role.AUDITOR))}

    assert last == {
        "housekeeping": (JobState.FINISHED, "nothing to do"),
        "send_mail": (JobState.FAILED, "unavailable.mail"),
    }
    assert [run.id for run in job_runs.runs(PROCESS, "housekeeping")] == [run_id]
    with pytest.raises(Forbidden):
        job_runs.last_runs(factories.actor(Role.TENANT_ADMIN))
    with pytest.raises(Forbidden):
        job_runs.start(factories.actor(Role.OPERATOR), "x", "y")
