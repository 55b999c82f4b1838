"""Rows of the alerts page: formatted strings in the reader's language. Outside text is cleaned, cut and isolated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backend.alerts.summary_rules import name_of, places_of, shown, summary_of
from backend.alerts.types import (
    AlertBoard,
    AlertGroup,
    AlertSource,
    Firing,
    Observation,
    PastFiring,
    Severity,
    Silence,
    SourceKind,
    WatchState,
)
from backend.deploys.ledger_types import DeployRecord
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import routes
from portal.features.alerts.deploy_rows import DeployLine, to_lines
from portal.features.alerts.wording_rows import WordedRow

MOST_ALERTS = 5
"""Alerts of a group that are listed at first; the others are one click away."""
MOST_OF_WHOLE = 200
TONES = {Severity.CRITICAL: "bad", Severity.WARNING: "warn", Severity.INFO: "info"}
LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLine:
    """A sentence on whether somebody watches."""

    sentence: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchView:
    """Whether alerts are watched at all: alarms, and in one line when somebody looked last."""

    alarms: list[WatchLine] = field(default_factory=list)
    looked: str = ""
    is_well: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """An alert of a group."""

    key: str
    url: str
    name: str
    code: str
    severity: str
    tone: str
    since: str
    places: str
    muted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceRow:
    """A sentence of a summary, with the way to the alert that it is about."""

    sentence: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """A group of alerts with its summary."""

    key: str
    title: str
    severity: str
    tone: str
    since: str
    is_muted: bool
    sentences: list[SentenceRow]
    alerts: list[AlertRow]
    left_out: str
    whole_url: str
    deploys: list[DeployLine]
    worded: WordedRow = field(default_factory=WordedRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRow:
    """A firing of the history."""

    key: str
    url: str
    name: str
    code: str
    severity: str
    tone: str
    places: str
    started: str
    lasted: str
    ended: str
    notes: str


def to_watch(watch: WatchState, now: datetime, lang: Lang) -> WatchView:
    """Whether somebody watches. A source that is away is unknown since then, never well."""
    alarms = [_alarm(source, now, lang) for source in watch.alarms]
    if watch.is_blind:
        alarms.insert(0, WatchLine(sentence=_blind(watch, now, lang), tone="bad"))
    looked = ""
    if watch.looked_at:
        looked = text("page.alerts.looked", lang, at=fmt.moment(watch.looked_at, lang))
    return WatchView(alarms=alarms, looked=looked, is_well=not alarms)


def _blind(watch: WatchState, now: datetime, lang: Lang) -> str:
    if watch.looked_at is None:
        return text("page.alerts.never_looked", lang)
    return text(
        "page.alerts.blind",
        lang,
        at=fmt.moment(watch.looked_at, lang),
        lasting=_lasting(watch.looked_at, now, lang),
    )


def _alarm(source: AlertSource, now: datetime, lang: Lang) -> WatchLine:
    since = source.failing_since or now
    about = {"at": fmt.moment(since, lang), "lasting": _lasting(since, now, lang)}
    match source.kind:
        case SourceKind.WATCHDOG:
            sentence = text("page.alerts.no_watchdog", lang, **about)
        case SourceKind.PROMETHEUS:
            is_alone = source.name == source.kind
            key = "page.alerts.no_prometheus" if is_alone else "page.alerts.no_prometheus_of_several"
            sentence = text(key, lang, name=shown(source.name), **about)
        case _:
            sentence = text("page.alerts.no_alertmanager", lang, name=shown(source.name), **about)
    return WatchLine(sentence=sentence, tone="bad")


def to_group(
    group: AlertGroup,
    board: AlertBoard,
    deploys: Sequence[DeployRecord],
    lang: Lang,
    *,
    with_muted: bool,
    worded: WordedRow | None = None,
    whole_url: str = "",
) -> GroupRow:
    """A group of alerts with its summary; one without a ``whole_url`` is listed as a whole.

    Muted alerts are listed only on demand; the summary counts them in any case.
    """
    summary = summary_of(group, board.fired_in_day, board.read_at, lang)
    listed = [alert for alert in (*group.alerts, *group.followers) if with_muted or not alert.muting.is_muted]
    # Whoever inhibits an alert is in its group.
    names = {alert.fingerprint: name_of(alert, lang) for alert in (*group.alerts, *group.followers)}
    most = MOST_ALERTS if whole_url else MOST_OF_WHOLE
    left_out = len(listed) - most
    return GroupRow(
        key=group.key,
        title=summary.title,
        severity=text(f"alerts.severity.{group.severity}", lang),
        tone=TONES[group.severity],
        since=fmt.moment(group.started_at, lang),
        is_muted=group.is_muted,
        sentences=[
            SentenceRow(sentence=each.text, url=routes.alert(each.fingerprints[0]))
            for each in summary.sentences
        ],
        alerts=[to_alert(each, board.silences, names, lang) for each in listed[:most]],
        left_out=text("page.alerts.left_out", lang, n=fmt.number(left_out, lang)) if left_out > 0 else "",
        whole_url=whole_url,
        deploys=to_lines(deploys, group.started_at, lang),
        worded=worded or WordedRow(),
    )


def to_alert(firing: Firing, silences: Sequence[Silence], names: Mapping[str, str], lang: Lang) -> AlertRow:
    """An alert of a group."""
    return AlertRow(
        key=firing.fingerprint,
        url=routes.alert(firing.fingerprint),
        name=name_of(firing, lang),
        code=shown(firing.name),
        severity=text(f"alerts.severity.{firing.severity}", lang),
        tone=TONES[firing.severity],
        since=fmt.moment(firing.started_at, lang),
        places=_places(firing),
        muted_by=muted_words(firing, silences, names, lang),
    )


def muted_words(firing: Firing, silences: Sequence[Silence], names: Mapping[str, str], lang: Lang) -> str:
    """The reason why an alert is muted, in a sentence; empty where nothing does."""
    muting = firing.muting
    if muting.inhibited_by:
        by = [names.get(each, each[:8]) for each in muting.inhibited_by[:3]]
        return text("page.alerts.inhibited_by", lang, names=fmt.listed(by, lang))
    if muting.silenced_by:
        known = [each for each in silences if each.id in muting.silenced_by]
        if not known:
            return text("page.alerts.silenced", lang)
        last = max(known, key=lambda silence: silence.ends_at)
        return text(
            "page.alerts.silenced_by",
            lang,
            who=shown(last.created_by) or "—",
            until=fmt.moment(last.ends_at, lang),
            why=shown(last.comment, LONGEST_NOTE) or "—",
        )
    return text("page.alerts.quiet_time", lang) if muting.muted_by else ""


def to_past(past: PastFiring, now: datetime, lang: Lang) -> PastRow:
    """A firing of the history."""
    firing = past.firing
    end = firing.resolved_at or now
    return PastRow(
        key=str(firing.id),
        url=routes.alert(firing.fingerprint),
        name=name_of(firing, lang),
        code=shown(firing.name),
        severity=text(f"alerts.severity.{firing.severity}", lang),
        tone=TONES[firing.severity],
        places=_places(firing),
        started=fmt.moment(firing.started_at, lang),
        lasted=_lasting(firing.started_at, end, lang),
        ended=ending(firing, lang),
        notes=fmt.listed(_notes(past, lang), lang),
    )


def ending(firing: Firing, lang: Lang) -> str:
    """The end of a firing, as far as anybody can know."""
    if firing.resolved_at is None or firing.resolution is None:
        return text("page.alerts.goes_on", lang)
    at = fmt.moment(firing.resolved_at, lang)
    return text(f"alerts.ended.{firing.resolution}", lang, at=at)


def _notes(past: PastFiring, lang: Lang) -> list[str]:
    notes = []
    if past.fired_in_day > 1:
        notes.append(text("page.alerts.times", lang, n=fmt.number(past.fired_in_day, lang)))
    if past.firing.was_silenced:
        notes.append(text("page.alerts.was_silenced", lang))
    if past.firing.was_inhibited:
        notes.append(text("page.alerts.was_inhibited", lang))
    return notes


def to_gap(gap: Observation, lang: Lang) -> str:
    """A stretch that nobody observed, in a sentence."""
    return text(
        "page.alerts.gap",
        lang,
        since=fmt.moment(gap.since, lang),
        until=fmt.moment(gap.until, lang),
        lasting=_lasting(gap.since, gap.until, lang),
    )


def _places(firing: Firing) -> str:
    # From left to right in either language, as its rule writes it.
    return " · ".join(f"\u2066{name}={shown(value)}\u2069" for name, value in places_of(firing))


def _lasting(since: datetime, until: datetime, lang: Lang) -> str:
    return fmt.duration(max(0.0, (until - since).total_seconds()), lang)
