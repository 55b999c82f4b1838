"""Metrics of billing, payments, mails, jobs, backups, runs and deployments, asked at each scrape, and of rollouts."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from prometheus_client import REGISTRY, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backend import clock
from backend.actor import Actor
from backend.audit import service as audit
from backend.audit.rules import NOTED_DIGITS
from backend.backups import service as backups
from backend.config import settings
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployResult
from backend.deploys.types import RolloutState, StuckKind, Workloads
from backend.errors import Refused, Unavailable
from backend.invoices import service as invoices
from backend.invoices.types import BillingRun, RunState
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState
from backend.notifications import service as notifications
from backend.payments import service as payments
from backend.runbooks import service as runs
from backend.usage import service as usage

SCRAPE = Actor.process_named("metrics")
_LATELY = timedelta(days=1)


class BusinessMetrics(Collector):
    """Gauges of billing, payments, mails, jobs, backups, runs and rollouts.

    Without a database ``portal_database_up`` is 0, and only what needs none is told besides.
    """

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would otherwise ask the database while the process starts."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Ask the services once."""
        cluster = [_portal(), *_cluster()]
        try:
            gauges = [
                *_audit(),
                *_billing(),
                *_scans(),
                *_payments(),
                *_mails(),
                *_jobs(),
                *_backups(),
                *_runs(),
                *_deployments(),
            ]
        except Unavailable:
            return [_gauge("portal_database_up", "Whether the portal reaches its database.", 0), *cluster]
        return [
            _gauge("portal_database_up", "Whether the portal reaches its database.", 1),
            *gauges,
            *cluster,
        ]


@lru_cache(maxsize=1)
def register_business_metrics() -> None:
    """Register the gauges, so that every scrape reads them. Idempotent."""
    REGISTRY.register(BusinessMetrics())


def _audit() -> Iterable[Metric]:
    head = audit.published_head(SCRAPE)
    if head is not None:
        entries = GaugeMetricFamily(
            "portal_audit_entries", "Entries of the audit trail at the last full hour.", labels=["head"]
        )
        entries.add_metric([head.hash.hex()[:NOTED_DIGITS]], head.entries)
        yield entries


def _billing() -> Iterable[Metric]:
    health = invoices.health(SCRAPE)
    yield _gauge(
        "portal_billing_open_days", "Closed days of the window without invoices.", len(health.open_days)
    )
    yield _gauge(
        "portal_billing_due_days",
        "Days that should have been billed by now and are not.",
        len(invoices.open_days(SCRAPE, due_only=True)),
    )
    yield _gauge(
        "portal_billing_overdue_days",
        "Days older than the window without invoices.",
        len(health.overdue_days),
    )
    yield from _last_billed_day()
    yield _gauge("portal_invoices_held", "Invoices that wait for an operator.", health.held)
    yield _gauge(
        "portal_models_without_price",
        "Models that were used and have no price in today's list, which names others.",
        invoices.count_unpriced_models(SCRAPE),
    )
    yield _gauge(
        "portal_usage_meters_expected",
        "Meters that were alive at the end of the day before the one that was measured last.",
        health.meters.expected,
    )
    yield _gauge(
        "portal_usage_meters_read", "Meters of those that have a reading on that day.", health.meters.read
    )
    yield _moment(
        "portal_billing_last_success_timestamp_seconds",
        "Last billed day's end of run.",
        health.last_finished_at,
    )
    yield _moment(
        "portal_billing_last_failure_timestamp_seconds", "Last failed run's end.", health.last_failed_at
    )


def _scans() -> Iterable[Metric]:
    health = usage.scan_health(SCRAPE)
    yield _gauge(
        "portal_usage_scan_overdue_days", "Closed days that should have been scanned.", health.overdue_days
    )
    yield _moment(
        "portal_usage_scan_last_success_timestamp_seconds",
        "End of the last scan of a whole day.",
        health.last_finished_at,
    )
    last = health.last
    yield _gauge(
        "portal_usage_scan_findings",
        "Findings on the day that was scanned last.",
        last.findings if last else 0,
    )
    yield _gauge(
        "portal_usage_scan_duration_seconds",
        "Time for which Prometheus was asked in the last scan of a whole day.",
        last.duration_s if last else 0,
    )


def _last_billed_day() -> Iterable[Metric]:
    finished = (run for run in invoices.runs(SCRAPE) if run.state == RunState.FINISHED)
    run: BillingRun | None = next(finished, None)
    yield _gauge(
        "portal_billing_unknown_labels",
        "Labels without a company on the day that was billed last.",
        run.unknown_labels if run else 0,
    )
    if run is None:
        return
    yield _gauge("portal_billing_last_day_invoices", "Invoices of the day that was billed last.", run.issued)
    yield _gauge("portal_billing_last_day_tokens", "Tokens on these invoices.", run.tokens)
    yield _gauge(
        "portal_billing_last_day_amount_rial", "Money on these invoices, tax included.", run.amount_rial
    )
    yield _gauge(
        "portal_billing_last_day_duration_seconds", "Time that billing this day took.", run.duration_s
    )


def _payments() -> Iterable[Metric]:
    health = payments.health(SCRAPE)
    yield _gauge("portal_payments_open", "Payments without an outcome.", health.open)
    yield _gauge("portal_payments_undecided", "Payments without an outcome after a day.", health.undecided)
    yield _gauge("portal_payments_flagged", "Payments that a person should look at.", health.flagged)
    yield _gauge(
        "portal_payments_overdue_checks", "Payments whose next check is late.", health.overdue_checks
    )


def _mails() -> Iterable[Metric]:
    outbox = notifications.state(SCRAPE)
    yield _gauge("portal_mails_waiting", "Mails that are still to be sent.", outbox.waiting)
    yield _gauge(
        "portal_mails_rejected", "Waiting mails for which the mail server refused us.", outbox.rejected
    )
    yield _gauge("portal_mails_given_up", "Mails that are not sent unless a person asks.", outbox.given_up)
    yield _moment("portal_mail_oldest_timestamp_seconds", "Oldest waiting mail.", outbox.oldest_waiting)


def _jobs() -> Iterable[Metric]:
    is_led = job_runs.standing(SCRAPE).leader is not None
    yield _gauge("portal_scheduler_leads", "Whether a scheduler leads.", is_led)
    failing = GaugeMetricFamily(
        "portal_job_failing", "Whether the newest run of a job that ended failed.", labels=["name"]
    )
    # A run at work does not hide the one before it: without a value for some minutes an alert would end.
    for run in job_runs.last_ends(SCRAPE):
        failing.add_metric([run.job], run.state == JobState.FAILED)
    yield failing
    paused = GaugeMetricFamily(
        "portal_job_paused_timestamp_seconds", "Since when a job is paused.", labels=["name"]
    )
    for pause in job_runs.pauses(SCRAPE):
        paused.add_metric([pause.job], pause.paused_at.timestamp())
    yield paused


def _backups() -> Iterable[Metric]:
    health = backups.health(SCRAPE)
    if health.expected_since is None:
        return
    yield _moment(
        "portal_backups_expected_since_timestamp_seconds",
        "Beginning of the installation, from which a backup a night is expected.",
        health.expected_since,
    )
    yield _moment("portal_backup_last_success_timestamp_seconds", "Newest whole backup.", health.backup_at)
    yield _gauge("portal_backup_size_bytes", "Size of the newest backup.", health.size_bytes)
    yield _gauge(
        "portal_restore_drill_failing",
        "Whether the newest restore drill failed.",
        health.drill is not None and bool(health.drill.error),
    )
    yield _moment(
        "portal_restore_drill_last_success_timestamp_seconds",
        "Last restore drill that went well.",
        health.passed_at,
    )
    yield _gauge(
        "portal_restore_drill_duration_seconds",
        "Length of the newest restore drill.",
        health.drill.duration.total_seconds() if health.drill else 0,
    )


def _runs() -> Iterable[Metric]:
    standing = runs.standing(SCRAPE)
    yield _gauge("portal_runs_at_work", "Runs of runbooks that hold locks.", standing.at_work)
    yield _gauge("portal_runs_waiting", "Runs that wait for a second person.", standing.waiting)
    yield _gauge(
        "portal_runs_failed_lately", "Runs that failed or were lost within the last day.", standing.failed
    )


def _deployments() -> Iterable[Metric]:
    now = clock.utc_now()
    told = deploys.deploys_between(SCRAPE, now - _LATELY, now)
    found = Counter(each.told.result for each in told)
    lately = GaugeMetricFamily(
        "portal_deployments_lately", "Deployments of the last day by their result.", labels=["result"]
    )
    for result in DeployResult:
        lately.add_metric([result], found[result])
    yield lately


def _portal() -> Metric:
    """The address by which dashboards find the portal's pages."""
    info = GaugeMetricFamily("portal_info", "The portal's address for browsers.", labels=["url"])
    info.add_metric([settings().public_url], 1)
    return info


def _cluster() -> Iterable[Metric]:
    meaning = "Whether what the portal knows of the cluster is up to date."
    try:
        found = deploys.workloads(SCRAPE)
    except Refused:
        yield _gauge("portal_kubernetes_up", meaning, 0)
        return
    if not found.health.is_configured:
        return
    yield _gauge(
        "portal_kubernetes_up", meaning, found.health.is_complete and found.health.unknown_since is None
    )
    yield _rollouts(found)
    stuck = GaugeMetricFamily(
        "portal_rollout_stuck",
        "Rollouts that do not go on by themselves.",
        labels=["workload_namespace", "workload_kind", "workload", "reason"],
    )
    for item in found.items:
        if item.rollout.state in {RolloutState.STUCK, RolloutState.FAILED}:
            reason = item.rollout.reason.kind if item.rollout.reason else StuckKind.DEADLINE
            stuck.add_metric([item.id.namespace, item.id.kind, item.id.name, reason], 1)
    yield stuck


def _rollouts(found: Workloads) -> Metric:
    states = Counter(item.rollout.state for item in found.items)
    rollouts = GaugeMetricFamily(
        "portal_rollouts", "Workloads by the state of their rollout.", labels=["state"]
    )
    for state in RolloutState:
        rollouts.add_metric([state], states[state])
    return rollouts


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _moment(name: str, meaning: str, at: datetime | None) -> Metric:
    return GaugeMetricFamily(name, meaning, value=at.timestamp() if at else 0)
