"""The lists of the overview: alerts, rollouts, changes, silences and dependencies."""

from datetime import datetime

from backend.alerts import summary_rules
from backend.alerts.types import AlertGroup, AlertSource, Severity, SourceKind
from backend.deploys.ledger_types import DeployRecord
from backend.deploys.types import RolloutState, WorkloadSummary
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.overview import rules
from backend.overview.types import Facts, SourceName, SourceReading
from portal import routes
from portal.audit_words import entry_words, target_url
from portal.components.isolated import TextPart, parts_of
from portal.features.overview.rows import AlertLine, ChangeLine, DependencyLine, RolloutLine, seconds

_MOST = 6
SEVERITY_TONES = {Severity.CRITICAL: "bad", Severity.WARNING: "warn", Severity.INFO: "info"}
ROLLOUT_TONES = {RolloutState.FAILED: "bad", RolloutState.STUCK: "bad", RolloutState.PAUSED: "warn"}
_WORTH_TELLING = {RolloutState.PROGRESSING, RolloutState.STUCK, RolloutState.FAILED, RolloutState.PAUSED}


def alerts(facts: Facts, now: datetime, lang: Lang) -> list[AlertLine]:
    """The groups of alerts that nothing mutes, the worst first."""
    if facts.alerts.value is None:
        return []
    board = facts.alerts.value.board
    heard = [group for group in board.groups if not group.is_muted]
    return [_alert(group, board.fired_in_day, now, lang) for group in heard[:_MOST]]


def _alert(group: AlertGroup, fired_in_day: object, now: datetime, lang: Lang) -> AlertLine:
    assert isinstance(fired_in_day, dict)
    summary = summary_rules.summary_of(group, fired_in_day, now, lang)
    first = group.alerts[0]
    return AlertLine(
        key=group.key,
        title=summary_rules.name_of(first, lang),
        sentence=parts_of(" ".join(each.text for each in summary.sentences)),
        severity=text(f"alerts.severity.{group.severity}", lang),
        tone=SEVERITY_TONES[group.severity],
        since_s=seconds(group.started_at),
        url=routes.alert(first.fingerprint),
    )


def rollouts(facts: Facts, lang: Lang) -> list[RolloutLine]:
    """The rollouts that move, are paused or are stuck, the stuck ones first."""
    items = facts.cluster.value.items if facts.cluster.value else ()
    found = [each for each in items if each.rollout.state in _WORTH_TELLING]
    found.sort(key=lambda each: (each.rollout.state == RolloutState.PROGRESSING, each.id))
    return [_rollout(each, lang) for each in found[:_MOST]]


def _rollout(workload: WorkloadSummary, lang: Lang) -> RolloutLine:
    named, rollout = workload.id, workload.rollout
    reason = rollout.reason
    return RolloutLine(
        key=f"{named.namespace}/{named.kind}/{named.name}",
        name=[TextPart(text=f"{named.namespace}/{named.name}", is_name=True)],
        state=text(f"deploy.state.{rollout.state}", lang),
        tone=ROLLOUT_TONES.get(rollout.state, "info"),
        words=text(f"deploy.stuck.{reason.kind}", lang) if reason else "",
        since_s=seconds((reason.since if reason else None) or workload.revision_at),
        url=routes.workload(named.namespace, named.kind, named.name),
    )


def changes(facts: Facts, lang: Lang) -> list[ChangeLine]:
    """Deployments and actions of late, the newest first."""
    known = facts.changes.value
    if known is None:
        return []
    actions = [
        ChangeLine(
            key=f"audit-{entry.id}",
            at_s=seconds(entry.event.at),
            sentence=parts_of(entry_words(entry.event, lang)),
            url=target_url(entry.event.target) or routes.AUDIT,
        )
        for entry in known.actions
    ]
    lines = [*[_deploy(each, lang) for each in known.deploys], *actions]
    return sorted(lines, key=lambda line: -line.at_s)[: 2 * _MOST]


def _deploy(record: DeployRecord, lang: Lang) -> ChangeLine:
    told = record.told
    sentence = text(
        "page.overview.deployed",
        lang,
        what=fmt.code(f"{told.service} {told.version}", lang),
        who=summary_rules.shown(told.author) or "—",
        result=text(f"deployment.result.{told.result}", lang),
    )
    return ChangeLine(
        key=f"deploy-{record.id}",
        at_s=seconds(told.started_at),
        sentence=parts_of(sentence),
        url=routes.DEPLOYMENTS,
    )


def silences(facts: Facts, lang: Lang) -> list[ChangeLine]:
    """The silences that end soon, the nearest first."""
    ending = facts.alerts.value.ending if facts.alerts.value else ()
    return [
        ChangeLine(
            key=each.id,
            at_s=seconds(each.ends_at),
            sentence=parts_of(
                summary_rules.shown(each.comment, 120) or text("page.overview.a_silence", lang)
            ),
            url=routes.SILENCES,
        )
        for each in ending[:_MOST]
    ]


def dependencies(facts: Facts, lang: Lang) -> list[DependencyLine]:
    """Everybody whom we need, with since when they answer or do not."""
    readings: list[tuple[SourceName, SourceReading[object]]] = [
        (SourceName.DATABASE, facts.database),
        (SourceName.MEASURES, facts.measures),
        (SourceName.PROVIDER, facts.provider),
        (SourceName.GATEWAY, facts.gateway),
        (SourceName.MAIL_SERVER, facts.mail_server),
    ]
    if facts.redis.value or facts.redis.unknown_since is not None:
        readings.append((SourceName.REDIS, facts.redis))
    lines = [_dependency(name, reading, lang) for name, reading in readings]
    watched = facts.alerts.value.board.watch.sources if facts.alerts.value else ()
    lines += [_watched(each, facts.alerts, lang) for each in watched if _has_own_line(each)]
    return [*lines, *_cluster(facts, lang)]


def _has_own_line(source: AlertSource) -> bool:
    """Alertmanagers do, and so does each of several measuring servers; one alone has that of the measures."""
    is_one_of_several = source.kind == SourceKind.PROMETHEUS and source.name != source.kind
    return source.kind == SourceKind.ALERTMANAGER or is_one_of_several


def _dependency(name: SourceName, reading: SourceReading[object], lang: Lang) -> DependencyLine:
    is_away = reading.unknown_since is not None
    state = "pending" if reading.is_pending else "away" if is_away else "answers"
    return DependencyLine(
        key=name.value,
        name=parts_of(text(f"overview.source.{name}", lang)),
        word=text(f"overview.dependency.{state}", lang),
        tone="unknown" if reading.is_pending else "bad" if is_away else "ok",
        since_s=seconds(reading.unknown_since or reading.known_since),
        cause=_cause(reading.cause, lang),
    )


def _watched(source: AlertSource, reading: SourceReading[object], lang: Lang) -> DependencyLine:
    is_away = source.failing_since is not None
    is_unknown = reading.unknown_since is not None
    state = "unknown" if is_unknown else "away" if is_away else "answers"
    return DependencyLine(
        key=f"{source.kind}-{source.name}",
        name=[TextPart(text=f"{source.kind.capitalize()} {source.name}", is_name=True)],
        word=text(f"overview.dependency.{state}", lang),
        tone="unknown" if is_unknown else "bad" if is_away else "ok",
        since_s=seconds(reading.unknown_since or source.failing_since),
        cause="" if is_unknown else _cause(source.cause, lang),
    )


def _cluster(facts: Facts, lang: Lang) -> list[DependencyLine]:
    reading = facts.cluster
    health = reading.value.health if reading.value else None
    if health is not None and not health.is_configured:
        return []
    since = reading.unknown_since or (health.unknown_since if health else None)
    state = "away" if since else "pending" if health is None else "answers"
    return [
        DependencyLine(
            key=SourceName.CLUSTER.value,
            name=parts_of(text("overview.source.cluster", lang)),
            word=text(f"overview.dependency.{state}", lang),
            tone={"away": "bad", "pending": "unknown"}.get(state, "ok"),
            since_s=seconds(since),
            cause="",
        )
    ]


def ages(facts: Facts) -> dict[str, int]:
    """The instant of the last answer of each source, in whole seconds."""
    names = [*rules.ESSENTIAL, SourceName.BACKUPS, SourceName.CHANGES, SourceName.RUNS]
    return {name.value: seconds(rules.reading_of(facts, name).read_at) for name in names}


def unknown(facts: Facts) -> dict[str, int]:
    """The instant since which a list is unknown, zero while it is known: an empty one is no good news then."""
    watch = facts.alerts.value.board.watch if facts.alerts.value else None
    lost = [each.failing_since or each.answered_at for each in watch.alarms] if watch else []
    if watch and watch.is_blind:
        lost.append(watch.looked_at or facts.alerts.read_at)
    return {
        SourceName.ALERTS.value: seconds(facts.alerts.unknown_since or min(filter(None, lost), default=None)),
        SourceName.CLUSTER.value: seconds(facts.cluster.unknown_since),
    }


def _cause(cause: str, lang: Lang) -> str:
    key = f"overview.cause.{cause}"
    return text(key, lang) if cause and has(key) else ""
