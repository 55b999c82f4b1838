"""Nouns of the overview."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from backend.alerts.types import AlertBoard, Silence
from backend.audit.types import AuditEntry
from backend.backups.types import BackupHealth
from backend.deploys.ledger_types import DeployRecord
from backend.deploys.types import Workloads
from backend.invoices.types import BillingHealth
from backend.job_runs.types import SchedulerStanding
from backend.notifications.types import OutboxState
from backend.payments.types import PaymentHealth
from backend.runbooks.types import RunsStanding

T_co = TypeVar("T_co", covariant=True)


class Level(StrEnum):
    """Levels of trouble, the worst first. Not to know whether something is broken is worse than a known warning."""

    BAD = "bad"
    UNKNOWN = "unknown"
    WARN = "warn"
    OK = "ok"


class SourceName(StrEnum):
    """Sources of the overview; each is read by itself, with a time limit of its own."""

    DATABASE = "database"
    ALERTS = "alerts"
    CLUSTER = "cluster"
    BILLING = "billing"
    PAYMENTS = "payments"
    JOBS = "jobs"
    MAIL = "mail"
    BACKUPS = "backups"
    MEASURES = "measures"
    CHANGES = "changes"
    RUNS = "runs"
    PROVIDER = "provider"
    GATEWAY = "gateway"
    MAIL_SERVER = "mail_server"
    REDIS = "redis"


class TroubleKind(StrEnum):
    """Kinds of trouble; within a level the first of them gives the sentence."""

    DATABASE_LOST = "database_lost"
    CRITICAL_ALERTS = "critical_alerts"
    WATCHDOG_MISSING = "watchdog_missing"
    ALERT_SOURCE_LOST = "alert_source_lost"
    NO_LEADER = "no_leader"
    ROLLOUT_FAILED = "rollout_failed"
    ROLLOUT_STUCK = "rollout_stuck"
    DAYS_OVERDUE = "days_overdue"
    BILLING_LATE = "billing_late"
    BACKUP_OLD = "backup_old"
    DRILL_FAILED = "drill_failed"
    ALERTS_UNWATCHED = "alerts_unwatched"
    SOURCE_UNKNOWN = "source_unknown"
    LOOKING = "looking"
    WARNING_ALERTS = "warning_alerts"
    BILLING_FAILED = "billing_failed"
    METERS_VANISHED = "meters_vanished"
    ERRORS = "errors"
    SLOW = "slow"
    FALLBACKS = "fallbacks"
    SATURATED = "saturated"
    DEPENDENCY_AWAY = "dependency_away"
    JOBS_PAUSED = "jobs_paused"
    JOB_FAILED = "job_failed"
    DRILL_LATE = "drill_late"
    INVOICES_HELD = "invoices_held"
    PAYMENTS_UNDECIDED = "payments_undecided"
    PAYMENTS_FLAGGED = "payments_flagged"
    PAYMENT_CHECKS_LATE = "payment_checks_late"
    MAIL_STUCK = "mail_stuck"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading(Generic[T_co]):
    """The last value of a source, and since when it is unknown, if it is.

    A value that is unknown since an instant is what was known then. Neither a value nor such an instant: nobody has
    answered yet.
    """

    value: T_co | None = None
    read_at: datetime | None = None
    known_since: datetime | None = None
    unknown_since: datetime | None = None
    cause: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether the first answer is still on its way."""
        return self.read_at is None and self.unknown_since is None

    @property
    def known(self) -> T_co | None:
        """The value while it is known."""
        return self.value if self.unknown_since is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fullness:
    """A resource and the share of it that is used, 0 to 1. ``server`` tells it; empty where there is only one."""

    name: str
    share: float
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Golden signals of DocuChat and its tokens, from Prometheus. None where nothing was asked for or measured.

    ``tokens_per_min`` are points of the last hour, the oldest first; shares are 0 to 1. ``p95_s`` is the largest that a
    server tells, ``p95_server``, because those of several make none of all; empty where there is only one.
    """

    requests_per_s: float | None = None
    error_share: float | None = None
    p95_s: float | None = None
    p95_server: str = ""
    fallback_share: float | None = None
    fullness: tuple[Fullness, ...] = ()
    tokens_per_min: tuple[float, ...] = ()
    processes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """Billing's health, and the days that should have invoices by now and have none."""

    health: BillingHealth
    late_days: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """The alerts, and the silences that end soon with what storms back then."""

    board: AlertBoard
    ending: tuple[Silence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The newest deployments, and the newest actions of people and jobs."""

    deploys: tuple[DeployRecord, ...]
    actions: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is known, source by source."""

    database: SourceReading[bool] = field(default_factory=SourceReading)
    alerts: SourceReading[Alerting] = field(default_factory=SourceReading)
    cluster: SourceReading[Workloads] = field(default_factory=SourceReading)
    billing: SourceReading[Billing] = field(default_factory=SourceReading)
    payments: SourceReading[PaymentHealth] = field(default_factory=SourceReading)
    jobs: SourceReading[SchedulerStanding] = field(default_factory=SourceReading)
    mail: SourceReading[OutboxState] = field(default_factory=SourceReading)
    backups: SourceReading[BackupHealth] = field(default_factory=SourceReading)
    measures: SourceReading[Measures] = field(default_factory=SourceReading)
    changes: SourceReading[Changes] = field(default_factory=SourceReading)
    runs: SourceReading[RunsStanding] = field(default_factory=SourceReading)
    provider: SourceReading[bool] = field(default_factory=SourceReading)
    gateway: SourceReading[bool] = field(default_factory=SourceReading)
    mail_server: SourceReading[bool] = field(default_factory=SourceReading)
    redis: SourceReading[bool] = field(default_factory=SourceReading)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemTrouble:
    """A trouble: its kind, how many there are of it, the name of one of them, and since when.

    ``name`` may come from outside. ``count`` 0 means that it is not counted; ``share`` and ``seconds`` are figures.
    """

    level: Level
    kind: TroubleKind
    since: datetime | None = None
    count: int = 0
    name: str = ""
    share: float = 0.0
    seconds: float = 0.0


class ServiceState(StrEnum):
    """States of a service, the first that holds."""

    DISABLED = "disabled"
    SILENCED = "silenced"
    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The one state of a service."""

    service: str
    state: ServiceState


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemHealth:
    """The level of everything with its troubles, the first of which is the reason.

    ``moving`` names rollouts under way.
    """

    level: Level
    troubles: tuple[SystemTrouble, ...] = ()
    moving: tuple[str, ...] = ()
    services: tuple[ServiceStatus, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemOverview:
    """The facts, and what follows from them. ``version`` grows with each change of a fact."""

    facts: Facts
    health: SystemHealth
    read_at: datetime
    version: int
