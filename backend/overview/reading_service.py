"""Reads of the overview: each asks one feature's service for one thing, and may fail or hang by itself."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from backend import clock
from backend.actor import Actor
from backend.alerts import service as alerts
from backend.audit import service as audit
from backend.audit.types import AuditSearch
from backend.backups import service as backups
from backend.clients.reach import await_answer
from backend.config import settings
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployFilter
from backend.invoices import service as invoices
from backend.job_runs import service as job_runs
from backend.notifications import service as notifications
from backend.overview import measuring, repository
from backend.overview.board import OverviewSource
from backend.overview.types import Alerting, Billing, Changes, SourceName
from backend.payments import service as payments
from backend.runbooks import service as runs

REACH_TIMEOUT_S = 2.0
SHOWN_CHANGES = 8
# The nightly run begins at 03:00 and is given an hour, as its alert does.
BILLED_WITHIN = timedelta(hours=4)


def _database(_actor: Actor) -> bool:
    repository.ask()
    return True


def _alerts(actor: Actor) -> Alerting:
    return Alerting(
        board=alerts.board(actor), ending=tuple(each.silence for each in alerts.ending_soon(actor))
    )


def _billing(actor: Actor) -> Billing:
    now = clock.utc_now()
    due = invoices.open_days(actor, due_only=True)
    late = tuple(day for day in due if now - clock.day_window(day).end > BILLED_WITHIN)
    return Billing(health=invoices.health(actor), late_days=late)


def _changes(actor: Actor) -> Changes:
    found = deploys.deployments(actor, DeployFilter(), limit=SHOWN_CHANGES)
    newest = audit.search(actor, AuditSearch(), limit=SHOWN_CHANGES)
    return Changes(deploys=tuple(found.rows), actions=newest.rows)


def _reached(url: Callable[[], str], service: str) -> Callable[[Actor], bool]:
    def reach(_actor: Actor) -> bool:
        address = url()
        if address:
            await_answer(address, service, REACH_TIMEOUT_S)
        return bool(address)

    return reach


def _smtp_url() -> str:
    return settings().smtp_url.get_secret_value()


def _redis_url() -> str:
    return settings().redis_url.get_secret_value()


SOURCES: Mapping[SourceName, OverviewSource] = {
    SourceName.DATABASE: OverviewSource(read=_database, every_s=5),
    SourceName.ALERTS: OverviewSource(read=_alerts, every_s=5),
    # In memory, kept up to date by watches.
    SourceName.CLUSTER: OverviewSource(
        read=deploys.workloads, every_s=2, unknown_since=lambda found: found.health.unknown_since
    ),
    SourceName.BILLING: OverviewSource(read=_billing, every_s=10),
    SourceName.PAYMENTS: OverviewSource(read=payments.health, every_s=10),
    SourceName.JOBS: OverviewSource(read=job_runs.standing, every_s=5),
    SourceName.MAIL: OverviewSource(read=notifications.state, every_s=10),
    SourceName.BACKUPS: OverviewSource(read=backups.health, every_s=10),
    SourceName.MEASURES: OverviewSource(read=lambda _actor: measuring.measure(clock.utc_now()), every_s=10),
    SourceName.CHANGES: OverviewSource(read=_changes, every_s=10),
    SourceName.RUNS: OverviewSource(read=runs.standing, every_s=5),
    SourceName.PROVIDER: OverviewSource(
        read=_reached(lambda: settings().openai_base_url, "openai"), every_s=15
    ),
    SourceName.GATEWAY: OverviewSource(read=_reached(lambda: settings().zibal_url, "zibal"), every_s=15),
    SourceName.MAIL_SERVER: OverviewSource(read=_reached(_smtp_url, "mail"), every_s=15),
    SourceName.REDIS: OverviewSource(read=_reached(_redis_url, "redis"), every_s=15),
}
