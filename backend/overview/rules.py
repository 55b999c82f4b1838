"""The rule that makes one level and its reasons of all facts. Pure: now is a parameter."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from backend.alerts.types import AlertSource, Firing, Severity, SourceKind
from backend.backups.types import BackupHealth
from backend.deploys.types import RolloutState, WorkloadSummary
from backend.job_runs.types import JobState
from backend.overview.types import (
    Facts,
    Level,
    ServiceState,
    ServiceStatus,
    SourceName,
    SourceReading,
    SystemHealth,
    SystemTrouble,
    TroubleKind,
)

# The alerts draw the same lines.
MOST_ERRORS = 0.05
SLOWEST_S = 2.0
MOST_FALLBACKS = 0.1
FULLEST = 0.9
MAIL_MAY_WAIT = timedelta(minutes=15)
BACKUP_HOLDS = timedelta(hours=30)
DRILL_HOLDS = timedelta(hours=50)

# Without an answer of these nobody can say that all is well.
ESSENTIAL = (
    SourceName.DATABASE,
    SourceName.ALERTS,
    SourceName.CLUSTER,
    SourceName.BILLING,
    SourceName.PAYMENTS,
    SourceName.JOBS,
    SourceName.MAIL,
    SourceName.MEASURES,
)
DEPENDENCIES = (SourceName.PROVIDER, SourceName.GATEWAY, SourceName.MAIL_SERVER, SourceName.REDIS)
# These live in the database, so their silence is explained by its loss.
IN_DATABASE = {
    SourceName.ALERTS,
    SourceName.BILLING,
    SourceName.PAYMENTS,
    SourceName.JOBS,
    SourceName.MAIL,
    SourceName.BACKUPS,
    SourceName.RUNS,
}

SERVICES = ("docuchat", "portal", "billing", "payments", "mail", "jobs", "audit", "backups")
# Who pauses such a job switches the service off.
DISABLED_BY = {"nightly_billing": "billing", "sweep_payments": "payments", "send_mail": "mail"}

_LEVELS = {level: place for place, level in enumerate(Level)}
_KINDS = {kind: place for place, kind in enumerate(TroubleKind)}


def health(facts: Facts, now: datetime) -> SystemHealth:
    """The level of everything, with every trouble, the worst first. Without any trouble the level is OK."""
    found = [trouble for part in _PARTS for trouble in part(facts, now)]
    troubles = tuple(sorted(found, key=_rank))
    return SystemHealth(
        level=troubles[0].level if troubles else Level.OK,
        troubles=troubles,
        moving=tuple(
            each.id.name for each in _workloads(facts) if each.rollout.state == RolloutState.PROGRESSING
        ),
        services=service_states(facts),
    )


def service_states(facts: Facts) -> tuple[ServiceStatus, ...]:
    """State of each service: disabled stands above silenced, silenced above firing, firing above none."""
    alerting, standing = facts.alerts.known, facts.jobs.known
    disabled = {DISABLED_BY.get(job.job) for job in standing.jobs if job.pause} if standing else set()
    if facts.backups.known and facts.backups.known.expected_since is None:
        disabled.add("backups")
    firings = _all_firings(facts)
    names = dict.fromkeys((*SERVICES, *sorted({each.service for each in firings if each.service})))
    return tuple(
        ServiceStatus(
            service=name,
            state=ServiceState.DISABLED
            if name in disabled
            else ServiceState.UNKNOWN
            if alerting is None
            else _fired([each for each in firings if each.service == name]),
        )
        for name in names
    )


def _fired(firings: list[Firing]) -> ServiceState:
    heard = [each for each in firings if not each.muting.is_muted]
    if not heard:
        return ServiceState.SILENCED if firings else ServiceState.CLEAR
    is_critical = any(each.severity == Severity.CRITICAL for each in heard)
    return ServiceState.CRITICAL if is_critical else ServiceState.WARNING


def _rank(trouble: SystemTrouble) -> tuple[int, int, float]:
    since = trouble.since.timestamp() if trouble.since else float("inf")
    return _LEVELS[trouble.level], _KINDS[trouble.kind], since


def _of_sources(facts: Facts, _now: datetime) -> Iterator[SystemTrouble]:
    database = facts.database
    is_lost = database.unknown_since is not None
    if is_lost:
        yield SystemTrouble(level=Level.UNKNOWN, kind=TroubleKind.DATABASE_LOST, since=database.unknown_since)
    for name in ESSENTIAL[1:]:
        reading = reading_of(facts, name)
        if reading.unknown_since is not None and not (is_lost and name in IN_DATABASE):
            kind = TroubleKind.SOURCE_UNKNOWN
            yield SystemTrouble(level=Level.UNKNOWN, kind=kind, since=reading.unknown_since, name=name.value)
    if any(reading_of(facts, name).is_pending for name in ESSENTIAL):
        yield SystemTrouble(level=Level.UNKNOWN, kind=TroubleKind.LOOKING)
    for name in DEPENDENCIES:
        reading = reading_of(facts, name)
        if reading.unknown_since is not None:
            kind = TroubleKind.DEPENDENCY_AWAY
            yield SystemTrouble(level=Level.WARN, kind=kind, since=reading.unknown_since, name=name.value)


def reading_of(facts: Facts, name: SourceName) -> SourceReading[object]:
    """The reading of a source by its name."""
    reading: SourceReading[object] = getattr(facts, name.value)
    return reading


def _name_of(source: AlertSource) -> str:
    """The source's name with its kind: an address alone says nothing at three in the morning."""
    kind = source.kind.capitalize()
    is_named = source.kind not in {SourceKind.WATCHDOG, source.name}
    return f"{kind} {source.name}" if is_named else kind


def _of_alerts(facts: Facts, _now: datetime) -> Iterator[SystemTrouble]:
    known = facts.alerts.known
    if known is None:
        return
    watch = known.board.watch
    for alarm in watch.alarms:
        is_watchdog = alarm.kind == SourceKind.WATCHDOG
        yield SystemTrouble(
            level=Level.BAD,
            kind=TroubleKind.WATCHDOG_MISSING if is_watchdog else TroubleKind.ALERT_SOURCE_LOST,
            since=alarm.failing_since or alarm.answered_at,
            name=_name_of(alarm),
        )
    if watch.is_blind:
        yield SystemTrouble(level=Level.UNKNOWN, kind=TroubleKind.ALERTS_UNWATCHED, since=watch.looked_at)
    heard = [each for each in _all_firings(facts) if not each.muting.is_muted]
    critical = [each for each in heard if each.severity == Severity.CRITICAL]
    warning = [each for each in heard if each.severity == Severity.WARNING]
    yield from _firing(critical, Level.BAD, TroubleKind.CRITICAL_ALERTS)
    yield from _firing(warning, Level.WARN, TroubleKind.WARNING_ALERTS)


def _firing(firings: list[Firing], level: Level, kind: TroubleKind) -> Iterator[SystemTrouble]:
    if firings:
        oldest = min(firings, key=lambda each: each.started_at)
        yield SystemTrouble(
            level=level, kind=kind, since=oldest.started_at, count=len(firings), name=oldest.name
        )


def _all_firings(facts: Facts) -> list[Firing]:
    known = facts.alerts.known
    if known is None:
        return []
    return [each for group in known.board.groups for each in (*group.alerts, *group.followers)]


def _of_cluster(facts: Facts, _now: datetime) -> Iterator[SystemTrouble]:
    known = facts.cluster.known
    if known is None or not known.health.is_configured:
        return
    for state, kind in (
        (RolloutState.FAILED, TroubleKind.ROLLOUT_FAILED),
        (RolloutState.STUCK, TroubleKind.ROLLOUT_STUCK),
    ):
        hindered = [each for each in known.items if each.rollout.state == state]
        if hindered:
            yield SystemTrouble(
                level=Level.BAD,
                kind=kind,
                since=min(filter(None, map(_hindered_since, hindered)), default=None),
                count=len(hindered),
                name=hindered[0].id.name,
            )


def _workloads(facts: Facts) -> Iterable[WorkloadSummary]:
    return facts.cluster.known.items if facts.cluster.known else ()


def _hindered_since(workload: WorkloadSummary) -> datetime | None:
    reason = workload.rollout.reason
    return reason.since if reason and reason.since else workload.revision_at


def _of_billing(facts: Facts, _now: datetime) -> Iterator[SystemTrouble]:
    known = facts.billing.known
    if known is None:
        return
    health = known.health
    if health.overdue_days:
        yield SystemTrouble(level=Level.BAD, kind=TroubleKind.DAYS_OVERDUE, count=len(health.overdue_days))
    if known.late_days:
        yield SystemTrouble(level=Level.BAD, kind=TroubleKind.BILLING_LATE, count=len(known.late_days))
    failed, finished = health.last_failed_at, health.last_finished_at
    if failed is not None and (finished is None or failed > finished):
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.BILLING_FAILED, since=failed)
    if health.meters.have_vanished:
        gone = health.meters.expected - health.meters.read
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.METERS_VANISHED, count=gone)
    if health.held:
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.INVOICES_HELD, count=health.held)


def _of_payments(facts: Facts, _now: datetime) -> Iterator[SystemTrouble]:
    known = facts.payments.known
    if known is None:
        return
    if known.undecided:
        yield SystemTrouble(
            level=Level.WARN,
            kind=TroubleKind.PAYMENTS_UNDECIDED,
            since=known.oldest_undecided_at,
            count=known.undecided,
        )
    if known.flagged:
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.PAYMENTS_FLAGGED, count=known.flagged)
    if known.overdue_checks:
        yield SystemTrouble(
            level=Level.WARN, kind=TroubleKind.PAYMENT_CHECKS_LATE, count=known.overdue_checks
        )


def _of_jobs(facts: Facts, _now: datetime) -> Iterator[SystemTrouble]:
    known = facts.jobs.known
    if known is None:
        return
    if known.leader is None:
        yield SystemTrouble(level=Level.BAD, kind=TroubleKind.NO_LEADER, since=known.last_leader_seen_at)
    paused = [job.pause for job in known.jobs if job.pause]
    if paused:
        first = min(paused, key=lambda pause: pause.paused_at)
        yield SystemTrouble(
            level=Level.WARN,
            kind=TroubleKind.JOBS_PAUSED,
            since=first.paused_at,
            count=len(paused),
            name=first.job,
        )
    failed = [job.last_run for job in known.jobs if job.last_run and job.last_run.state == JobState.FAILED]
    if failed:
        last = max(failed, key=lambda run: run.started_at)
        kind = TroubleKind.JOB_FAILED
        yield SystemTrouble(
            level=Level.WARN, kind=kind, since=last.finished_at, count=len(failed), name=last.job
        )


def _of_mail(facts: Facts, now: datetime) -> Iterator[SystemTrouble]:
    known = facts.mail.known
    if known is None:
        return
    oldest = known.oldest_waiting
    is_late = oldest is not None and now - oldest > MAIL_MAY_WAIT
    if known.given_up or known.rejected or is_late:
        count = known.given_up + known.rejected or known.waiting
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.MAIL_STUCK, since=oldest, count=count)


def backup_level(known: BackupHealth, now: datetime) -> Level:
    """The worst of what is the matter with backups and drills."""
    troubles = list(_of_backup_health(known, now))
    return min((each.level for each in troubles), key=lambda level: _LEVELS[level], default=Level.OK)


def _of_backups(facts: Facts, now: datetime) -> Iterator[SystemTrouble]:
    if facts.backups.known is not None:
        yield from _of_backup_health(facts.backups.known, now)


def _of_backup_health(known: BackupHealth, now: datetime) -> Iterator[SystemTrouble]:
    if known.expected_since is None:
        return
    drill = known.drill
    if drill is not None and drill.error:
        yield SystemTrouble(level=Level.BAD, kind=TroubleKind.DRILL_FAILED, since=drill.finished_at)
    elif known.missed_for(known.passed_at, now) > DRILL_HOLDS:
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.DRILL_LATE, since=known.passed_at)
    if known.missed_for(known.backup_at, now) > BACKUP_HOLDS:
        yield SystemTrouble(level=Level.BAD, kind=TroubleKind.BACKUP_OLD, since=known.backup_at)


def _of_measures(facts: Facts, _now: datetime) -> Iterator[SystemTrouble]:
    known = facts.measures.known
    if known is None:
        return
    if known.error_share is not None and known.error_share > MOST_ERRORS:
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.ERRORS, share=known.error_share)
    if known.p95_s is not None and known.p95_s > SLOWEST_S:
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.SLOW, seconds=known.p95_s)
    if known.fallback_share is not None and known.fallback_share > MOST_FALLBACKS:
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.FALLBACKS, share=known.fallback_share)
    full = [each for each in known.fullness if each.share >= FULLEST]
    if full:
        worst = max(full, key=lambda each: each.share)
        yield SystemTrouble(level=Level.WARN, kind=TroubleKind.SATURATED, share=worst.share, name=worst.name)


_PARTS: tuple[Callable[[Facts, datetime], Iterator[SystemTrouble]], ...] = (
    _of_sources,
    _of_alerts,
    _of_cluster,
    _of_billing,
    _of_payments,
    _of_jobs,
    _of_mail,
    _of_backups,
    _of_measures,
)
