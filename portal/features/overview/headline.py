"""The health in words: one sentence, one colour with its icon and word, and every other trouble below it."""

from backend.alerts import summary_rules
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.overview.types import (
    Level,
    ServiceState,
    ServiceStatus,
    SystemHealth,
    SystemTrouble,
    TroubleKind,
)
from portal import routes
from portal.components.isolated import parts_of
from portal.features.overview.rows import HeadlineRow, ServiceLine, TroubleRow, seconds
from portal.job_words import job_name

ICONS = {Level.BAD: "✕", Level.UNKNOWN: "?", Level.WARN: "!", Level.OK: "✓"}
SERVICE_TONES = {
    ServiceState.CRITICAL: "bad",
    ServiceState.WARNING: "warn",
    ServiceState.DISABLED: "warn",
    ServiceState.SILENCED: "info",
    ServiceState.UNKNOWN: "unknown",
    ServiceState.CLEAR: "ok",
}
_PAGES = {
    TroubleKind.CRITICAL_ALERTS: routes.ALERTS,
    TroubleKind.WARNING_ALERTS: routes.ALERTS,
    TroubleKind.WATCHDOG_MISSING: routes.ALERTS,
    TroubleKind.ALERT_SOURCE_LOST: routes.ALERTS,
    TroubleKind.ALERTS_UNWATCHED: routes.ALERTS,
    TroubleKind.NO_LEADER: routes.JOBS,
    TroubleKind.JOBS_PAUSED: routes.JOBS,
    TroubleKind.BACKUP_OLD: f"{routes.RUNBOOKS}/BackupTooOld",
    TroubleKind.DRILL_FAILED: f"{routes.RUNBOOKS}/RestoreDrillFailed",
    TroubleKind.DRILL_LATE: f"{routes.RUNBOOKS}/RestoreDrillFailed",
    TroubleKind.JOB_FAILED: routes.JOBS,
    TroubleKind.ROLLOUT_FAILED: routes.DEPLOYS,
    TroubleKind.ROLLOUT_STUCK: routes.DEPLOYS,
    TroubleKind.DAYS_OVERDUE: routes.BILLING,
    TroubleKind.BILLING_LATE: routes.BILLING,
    TroubleKind.BILLING_FAILED: routes.BILLING,
    TroubleKind.METERS_VANISHED: f"{routes.RUNBOOKS}/MetersVanished",
    TroubleKind.INVOICES_HELD: f"{routes.BILLING}?tab=held",
    TroubleKind.MAIL_STUCK: routes.BILLING,
    TroubleKind.PAYMENTS_UNDECIDED: routes.PAYMENTS,
    TroubleKind.PAYMENTS_FLAGGED: f"{routes.PAYMENTS}?tab=flagged",
    TroubleKind.PAYMENT_CHECKS_LATE: routes.PAYMENTS,
}


def to_headline(health: SystemHealth, lang: Lang) -> HeadlineRow:
    """The first trouble as the sentence of the page, or that all is well."""
    level = health.level
    first, others = next(iter(health.troubles), None), health.troubles[1:]
    names = fmt.listed((fmt.code(name, lang) for name in health.moving), lang)
    moving = text("page.overview.moving", lang, names=names) if health.moving else ""
    return HeadlineRow(
        tone=level.value,
        icon=ICONS[level],
        word=text(f"overview.level.{level}", lang),
        sentence=parts_of(
            text("page.overview.all_well", lang) if first is None else trouble_words(first, lang)
        ),
        since_s=seconds(first.since) if first else 0,
        url=trouble_url(first) if first else "",
        moving=parts_of(moving),
        others=[to_trouble(number, each, lang) for number, each in enumerate(others)],
    )


def to_trouble(number: int, trouble: SystemTrouble, lang: Lang) -> TroubleRow:
    """A trouble below the headline."""
    return TroubleRow(
        key=f"{trouble.kind}-{trouble.name}-{number}",
        tone=trouble.level.value,
        word=text(f"overview.level.{trouble.level}", lang),
        sentence=parts_of(trouble_words(trouble, lang)),
        since_s=seconds(trouble.since),
        url=trouble_url(trouble),
    )


def trouble_words(trouble: SystemTrouble, lang: Lang) -> str:
    """A trouble in one sentence."""
    return text(
        f"overview.trouble.{trouble.kind}",
        lang,
        n=fmt.number(trouble.count, lang),
        name=_name(trouble, lang),
        share=fmt.percent(trouble.share, lang),
        seconds=fmt.duration(trouble.seconds, lang),
    )


def trouble_url(trouble: SystemTrouble) -> str:
    """The page where a trouble is dealt with; empty where there is none."""
    if trouble.kind == TroubleKind.JOB_FAILED:
        return routes.with_query(routes.JOBS, {"job": trouble.name})
    return _PAGES.get(trouble.kind, "")


def to_service(status: ServiceStatus, lang: Lang) -> ServiceLine:
    """A service and its one state, in words."""
    return ServiceLine(
        key=status.service,
        name=summary_rules.service_of(status.service, lang),
        word=text(f"overview.state.{status.state}", lang),
        tone=SERVICE_TONES[status.state],
    )


def _name(trouble: SystemTrouble, lang: Lang) -> str:
    """The name in a trouble's sentence. An alert's and a workload's come from outside."""
    match trouble.kind:
        case TroubleKind.SOURCE_UNKNOWN | TroubleKind.DEPENDENCY_AWAY:
            return text(f"overview.source.{trouble.name}", lang)
        case TroubleKind.JOBS_PAUSED | TroubleKind.JOB_FAILED:
            return job_name(trouble.name, lang)
        case TroubleKind.CRITICAL_ALERTS | TroubleKind.WARNING_ALERTS:
            key = f"alerts.name.{trouble.name}"
            return text(key, lang) if has(key) else summary_rules.shown(trouble.name)
        case TroubleKind.SATURATED:
            return text(f"overview.fullness.{trouble.name}", lang)
        case _:
            return summary_rules.shown(trouble.name)
