"""From the ledger of deployments to what the page shows: preformatted strings in the reader's language."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.config import settings
from backend.deploys.ledger_rules import ci_link, is_silent
from backend.deploys.ledger_types import DeliveryFigures, DeployRecord, DeployResult, SmokeTest
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import routes

_SHORT_COMMIT = 12
_SHORT_DIGEST = 19
_WEEK_DAYS = 7
_TONES = {
    DeployResult.RUNNING: "info",
    DeployResult.SUCCEEDED: "ok",
    DeployResult.FAILED: "bad",
    DeployResult.ROLLED_BACK: "bad",
    DeployResult.CANCELLED: "",
}
_SMOKE_TONES = {SmokeTest.PASSED: "ok", SmokeTest.FAILED: "bad", SmokeTest.SKIPPED: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRow:
    """A deployment. All that its sender told is text; an empty string says that there is nothing to show."""

    key: str
    url: str
    service: str
    version: str
    started: str
    lasted: str
    result: str
    tone: str
    silence: str
    smoke_test: str
    smoke_tone: str
    author: str
    author_url: str
    commit: str
    branch: str
    ci_run: str
    ci_url: str
    place: str
    workloads: list[str]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureView:
    """A figure of DORA: a dash where there is too little for it, and then the remark says of what."""

    value: str = "—"
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresView:
    """DORA's four figures."""

    frequency: FigureView = FigureView()
    lead_time: FigureView = FigureView()
    failures: FigureView = FigureView()
    restore: FigureView = FigureView()


def to_deployment(record: DeployRecord, now: datetime, lang: Lang) -> DeploymentRow:
    """A line of the list."""
    told, smoke = record.told, record.told.smoke_test
    return DeploymentRow(
        key=str(record.id),
        url=routes.deployment(record.id),
        service=told.service,
        version=told.version,
        started=fmt.moment(told.started_at, lang),
        lasted=_length(record, now, lang),
        result=text(f"deployment.result.{told.result}", lang),
        tone="warn" if is_silent(told, now) else _TONES[told.result],
        silence=text("page.deployments.silent", lang) if is_silent(told, now) else "",
        smoke_test=text(f"deployment.smoke_test.{smoke}", lang) if smoke else "",
        smoke_tone=_SMOKE_TONES[smoke] if smoke else "",
        author=told.author,
        author_url=routes.with_query(routes.DEPLOYMENTS, {routes.AUTHOR: told.author}),
        commit=told.commit_sha[:_SHORT_COMMIT],
        branch=told.branch,
        ci_run=told.ci_run,
        ci_url=ci_link(told.ci_run, settings().ci_hosts),
        place=" / ".join(each for each in (told.environment, told.namespace) if each),
        workloads=list(told.workloads),
        digest=told.image_digest[:_SHORT_DIGEST],
    )


def _length(record: DeployRecord, now: datetime, lang: Lang) -> str:
    if record.length is not None:
        return fmt.duration(record.length.total_seconds(), lang)
    so_far = max(timedelta(0), now - record.told.started_at)
    # Whole minutes: the page would otherwise be sent again for each second.
    minutes = max(timedelta(minutes=1), so_far - so_far % timedelta(minutes=1))
    return text("page.deployments.so_far", lang, length=fmt.duration(minutes.total_seconds(), lang))


def to_figures(figures: DeliveryFigures, lang: Lang) -> FiguresView:
    """The four figures, each with what it is made of, or with what is missing."""
    return FiguresView(
        frequency=_frequency(figures, lang),
        lead_time=_lead_time(figures, lang),
        failures=_failures(figures, lang),
        restore=_restore(figures, lang),
    )


def _frequency(figures: DeliveryFigures, lang: Lang) -> FigureView:
    if figures.deploys_per_day is None:
        return FigureView(remark=text("page.deployments.frequency_missing", lang))
    per_day = figures.deploys_per_day
    if per_day >= 1:
        value = text("page.deployments.per_day", lang, n=_decimal(per_day, lang))
    else:
        value = text("page.deployments.per_week", lang, n=_decimal(per_day * _WEEK_DAYS, lang))
    return FigureView(
        value=value,
        remark=text(
            "page.deployments.frequency_made_of",
            lang,
            count=fmt.number(figures.success_count, lang),
            days=fmt.number(round(figures.days), lang),
        ),
    )


def _decimal(value: float, lang: Lang) -> str:
    return fmt.digits(f"{value:.1f}".removesuffix(".0"), lang)


def _lead_time(figures: DeliveryFigures, lang: Lang) -> FigureView:
    if figures.lead_time is None:
        return FigureView(remark=text("page.deployments.lead_missing", lang))
    return FigureView(
        value=fmt.duration(figures.lead_time.total_seconds(), lang),
        remark=text("page.deployments.lead_made_of", lang, count=fmt.number(figures.lead_count, lang)),
    )


def _failures(figures: DeliveryFigures, lang: Lang) -> FigureView:
    if figures.failure_share is None:
        return FigureView(remark=text("page.deployments.failures_missing", lang))
    return FigureView(
        value=fmt.percent(figures.failure_share, lang),
        remark=text(
            "page.deployments.failures_made_of",
            lang,
            count=fmt.number(figures.failure_count, lang),
            of=fmt.number(figures.finished_count, lang),
        ),
    )


def _restore(figures: DeliveryFigures, lang: Lang) -> FigureView:
    still = figures.unrestored_count
    waiting = text("page.deployments.unrestored", lang, count=fmt.number(still, lang)) if still else ""
    if figures.time_to_restore is None:
        return FigureView(remark=f"{text('page.deployments.restore_missing', lang)} {waiting}".strip())
    made_of = text("page.deployments.restore_made_of", lang, count=fmt.number(figures.restore_count, lang))
    return FigureView(
        value=fmt.duration(figures.time_to_restore.total_seconds(), lang),
        remark=f"{made_of} {waiting}".strip(),
    )
