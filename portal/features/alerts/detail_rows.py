"""Rows of an alert's page: formatted strings in the reader's language."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from backend.alerts.summary_rules import name_of, sentence_of, shown
from backend.alerts.types import AlertDetail, AlertEvent, AlertTrend, Firing, PastFiring
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.tenants.types import Tenant
from portal import routes
from portal.action_links import ActionLink, to_links
from portal.features.alerts.deploy_rows import DeployLine
from portal.features.alerts.rows import (
    TONES,
    PastRow,
    WatchView,
    ending,
    muted_words,
    to_past,
    to_watch,
)
from portal.features.alerts.trend_layout import TrendColumn, TrendTick, lay_out_trend
from portal.place import Pager
from runbooks.offers import offers

LONGEST_LABEL = 300
LONGEST_EXPRESSION = 2000
MOST_CONCERNED = 30
# Labels that name whom or what an alert hurts.
_CONCERNS = ("tenant", "pod", "instance", "model", "node", "queue")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """A label or an annotation, as text."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernRow:
    """A company, a pod or the like that alerts of this name are about now."""

    kind: str
    value: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """An alert: what it means, since when, what mutes it, whom it concerns, and its history."""

    key: str = ""
    code: str = ""
    name: str = ""
    said: str = ""
    severity: str = ""
    tone: str = ""
    is_firing: bool = False
    since: str = ""
    lasted: str = ""
    ended: str = ""
    muted_by: str = ""
    silence_url: str = ""
    can_act: bool = False
    concerned: list[ConcernRow] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)
    notes: list[LabelRow] = field(default_factory=list)
    deploys: list[DeployLine] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    past: list[PastRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    watch: WatchView = field(default_factory=WatchView)
    runbook: str = ""
    actions: list[ActionLink] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendView:
    """A rule's expression, and the chart of what it measured; a problem where Prometheus does not tell."""

    expression: str = ""
    hold: str = ""
    columns: list[TrendColumn] = field(default_factory=list)
    ticks: list[TrendTick] = field(default_factory=list)
    limit: str = ""
    limit_height: str = ""
    is_empty: bool = False
    url: str = ""
    problem: str = ""


def to_alert_view(
    detail: AlertDetail,
    *,
    past: Sequence[PastFiring],
    tenants: Mapping[str, Tenant],
    deploys: list[DeployLine],
    pager: Pager,
    runbook: str,
    can_act: bool,
    lang: Lang,
) -> AlertView:
    """An alert's page, but for what Prometheus says."""
    firing, now = detail.firing, detail.read_at
    key = firing.fingerprint
    names = {fingerprint: name_of(each, lang) for fingerprint, each in detail.inhibitors.items()}
    end = firing.resolved_at or now
    return AlertView(
        key=firing.fingerprint,
        code=shown(firing.name),
        name=name_of(firing, lang),
        said=sentence_of(firing, lang),
        severity=text(f"alerts.severity.{firing.severity}", lang),
        tone=TONES[firing.severity],
        is_firing=firing.resolved_at is None,
        since=fmt.moment(firing.started_at, lang),
        lasted=fmt.duration(max(0.0, (end - firing.started_at).total_seconds()), lang),
        ended=ending(firing, lang),
        muted_by=muted_words(firing, detail.silences, names, lang),
        silence_url=routes.silence_of(firing.fingerprint),
        can_act=can_act,
        concerned=_concerned([firing, *detail.alike], tenants, lang),
        labels=[_label(name, value) for name, value in sorted(firing.labels.items())],
        notes=[_label(name, value) for name, value in sorted(firing.annotations.items())],
        deploys=deploys,
        events=[_event(each, names, lang) for each in detail.events],
        past=[to_past(each, now, lang) for each in past],
        pager=pager,
        watch=to_watch(detail.watch, now, lang),
        runbook=runbook,
        actions=to_links(offers(firing.name, firing.labels, fingerprint=key), lang, alert=key)
        if can_act
        else [],
    )


def _label(name: str, value: str) -> LabelRow:
    return LabelRow(name=shown(name), value=shown(value, LONGEST_LABEL))


def _concerned(firings: Sequence[Firing], tenants: Mapping[str, Tenant], lang: Lang) -> list[ConcernRow]:
    found = Counter(
        (kind, firing.labels[kind]) for firing in firings for kind in _CONCERNS if firing.labels.get(kind)
    )
    return [_concern(kind, value, tenants, lang) for kind, value in list(found)[:MOST_CONCERNED]]


def _concern(kind: str, value: str, tenants: Mapping[str, Tenant], lang: Lang) -> ConcernRow:
    tenant = tenants.get(value) if kind == "tenant" else None
    return ConcernRow(
        kind=text(f"alerts.concern.{kind}", lang),
        value=tenant.name(lang) if tenant else shown(value),
        url=routes.invoices_of_company(tenant.id) if tenant else "",
    )


def _event(event: AlertEvent, names: Mapping[str, str], lang: Lang) -> str:
    muting = event.muting
    by = [names[each] for each in muting.inhibited_by if each in names]
    said = text(f"alerts.event.{event.kind}", lang, at=fmt.moment(event.at, lang))
    return text("page.alerts.event_by", lang, said=said, by=fmt.listed(by[:3], lang)) if by else said


def to_trend(trend: AlertTrend, prometheus_url: str, lang: Lang) -> TrendView:
    """A rule's expression, and the chart of what it measured."""
    laid = lay_out_trend(trend.points, trend.limit, lang)
    return TrendView(
        expression=shown(trend.expression, LONGEST_EXPRESSION),
        hold=text("page.alerts.hold", lang, lasting=fmt.duration(trend.hold_s, lang)) if trend.hold_s else "",
        columns=laid.columns,
        ticks=laid.ticks,
        limit=laid.limit,
        limit_height=laid.limit_height,
        is_empty=all(point.value is None for point in trend.points),
        url=_in_prometheus(prometheus_url, trend.expression),
    )


def _in_prometheus(address: str, expression: str) -> str:
    if not address:
        return ""
    return f"{address}/graph?{urlencode({'g0.expr': expression, 'g0.tab': 0, 'g0.range_input': '3h'})}"


def tenant_labels(detail: AlertDetail) -> list[str]:
    """The labels of the tenants that alerts of this name are about now."""
    firings = (detail.firing, *detail.alike)
    return list(dict.fromkeys(each.labels["tenant"] for each in firings if each.labels.get("tenant")))
