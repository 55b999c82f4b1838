"""Rules of alerts: one view of several Alertmanagers, and what changed since the last look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from backend.alerts.types import (
    AlertEventKind,
    AlertSource,
    FiringChange,
    FiringChanges,
    FiringEnd,
    Muting,
    Observation,
    OpenFiring,
    Resolution,
    SeenAlert,
    Severity,
    Silence,
    SilenceChange,
    SilenceChangeKind,
    SilenceState,
    SourceAnswer,
    SourceKind,
)

# The job looks every 30 seconds; two rounds may fail before anybody speaks of a gap.
LONGEST_STEP = timedelta(seconds=120)
# Prometheus repeats every alert once a minute; before that a fresh Alertmanager proves nothing by its silence.
SETTLING = timedelta(seconds=90)
WATCHDOG_PATIENCE = timedelta(minutes=5)
# The clocks of Prometheus and Alertmanager differ by less.
SAME_START = timedelta(seconds=1)

LONGEST_VALUE = 1000
MOST_LABELS = 64
LONGEST_FINGERPRINT = 64

_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "high": Severity.CRITICAL,
    "error": Severity.CRITICAL,
    "info": Severity.INFO,
    "none": Severity.INFO,
    "low": Severity.INFO,
}


def severity_of(labels: Mapping[str, str]) -> Severity:
    """The severity by the label; a word that nobody knows, or none, is a warning."""
    return _SEVERITIES.get(labels.get("severity", "").lower(), Severity.WARNING)


def service_of(labels: Mapping[str, str]) -> str:
    """The service that an alert is about: its label ``service``, else its ``job``."""
    return labels.get("service") or labels.get("job") or ""


def storable(texts: Mapping[str, str]) -> dict[str, str]:
    """Labels or annotations as they can be stored: without zero bytes, of bounded number and length."""
    kept = sorted(texts.items())[:MOST_LABELS]
    return {storable_text(name): storable_text(value) for name, value in kept}


def storable_text(text: str) -> str:
    """A text from outside as it can be stored: without zero bytes, and cut to length."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:LONGEST_VALUE]


def merged(shown: Iterable[Iterable[SeenAlert]]) -> tuple[SeenAlert, ...]:
    """The alerts of several Alertmanagers as one list, each fingerprint once, by fingerprint.

    An alert is muted only where every Alertmanager that shows it mutes it: any other still sends messages. It began
    when the first of them says, and it lasts as long as the last says.
    """
    found: dict[str, SeenAlert] = {}
    for alerts in shown:
        for alert in alerts:
            known = found.get(alert.fingerprint)
            found[alert.fingerprint] = alert if known is None else _joined(known, alert)
    return tuple(found[fingerprint] for fingerprint in sorted(found))


def _joined(first: SeenAlert, second: SeenAlert) -> SeenAlert:
    newer = max(first, second, key=lambda alert: alert.ends_at)
    return replace(
        newer,
        started_at=min(first.started_at, second.started_at),
        muting=_muting_of_both(first.muting, second.muting),
    )


def _muting_of_both(first: Muting, second: Muting) -> Muting:
    if not (first.is_muted and second.is_muted):
        return Muting()
    return Muting(
        silenced_by=_union(first.silenced_by, second.silenced_by),
        inhibited_by=_union(first.inhibited_by, second.inhibited_by),
        muted_by=_union(first.muted_by, second.muted_by),
    )


def _union(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({*first, *second}))


def merged_silences(shown: Iterable[Iterable[Silence]]) -> tuple[Silence, ...]:
    """The silences of several Alertmanagers as one list; of two versions of a silence the newer one."""
    found: dict[str, Silence] = {}
    for silences in shown:
        for silence in silences:
            known = found.get(silence.id)
            if known is None or silence.updated_at > known.updated_at:
                found[silence.id] = silence
    return tuple(found[silence_id] for silence_id in sorted(found))


def gap_before(last: Observation | None, now: datetime) -> Observation | None:
    """The stretch before ``now`` in which nobody looked, or None when the last look was recent enough."""
    if last is None or now - last.until <= LONGEST_STEP:
        return None
    return Observation(since=last.until, until=now)


def changes(
    stored: Iterable[OpenFiring],
    seen: Iterable[SeenAlert],
    *,
    last_look: datetime | None,
    now: datetime,
    was_unwatched: bool,
    proves_absence: bool,
) -> FiringChanges:
    """The difference between the firings that were open at the last look and the alerts that are seen now.

    An alert that began anew since the last look ended in between: it is one firing that ended and another that began.
    """
    now_by_fingerprint = {alert.fingerprint: alert for alert in seen}
    changed: list[FiringChange] = []
    ended: list[FiringEnd] = []
    known: set[str] = set()
    for firing in stored:
        alert = now_by_fingerprint.get(firing.fingerprint)
        if alert is None:
            if proves_absence:
                how = _resolution(firing, now, was_unwatched=was_unwatched)
                ended.append(FiringEnd(id=firing.id, resolved_at=now, resolution=how))
        elif _began_anew(firing, alert, last_look):
            how = Resolution.UNSEEN if was_unwatched else Resolution.CONDITION
            ended.append(FiringEnd(id=firing.id, resolved_at=alert.started_at, resolution=how))
        else:
            known.add(firing.fingerprint)
            if change := _change(firing, alert):
                changed.append(change)
    opened = tuple(alert for fingerprint, alert in now_by_fingerprint.items() if fingerprint not in known)
    return FiringChanges(opened=opened, changed=tuple(changed), ended=tuple(ended))


def _began_anew(firing: OpenFiring, alert: SeenAlert, last_look: datetime | None) -> bool:
    if alert.started_at - firing.started_at <= SAME_START:
        return False
    return last_look is not None and alert.started_at > last_look


def _resolution(firing: OpenFiring, now: datetime, *, was_unwatched: bool) -> Resolution:
    if was_unwatched:
        return Resolution.UNSEEN
    # Whoever resolves an alert says so before its time is up; one that is only forgotten lasts until then.
    return Resolution.SILENT if firing.ends_at <= now else Resolution.CONDITION


def _change(firing: OpenFiring, alert: SeenAlert) -> FiringChange | None:
    event = muting_event(firing.muting, alert.muting)
    is_same = firing.ends_at == alert.ends_at and dict(firing.annotations) == dict(alert.annotations)
    return None if event is None and is_same else FiringChange(id=firing.id, seen=alert, event=event)


def muting_event(before: Muting, after: Muting) -> AlertEventKind | None:
    """The event that a change of muting is; None when nothing changed."""
    if before == after:
        return None
    if after.inhibited_by and not before.inhibited_by:
        return AlertEventKind.INHIBITED
    if after.silenced_by and not before.silenced_by:
        return AlertEventKind.SILENCED
    if after.is_muted:
        return AlertEventKind.MUTED
    return AlertEventKind.UNMUTED


def is_overdue(source: AlertSource, now: datetime) -> bool:
    """Whether a source is an alarm of its own: it does not answer, or the Watchdog was not seen for five minutes."""
    if source.kind == SourceKind.WATCHDOG:
        return source.failing_since is not None and now - source.failing_since >= WATCHDOG_PATIENCE
    return source.failing_since is not None


def sources_after(
    known: Iterable[AlertSource], answers: Iterable[SourceAnswer], now: datetime
) -> list[AlertSource]:
    """The sources after one round: a failure that goes on keeps its beginning."""
    before = {source.name: source for source in known}
    return [_source_after(before.get(answer.name), answer, now) for answer in answers]


def _source_after(before: AlertSource | None, answer: SourceAnswer, now: datetime) -> AlertSource:
    has_answered = not answer.cause
    began = before.failing_since if before and before.failing_since else now
    last = before.answered_at if before else None
    return AlertSource(
        name=answer.name,
        kind=answer.kind,
        asked_at=now,
        answered_at=now if has_answered else last,
        failing_since=None if has_answered else began,
        cause=answer.cause,
    )


def is_source_news(before: Sequence[AlertSource], after: Sequence[AlertSource]) -> bool:
    """Whether some source began or ceased to fail."""
    return {(one.name, one.failing_since) for one in before} != {
        (one.name, one.failing_since) for one in after
    }


def silence_changes(
    stored: Iterable[Silence], shown: Iterable[Silence], now: datetime
) -> tuple[list[Silence], list[SilenceChange]]:
    """The silences that differ from what is stored, and the changes that the portal has not made itself.

    What the portal does is stored when it does it, so a difference is somebody else's work, or time's.
    """
    before = {silence.id: silence for silence in stored}
    different = [
        silence
        for silence in shown
        if (known := before.get(silence.id)) != silence and not (known and _is_older(silence, known))
    ]
    found = [
        SilenceChange(
            silence_id=silence.id,
            at=now if kind == SilenceChangeKind.EXPIRED else silence.updated_at,
            kind=kind,
            actor="" if kind == SilenceChangeKind.EXPIRED else silence.created_by,
            comment=silence.comment,
            ends_at=silence.ends_at,
        )
        for silence in different
        if (kind := _change_of(before.get(silence.id), silence)) is not None
    ]
    return different, found


def _is_older(shown: Silence, known: Silence) -> bool:
    """Whether what is shown was true before what is known: the look took a while, or one Alertmanager lags."""
    if shown.updated_at != known.updated_at:
        return shown.updated_at < known.updated_at
    return known.state is SilenceState.EXPIRED and shown.state is not SilenceState.EXPIRED


def _change_of(before: Silence | None, silence: Silence) -> SilenceChangeKind | None:
    if before is None:
        return SilenceChangeKind.CREATED
    if silence.state == SilenceState.EXPIRED and before.state != SilenceState.EXPIRED:
        is_early = silence.ends_at < before.ends_at
        return SilenceChangeKind.ENDED if is_early else SilenceChangeKind.EXPIRED
    if abs(silence.ends_at - before.ends_at) > SAME_START:
        is_longer = silence.ends_at > before.ends_at
        return SilenceChangeKind.EXTENDED if is_longer else SilenceChangeKind.SHORTENED
    return SilenceChangeKind.REPLACED if silence.comment != before.comment else None
