"""The tiles of the overview: each figure with its page, its tone, and since when its source is silent."""

from collections.abc import Sequence
from typing import TypeVar

from backend.backups.types import BackupHealth
from backend.config import settings
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.job_runs.types import SchedulerStanding
from backend.notifications.types import OutboxState
from backend.overview import rules
from backend.overview.types import (
    Alerting,
    Billing,
    Changes,
    Facts,
    Fullness,
    Level,
    Measures,
    SourceName,
    SourceReading,
)
from backend.payments.types import PaymentHealth
from backend.runbooks.types import RunsStanding, RunStage
from portal import routes
from portal.components.isolated import parts_of
from portal.features.overview.rows import ChartRow, TileRow, seconds
from portal.job_words import job_name

T = TypeVar("T")

_WIDTH, _HEIGHT = 300, 60


def signals(facts: Facts, lang: Lang) -> list[TileRow]:
    """The golden signals, the share of fallbacks and how full resources are."""
    reading = facts.measures
    known = reading.value or Measures()
    requests = _tile(
        "requests", reading, SourceName.MEASURES, lang, url="", value=_rate(known.requests_per_s, lang)
    )
    errors = _tile(
        "errors",
        reading,
        SourceName.MEASURES,
        lang,
        url=routes.ALERTS,
        value=_share(known.error_share, lang),
        tone=_over(known.error_share, rules.MOST_ERRORS),
    )
    slow = _tile(
        "p95",
        reading,
        SourceName.MEASURES,
        lang,
        url=routes.ALERTS,
        value="—" if known.p95_s is None else fmt.duration(known.p95_s, lang),
        remark=text("page.overview.slowest_server", lang, server=fmt.code(known.p95_server, lang))
        if known.p95_server
        else "",
        tone=_over(known.p95_s, rules.SLOWEST_S),
    )
    fallbacks = _tile(
        "fallbacks",
        reading,
        SourceName.MEASURES,
        lang,
        url=routes.ALERTS,
        value=_share(known.fallback_share, lang),
        tone=_over(known.fallback_share, rules.MOST_FALLBACKS),
    )
    worst = max(known.fullness, key=lambda each: each.share, default=None)
    full = _tile(
        "fullness",
        reading,
        SourceName.MEASURES,
        lang,
        url=routes.DEPLOYS,
        value=_share(worst.share if worst else None, lang),
        remark=_resource(worst, lang) if worst else text("page.overview.no_fullness", lang),
        tone=_over(worst.share if worst else None, rules.FULLEST),
    )
    return [requests, errors, slow, fallbacks, full]


def works(facts: Facts, lang: Lang) -> list[TileRow]:
    """Alerts and the Watchdog, the scheduler, mails, the last backup and deploy, and who is on call."""
    return [_alerts(facts.alerts, lang), _watchdog(facts.alerts, lang), _jobs(facts.jobs, lang),
            _mail(facts.mail, lang), _backup(facts.backups, lang), _runs(facts.runs, lang),
            _deploy(facts.changes, lang), _on_call(lang)]  # fmt: skip


def money(facts: Facts, lang: Lang) -> list[TileRow]:
    """The last billing run, invoices under review, days without bills, and payments."""
    return [*_billing(facts.billing, lang), *_payments(facts.payments, lang)]


def _billing(reading: SourceReading[Billing], lang: Lang) -> list[TileRow]:
    known, source = reading.value, SourceName.BILLING
    finished = known.health.last_finished_at if known else None
    is_failed = _failed_last(known)
    late = len(known.late_days) + len(known.health.overdue_days) if known else 0
    last = _tile(
        "last_run",
        reading,
        source,
        lang,
        url=routes.BILLING,
        value=fmt.moment(finished, lang) if finished else "—",
        remark=text("page.overview.run_failed", lang) if is_failed else "",
        tone="warn" if is_failed else "ok",
        at_s=seconds(finished),
    )
    held = known.health.held if known else 0
    return [
        last,
        _count("late", reading, source, late, lang, url=routes.BILLING, tone="bad"),
        _count("held", reading, source, held, lang, url=f"{routes.BILLING}?tab=held"),
    ]


def _payments(reading: SourceReading[PaymentHealth], lang: Lang) -> list[TileRow]:
    known, source = reading.value, SourceName.PAYMENTS
    undecided = _count(
        "undecided",
        reading,
        source,
        known.undecided if known else 0,
        lang,
        url=routes.PAYMENTS,
        at_s=seconds(known.oldest_undecided_at) if known else 0,
    )
    attention = known.flagged + known.overdue_checks if known else 0
    return [
        undecided,
        _count("flagged", reading, source, attention, lang, url=f"{routes.PAYMENTS}?tab=flagged"),
    ]


def chart(reading: SourceReading[Measures], lang: Lang) -> ChartRow:
    """Tokens of the last hour, as an area from left to right."""
    points = reading.value.tokens_per_min if reading.value else ()
    if not points:
        return ChartRow(label=text("page.overview.no_tokens", lang))
    peak = max(points)
    return ChartRow(
        outline=_outline(points, peak),
        label=text("page.overview.tokens_now", lang, n=fmt.number(round(points[-1]), lang)),
        peak=text("page.overview.tokens_peak", lang, n=fmt.number(round(peak), lang)),
    )


def _outline(points: Sequence[float], peak: float) -> str:
    step = _WIDTH / max(1, len(points) - 1)
    tops = [
        f"{number * step:.1f},{_HEIGHT - (each / peak if peak else 0) * (_HEIGHT - 4):.1f}"
        for number, each in enumerate(points)
    ]
    return f"M0,{_HEIGHT} L{' L'.join(tops)} L{_WIDTH},{_HEIGHT} Z"


def _alerts(reading: SourceReading[Alerting], lang: Lang) -> TileRow:
    board = reading.value.board if reading.value else None
    firing, muted = (board.firing, board.muted) if board else (0, 0)
    remark = text("page.overview.muted", lang, n=fmt.number(muted, lang)) if muted else ""
    return _count("alerts", reading, SourceName.ALERTS, firing, lang, url=routes.ALERTS, remark=remark)


def _watchdog(reading: SourceReading[Alerting], lang: Lang) -> TileRow:
    watch = reading.value.board.watch if reading.value else None
    is_well = watch is not None and not watch.alarms and not watch.is_blind
    return _tile(
        "watchdog",
        reading,
        SourceName.ALERTS,
        lang,
        url=routes.ALERTS,
        value=text("page.overview.watchdog_fires" if is_well else "page.overview.watchdog_missing", lang),
        tone="ok" if is_well else "bad",
        at_s=seconds(watch.looked_at) if watch else 0,
    )


def _jobs(reading: SourceReading[SchedulerStanding], lang: Lang) -> TileRow:
    standing = reading.value
    paused = [job for job in standing.jobs if job.pause] if standing else []
    leader = standing.leader if standing else None
    names = fmt.listed((job_name(job.job, lang) for job in paused), lang)
    coming = [each.next_run_at for job in standing.jobs for each in job.schedules] if standing else []
    following = min((at for at in coming if at), default=None)
    remark = text("page.overview.paused", lang, names=names) if paused else ""
    if not remark and following:
        remark = text("page.overview.next_start", lang, at=fmt.clock_time(following, lang))
    return _tile(
        "scheduler",
        reading,
        SourceName.JOBS,
        lang,
        url=routes.JOBS,
        value=text("page.overview.leads" if leader else "page.overview.no_leader", lang),
        remark=remark,
        tone="bad" if leader is None else "warn" if paused else "ok",
        at_s=seconds(standing.last_leader_seen_at) if standing and leader is None else 0,
    )


def _mail(reading: SourceReading[OutboxState], lang: Lang) -> TileRow:
    state = reading.value
    stuck = (state.given_up + state.rejected) if state else 0
    remark = text("page.overview.stuck", lang, n=fmt.number(stuck, lang)) if stuck else ""
    value = fmt.number(state.waiting, lang) if state else "—"
    tone = "warn" if stuck else "ok"
    at_s = seconds(state.oldest_waiting) if state else 0
    return _tile(
        "outbox",
        reading,
        SourceName.MAIL,
        lang,
        url=routes.BILLING,
        value=value,
        remark=remark,
        tone=tone,
        at_s=at_s,
    )


def _backup(reading: SourceReading[BackupHealth], lang: Lang) -> TileRow:
    known = reading.value
    at, drill = (known.backup_at, known.drill) if known else (None, None)
    is_off = known is not None and known.expected_since is None
    nothing = "overview.state.disabled" if is_off else "page.overview.no_backup"
    remark = "" if is_off else text("page.overview.no_drill", lang)
    if drill is not None and drill.error:
        remark = text("page.overview.drill_failed", lang)
    elif drill is not None:
        remark = text(
            "page.overview.drill_passed",
            lang,
            rows=fmt.number(drill.row_count, lang),
            seconds=fmt.duration(drill.duration.total_seconds(), lang),
        )
    found = rules.backup_level(known, reading.read_at) if known and reading.read_at else Level.OK
    return _tile(
        "backup",
        reading,
        SourceName.BACKUPS,
        lang,
        url=f"{routes.RUNBOOKS}/{'RestoreDrillFailed' if drill and drill.error else 'BackupTooOld'}",
        value=fmt.moment(at, lang) if at else text(nothing, lang),
        remark=remark,
        tone=found.value,
        at_s=seconds(at),
    )


def _runs(reading: SourceReading[RunsStanding], lang: Lang) -> TileRow:
    """Runs at work; beside them those that wait for an approver, and those that failed within a day."""
    known = reading.value or RunsStanding(at_work=0, waiting=0, failed=0)
    waiting = text("page.overview.runs_waiting", lang, n=fmt.number(known.waiting, lang))
    failed = text("page.overview.runs_failed", lang, n=fmt.number(known.failed, lang))
    remarks = [words for words, count in ((waiting, known.waiting), (failed, known.failed)) if count]
    query = f"?state={RunStage.WAITING}" if known.waiting else ""
    return _tile(
        "runs",
        reading,
        SourceName.RUNS,
        lang,
        url=f"{routes.RUNS}{query}",
        value=fmt.number(known.at_work, lang),
        remark=fmt.listed(remarks, lang),
        tone="warn" if remarks else "ok",
        at_s=seconds(known.oldest_waiting_at),
    )


def _deploy(reading: SourceReading[Changes], lang: Lang) -> TileRow:
    last = reading.value.deploys[0] if reading.value and reading.value.deploys else None
    value = text("page.overview.no_deploy", lang)
    if last is not None:
        value = fmt.code(f"{last.told.service} {last.told.version}", lang)
    return _tile(
        "last_deploy",
        reading,
        SourceName.CHANGES,
        lang,
        url=routes.DEPLOYMENTS,
        value=value,
        remark=text(f"deployment.result.{last.told.result}", lang) if last else "",
        # It is past, and its rollout says what is broken now.
        tone="warn" if last and last.is_failure else "ok",
        at_s=seconds(last.told.started_at) if last else 0,
    )


def _on_call(lang: Lang) -> TileRow:
    known = settings()
    return TileRow(
        key="on_call",
        title=text("page.overview.tile.on_call", lang),
        value=parts_of(known.on_call or text("page.overview.nobody_on_call", lang)),
        remark="",
        tone="" if known.on_call else "info",
        word="",
        url=known.on_call_url,
        source="",
    )


def _count(
    key: str,
    reading: SourceReading[T],
    source: SourceName,
    count: int,
    lang: Lang,
    *,
    url: str,
    remark: str = "",
    tone: str = "warn",
    at_s: int = 0,
) -> TileRow:
    value = fmt.number(count, lang)
    return _tile(
        key,
        reading,
        source,
        lang,
        url=url,
        value=value,
        remark=remark,
        tone=tone if count else "ok",
        at_s=at_s,
    )


def _tile(
    key: str,
    reading: SourceReading[T],
    source: SourceName,
    lang: Lang,
    *,
    url: str,
    value: str,
    remark: str = "",
    tone: str = "ok",
    at_s: int = 0,
) -> TileRow:
    """A tile of a source. One that is silent is unknown, whatever was known last, and never green."""
    if reading.value is None:
        value, remark, at_s = "—", "", 0
    if reading.is_pending or reading.unknown_since is not None:
        tone = "unknown"
    return TileRow(
        key=key,
        title=text(f"page.overview.tile.{key}", lang),
        value=parts_of(value),
        remark=remark,
        tone=tone,
        word=text(f"overview.level.{tone}", lang),
        url=url,
        source=source.value,
        unknown_s=seconds(reading.unknown_since),
        at_s=at_s,
    )


def _failed_last(known: Billing | None) -> bool:
    if known is None:
        return False
    failed, finished = known.health.last_failed_at, known.health.last_finished_at
    return failed is not None and (finished is None or failed > finished)


def _resource(full: Fullness, lang: Lang) -> str:
    name = text(f"overview.fullness.{full.name}", lang)
    if not full.server:
        return name
    return text("page.overview.told_by", lang, what=name, server=fmt.code(full.server, lang))


def _over(value: float | None, line: float) -> str:
    return "warn" if value is not None and value > line else "ok"


def _share(share: float | None, lang: Lang) -> str:
    return "—" if share is None else fmt.percent(round(share, 4), lang)


def _rate(per_s: float | None, lang: Lang) -> str:
    return (
        "—" if per_s is None else text("page.overview.per_second", lang, n=fmt.digits(f"{per_s:,.2f}", lang))
    )
