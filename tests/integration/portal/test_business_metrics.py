"""What alerts are made of stands in the exposition, also when the database is away."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import text

from backend import clock
from backend.actor import Actor, Role
from backend.audit import service as audit
from backend.audit import writing_service
from backend.db.engine import transaction
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployResult, NewDeploy
from backend.invoices import service as invoices
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState, Schedule, ScheduledJob, SchedulerProcess
from backend.notifications import service as notifications
from backend.runbooks import service as runs
from backend.runbooks.types import RunSearch
from backend.sandbox.processes import free_port
from jobs.registry import job_named
from jobs.runs import fire
from portal.http.business_metrics import SCRAPE, BusinessMetrics
from tests import factories
from tests.conftest import forget_caches
from tests.factories import tenant
from tests.integration.notifications.conftest import PostOffice, start, use_mail_server
from tests.integration.notifications.test_sending import a_mail, make_due

PROCESS = Actor.process_named("tests")


def exposition() -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(BusinessMetrics())
    lines = generate_latest(registry).decode().splitlines()
    return {
        name: float(value) for name, value in (line.split() for line in lines if not line.startswith("#"))
    }


def run_job(name: str, *states: JobState) -> None:
    for state in states:
        job_runs.record(PROCESS, name, "scheduler", state, "")


def lead(job: str) -> None:
    """As the leading scheduler does, which knows one job."""
    now = clock.utc_now()
    process = SchedulerProcess(id=uuid4(), host="a", pid=7, is_leader=True, started_at=now, seen_at=now)
    job_runs.tell_scheduler(PROCESS, process, [ScheduledJob(schedule=Schedule(job=job, every_s=5))])


def test_billing_and_payments_are_told(database: str) -> None:
    tenant("ava")

    told = exposition()

    assert told["portal_database_up"] == 1
    assert told["portal_billing_due_days"] == len(invoices.open_days(SCRAPE, due_only=True)) > 0
    assert told["portal_billing_overdue_days"] == 0
    assert told["portal_usage_scan_last_success_timestamp_seconds"] == 0
    assert told["portal_usage_scan_findings"] == told["portal_usage_scan_duration_seconds"] == 0
    assert told["portal_usage_scan_overdue_days"] in {0, 1}
    assert told["portal_invoices_held"] == 0
    assert told["portal_models_without_price"] == 0
    assert told["portal_payments_undecided"] == 0
    assert told["portal_mails_rejected"] == 0


def test_the_head_of_the_audit_trail_is_that_of_the_last_full_hour(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        audit.record(PROCESS, "note.added", f"note:{number}")
    noted = audit.entries(factories.actor(Role.AUDITOR))[0].hash.hex()
    hour = clock.utc_now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    told = {name for name in exposition() if name.startswith("portal_audit_entries")}
    assert told == set()

    monkeypatch.setattr(clock, "utc_now", lambda: hour + timedelta(minutes=1))
    monkeypatch.setattr(writing_service, "utc_now", clock.utc_now)
    audit.record(PROCESS, "note.added", "note:later")

    assert exposition()[f'portal_audit_entries{{head="{noted[:16]}"}}'] == 3


def test_without_a_database_only_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    forget_caches()

    told = exposition()
    forget_caches()

    assert told == {"portal_database_up": 0, 'portal_info{url="http://127.0.0.1:8000"}': 1}


def test_who_leads_and_which_jobs_fail_or_are_paused_is_told(database: str) -> None:
    run_job("send_mail", JobState.FAILED, JobState.FINISHED)
    run_job("sweep_payments", JobState.FINISHED, JobState.FAILED)
    run_job("nightly_billing", JobState.FAILED)
    job_runs.start(PROCESS, "nightly_billing", "scheduler")

    before = exposition()
    lead("send_mail")
    paused = job_runs.pause(factories.actor(Role.OPERATOR), "send_mail", "the mail server moves")

    assert {name: value for name, value in before.items() if name.startswith("portal_job")} == {
        'portal_job_failing{name="nightly_billing"}': 1,
        'portal_job_failing{name="send_mail"}': 0,
        'portal_job_failing{name="sweep_payments"}': 1,
    }
    told = exposition()
    assert [each["portal_scheduler_leads"] for each in (before, told)] == [0, 1]
    assert told['portal_job_paused_timestamp_seconds{name="send_mail"}'] == paused.paused_at.timestamp()


@pytest.mark.parametrize("before", [JobState.FAILED, JobState.FINISHED])
def test_what_a_command_leaves_unfinished_or_is_stopped_in_changes_no_alarm(
    database: str, before: JobState
) -> None:
    run_job("verify_audit", before)
    by_hand = job_runs.start(PROCESS, "verify_audit", job_runs.COMMAND)
    at_work = exposition()
    job_runs.finish(PROCESS, by_hand, JobState.FAILED, job_runs.INTERRUPTED)

    stands = [told['portal_job_failing{name="verify_audit"}'] for told in (at_work, exposition())]

    assert stands == [before is JobState.FAILED] * 2


def test_what_the_schedule_is_interrupted_in_is_a_failure(database: str) -> None:
    job_runs.start(PROCESS, "verify_audit", job_runs.SCHEDULER)
    job_runs.take_over(PROCESS)

    assert exposition()['portal_job_failing{name="verify_audit"}'] == 1


def test_sending_fails_also_between_two_tries_until_the_mails_are_sent(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, send = PostOffice(port=free_port()), job_named("send_mail")
    use_mail_server(monkeypatch, f"smtp://127.0.0.1:{office.port}")
    notifications.enqueue([a_mail()], clock.utc_now())

    told = []
    for _ in range(3):
        fire(send)
        told.append(exposition()['portal_job_failing{name="send_mail"}'])
    make_due()
    controller = start(office)
    fire(send)
    controller.stop()

    assert told == [1, 1, 1]
    assert exposition()['portal_job_failing{name="send_mail"}'] == 0


def test_runs_and_deployments_are_told_by_their_state(database: str) -> None:
    for key, result in (("one", DeployResult.SUCCEEDED), ("two", DeployResult.FAILED), ("three", None)):
        finished = clock.utc_now() if result else None
        told = {"result": result, "finished_at": finished} if result else {}
        deploys.record_deploy(
            PROCESS,
            NewDeploy(
                key=key,
                service="docuchat-api",
                version="1.0.0",
                started_at=clock.utc_now() - timedelta(minutes=5),
                **told,
            ),
        )

    told = exposition()

    lately = {result: told[f'portal_deployments_lately{{result="{result}"}}'] for result in DeployResult}
    assert {result for result, count in lately.items() if count == 1} == {"succeeded", "failed", "running"}
    assert [told[f"portal_runs_{name}"] for name in ("at_work", "waiting", "failed_lately")] == [0, 0, 0]


def test_labels_without_a_company_are_told_of_the_last_day_that_was_billed(database: str) -> None:
    for minute, state, unknown in ((1, "finished", 5), (2, "finished", 3), (3, "failed", 0)):
        with transaction() as connection:
            connection.execute(
                text(
                    "INSERT INTO billing_run"
                    " (id, day, started_by, state, started_at, finished_at, unknown_labels, issued, amount_rial)"
                    " VALUES (gen_random_uuid(), '2026-11-21', 'x', :state, :at, :at + interval '4 s', :unknown,"
                    " :unknown * 2, :unknown * 1000)"
                ),
                {"state": state, "at": datetime(2026, 11, 22, 0, minute, tzinfo=UTC), "unknown": unknown},
            )

    told = exposition()
    assert told["portal_billing_unknown_labels"] == 3
    assert told["portal_billing_last_day_invoices"] == 6
    assert told["portal_billing_last_day_amount_rial"] == 3000
    assert told["portal_billing_last_day_duration_seconds"] == 4


def test_backups_are_expected_from_the_first_entry_of_the_trail_on(database: str) -> None:
    audit.record(PROCESS, "note.added", "note:1")
    began = audit.entries(factories.actor(Role.AUDITOR), limit=1000)[-1].event.at
    audit.record(PROCESS, "note.added", "note:2")

    told = exposition()

    assert told["portal_backups_expected_since_timestamp_seconds"] == pytest.approx(began.timestamp())
    assert told["portal_backup_last_success_timestamp_seconds"] == 0


def test_where_backups_are_switched_off_nothing_is_told_and_nothing_asked_for(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUPS_ENABLED", "false")
    forget_caches()

    told = {name for name in exposition() if name.startswith(("portal_backup", "portal_restore"))}
    for name in ("nightly_backup", "nightly_drill"):
        fire(job_named(name))
    asked_for = runs.search(factories.actor(Role.OPERATOR), RunSearch()).rows
    forget_caches()

    assert told == set()
    assert list(asked_for) == []
