"""Facts of a system in which all is well, to be broken in one place at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from backend.alerts.types import (
    AlertBoard,
    AlertGroup,
    AlertSource,
    Firing,
    FiringId,
    Muting,
    Severity,
    SourceKind,
    WatchState,
)
from backend.deploys.types import (
    ClusterHealth,
    Rollout,
    RolloutState,
    StuckKind,
    StuckReason,
    WorkloadId,
    WorkloadKind,
    Workloads,
    WorkloadSummary,
)
from backend.invoices.types import BillingHealth
from backend.job_runs.types import (
    JobPause,
    JobRun,
    JobStanding,
    JobState,
    SchedulerProcess,
    SchedulerStanding,
)
from backend.notifications.types import OutboxState
from backend.overview.types import Alerting, Billing, Changes, Facts, Measures, SourceReading
from backend.payments.types import PaymentHealth

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=10)


def read(value: Any) -> SourceReading[Any]:
    return SourceReading(value=value, read_at=NOW, known_since=EARLIER)


def silent(value: Any = None) -> SourceReading[Any]:
    return SourceReading(value=value, read_at=EARLIER, unknown_since=EARLIER, cause="timeout")


def firing(
    name: str, severity: Severity = Severity.CRITICAL, service: str = "docuchat", **changed: Any
) -> Firing:
    return Firing(
        id=FiringId(1),
        fingerprint=f"{name}-{service}",
        name=name,
        severity=severity,
        service=service,
        labels={},
        annotations={},
        started_at=EARLIER,
        seen_at=NOW,
        **changed,
    )


MUTED = Muting(silenced_by=("a-silence",))


def alerting(*firings: Firing, **watch: Any) -> Alerting:
    groups = tuple(
        AlertGroup(
            key=each.fingerprint,
            service=each.service,
            severity=each.severity,
            started_at=each.started_at,
            alerts=(each,),
        )
        for each in firings
    )
    state = WatchState(sources=(), looked_at=NOW, is_blind=False, alarms=())
    return Alerting(
        board=AlertBoard(
            groups=groups, watch=replace(state, **watch), silences=(), fired_in_day={}, read_at=NOW
        )
    )


def alarm(kind: SourceKind, name: str) -> AlertSource:
    return AlertSource(
        name=name, kind=kind, asked_at=NOW, answered_at=EARLIER, failing_since=EARLIER, cause="timeout"
    )


def workload(name: str, state: RolloutState, kind: StuckKind | None = None) -> WorkloadSummary:
    reason = StuckReason(kind=kind, since=EARLIER) if kind else None
    return WorkloadSummary(
        id=WorkloadId(namespace="docuchat", kind=WorkloadKind.DEPLOYMENT, name=name),
        rollout=Rollout(state=state, words="", reason=reason),
        replicas=1,
        updated=1,
        ready=1,
        available=1,
        total=1,
        images=(),
        created_at=EARLIER,
    )


def cluster(*items: WorkloadSummary) -> Workloads:
    return Workloads(health=ClusterHealth(is_configured=True, is_complete=True, seen_at=NOW), items=items)


LEADER = SchedulerProcess(id=uuid4(), host="jobs-1", pid=7, is_leader=True, started_at=EARLIER, seen_at=NOW)


def job(name: str, *, pause: str = "", state: JobState = JobState.FINISHED) -> JobStanding:
    paused = JobPause(job=name, reason=pause, paused_by="mina@x.example", paused_at=EARLIER)
    run = JobRun(
        id=uuid4(),
        job=name,
        started_by="scheduler",
        started_at=EARLIER,
        finished_at=EARLIER,
        state=state,
        outcome="",
    )
    return JobStanding(
        job=name,
        schedules=(),
        last_run=run,
        pause=paused if pause else None,
        request=None,
        requested_run=None,
    )


def scheduler(*jobs: JobStanding, leader: SchedulerProcess | None = LEADER) -> SchedulerStanding:
    return SchedulerStanding(leader=leader, standbys=(), last_leader_seen_at=EARLIER, jobs=jobs)


BILLING = Billing(
    health=BillingHealth(last_finished_at=NOW, last_failed_at=EARLIER, open_days=[], overdue_days=[], held=0),
    late_days=(),
)
PAYMENTS = PaymentHealth(open=1, undecided=0, oldest_undecided_at=None, flagged=0, overdue_checks=0)
OUTBOX = OutboxState(waiting=1, oldest_waiting=NOW, given_up=0, rejected=0, rejection="")
MEASURES = Measures(
    requests_per_s=3.0, error_share=0.05, p95_s=2.0, fallback_share=0.1, tokens_per_min=(1.0, 3.0)
)

WELL = Facts(
    database=read(True),
    alerts=read(alerting()),
    cluster=read(cluster(workload("api", RolloutState.DONE))),
    billing=read(BILLING),
    payments=read(PAYMENTS),
    jobs=read(scheduler(job("send_mail"))),
    mail=read(OUTBOX),
    measures=read(MEASURES),
    changes=read(Changes(deploys=(), actions=())),
    provider=read(True),
    gateway=read(True),
    mail_server=read(True),
    redis=read(False),
)


def but(**changed: Any) -> Facts:
    """All is well, but for these."""
    return replace(
        WELL,
        **{name: each if isinstance(each, SourceReading) else read(each) for name, each in changed.items()},
    )


def billing(**changed: Any) -> Billing:
    late = changed.pop("late_days", ())
    return Billing(health=replace(BILLING.health, **changed), late_days=late)
