"""A round of asking: every Alertmanager side by side, and Prometheus. One that is dead delays nobody."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from backend import clock
from backend.alerts import rules
from backend.alerts.types import (
    WATCHDOG,
    Matcher,
    Muting,
    SeenAlert,
    Silence,
    SilenceState,
    Snapshot,
    SourceAnswer,
    SourceKind,
)
from backend.clients.alertmanager import (
    Alertmanager,
    AlertmanagerAlert,
    AlertmanagerMatcher,
    AlertmanagerSilence,
    alertmanager,
)
from backend.clients.prometheus import server_name
from backend.clients.prometheus_servers import each_server
from backend.config import settings
from backend.errors import AppError, NotFound, Unavailable
from backend.redaction import Redactor

ACTIVE = "active"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    alerts: list[AlertmanagerAlert]
    silences: list[AlertmanagerSilence]
    started_at: datetime


def managers() -> list[Alertmanager]:
    """A client for each Alertmanager of the settings."""
    known = settings()
    return [alertmanager(url, known.alertmanager_timeout_s) for url in known.alertmanager_urls]


def look(asked_at: datetime) -> Snapshot:
    """Ask everybody once, side by side. Whoever does not answer is named with the cause; nothing is raised."""
    known, servers = managers(), _measuring_servers()
    with ThreadPoolExecutor(len(known) + len(servers)) as threads:
        asked = [threads.submit(copy_context().run, _attempt, _see, each) for each in known]
        measuring = [
            threads.submit(copy_context().run, _attempt, _ask_prometheus, number, asked_at)
            for number in range(len(servers))
        ]
        found = [each.result() for each in asked]
        measured = [each.result() for each in measuring]
    answered = [each for each in found if isinstance(each, _Seen)]
    alerts = rules.merged(map(to_alert, each.alerts) for each in answered)
    sources = [
        _answer(name_of(each.url), SourceKind.ALERTMANAGER, told)
        for each, told in zip(known, found, strict=True)
    ]
    sources += [
        _answer(name, SourceKind.PROMETHEUS, told) for name, told in zip(servers, measured, strict=True)
    ]
    sources.append(_watchdog(alerts if answered else ()))
    return Snapshot(
        asked_at=asked_at,
        alerts=alerts if answered else None,
        silences=rules.merged_silences(map(to_silence, each.silences) for each in answered)
        if answered
        else None,
        proves_absence=any(asked_at - each.started_at >= rules.SETTLING for each in answered),
        sources=tuple(sources),
    )


def matching(matchers: Sequence[Matcher]) -> tuple[SeenAlert, ...]:
    """The alerts that fire now and fit all matchers, as all Alertmanagers together show them.

    Raises:
        Unavailable: none of them answers.
        Invalid: they refuse a matcher.
    """
    known, asked = managers(), [str(matcher) for matcher in matchers]
    with ThreadPoolExecutor(len(known)) as threads:
        told = list(threads.map(lambda manager: _attempt(manager.alerts, asked), known))
    answers = [each for each in told if isinstance(each, list)]
    if not answers:
        raise next(each for each in told if isinstance(each, AppError))
    return rules.merged(map(to_alert, each) for each in answers)


def put_silence(manager: Alertmanager, wanted: Silence) -> Silence:
    """Create a silence, or change the one with its id; one that was forgotten is made again. Returns what holds now.

    Raises:
        Unavailable: no answer in time; the silence may exist all the same.
        Invalid: Alertmanager refuses it.
    """
    try:
        made_id = _put(manager, wanted, wanted.id)
    except NotFound:
        made_id = _put(manager, wanted, "")
    made = manager.silence(made_id)
    return to_silence(made) if made else replace(wanted, id=made_id)


def _put(manager: Alertmanager, wanted: Silence, silence_id: str) -> str:
    return manager.put_silence(
        [
            AlertmanagerMatcher(
                name=each.name, value=each.value, is_regex=each.is_regex, is_equal=each.is_equal
            )
            for each in wanted.matchers
        ],
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        created_by=wanted.created_by,
        comment=wanted.comment,
        silence_id=silence_id,
    )


def expire_silence(manager: Alertmanager, known: Silence) -> Silence:
    """End a silence; one that has ended or was forgotten is fine. Returns what holds now.

    Raises:
        Unavailable: no answer in time, or the silence is still there.
    """
    manager.expire_silence(known.id)
    ended = manager.silence(known.id)
    if ended is not None:
        return to_silence(ended)
    return replace(known, state=SilenceState.EXPIRED, ends_at=min(known.ends_at, clock.utc_now()))


def _see(manager: Alertmanager) -> _Seen:
    return _Seen(alerts=manager.alerts(), silences=manager.silences(), started_at=manager.started_at())


def _measuring_servers() -> list[str]:
    """The names of the measuring servers; one alone needs none of its own."""
    urls = settings().prometheus_url
    return [SourceKind.PROMETHEUS.value] if len(urls) == 1 else list(map(server_name, urls))


def _ask_prometheus(number: int, now: datetime) -> list[object]:
    known = settings()
    server = each_server(known, known.alertmanager_timeout_s, merges_replicas=True)[number]
    return list(server.instant("vector(1)", round(now.timestamp() * 1000)))


def _attempt(ask: Callable[..., T], *given: object) -> T | AppError:
    try:
        return ask(*given)
    except AppError as error:
        return error


def _answer(name: str, kind: SourceKind, told: object) -> SourceAnswer:
    cause = ""
    if isinstance(told, AppError):
        cause = str(told.data.get("cause") or told.code) if isinstance(told, Unavailable) else told.code
    return SourceAnswer(name=name, kind=kind, cause=cause)


def _watchdog(alerts: Sequence[SeenAlert]) -> SourceAnswer:
    is_seen = any(alert.labels.get("alertname") == WATCHDOG for alert in alerts)
    return SourceAnswer(
        name=SourceKind.WATCHDOG.value, kind=SourceKind.WATCHDOG, cause="" if is_seen else "missing"
    )


def name_of(url: str) -> str:
    """An Alertmanager as pages name it: host and port, and nothing that might be secret."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def to_alert(told: AlertmanagerAlert) -> SeenAlert:
    """An alert as one Alertmanager shows it, cut to what can be stored."""
    return SeenAlert(
        fingerprint=told.fingerprint[: rules.LONGEST_FINGERPRINT],
        labels=rules.storable(told.labels),
        annotations=rules.storable({name: _safe(text) for name, text in told.annotations.items()}),
        started_at=told.starts_at,
        ends_at=told.ends_at,
        muting=Muting()
        if told.state == ACTIVE
        else Muting(
            silenced_by=tuple(sorted(told.silenced_by)),
            inhibited_by=tuple(sorted(told.inhibited_by)),
            muted_by=tuple(sorted(told.muted_by)),
        ),
    )


def to_silence(told: AlertmanagerSilence) -> Silence:
    """A silence as one Alertmanager keeps it; a state that nobody knows counts as active."""
    is_known = told.state in set(SilenceState)
    return Silence(
        id=told.id,
        matchers=tuple(map(_to_matcher, told.matchers)),
        starts_at=told.starts_at,
        ends_at=told.ends_at,
        updated_at=told.updated_at,
        created_by=rules.storable_text(told.created_by),
        comment=rules.storable_text(_safe(told.comment)),
        state=SilenceState(told.state) if is_known else SilenceState.ACTIVE,
    )


@lru_cache(maxsize=5_000)
def _safe(text: str) -> str:
    """A text of people or programs without secrets. Names and labels stay: silences find their alerts by them."""
    return Redactor.of_own_secrets().text(text)


def _to_matcher(told: AlertmanagerMatcher) -> Matcher:
    return Matcher(
        name=rules.storable_text(told.name),
        value=rules.storable_text(told.value),
        is_regex=told.is_regex,
        is_equal=told.is_equal,
    )
