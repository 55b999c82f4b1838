"""Nouns of alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

FiringId = NewType("FiringId", int)

WATCHDOG = "Watchdog"
"""The alert that always fires; its absence is the alarm."""


class Severity(StrEnum):
    """Severities of alerts, the worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Resolution(StrEnum):
    """Ends of a firing, as far as anybody can know.

    ``CONDITION``: its condition no longer holds. ``SILENT``: nobody repeated the alert, so Alertmanager dropped it, and
    whether the trouble is over is unknown. ``UNSEEN``: it ended while nobody observed.
    """

    CONDITION = "condition"
    SILENT = "silent"
    UNSEEN = "unseen"


class AlertEventKind(StrEnum):
    """An event in the history of a firing."""

    FIRED = "fired"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    MUTED = "muted"
    UNMUTED = "unmuted"
    RESOLVED = "resolved"
    FIRED_AGAIN = "fired_again"


class SilenceState(StrEnum):
    """The state of a silence."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class SilenceChangeKind(StrEnum):
    """A change of a silence."""

    CREATED = "created"
    EXTENDED = "extended"
    SHORTENED = "shortened"
    REPLACED = "replaced"
    ENDED = "ended"
    EXPIRED = "expired"


class SourceKind(StrEnum):
    """A party that must answer, or be seen, so that alerts mean something."""

    ALERTMANAGER = "alertmanager"
    PROMETHEUS = "prometheus"
    WATCHDOG = "watchdog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Muting:
    """Everything that mutes an alert: ids of silences, fingerprints of alerts that inhibit it, names of quiet times."""

    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()

    @property
    def is_muted(self) -> bool:
        """Whether anything mutes it."""
        return bool(self.silenced_by or self.inhibited_by or self.muted_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAlert:
    """An alert that fires now, as all Alertmanagers of the cluster together show it. Its texts come from outside."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime
    ends_at: datetime
    muting: Muting = Muting()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFiring:
    """The part of a stored firing that is compared with what is seen."""

    id: FiringId
    fingerprint: str
    started_at: datetime
    ends_at: datetime
    annotations: Mapping[str, str]
    muting: Muting


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A firing of an alert, from its start to its end. Its texts come from outside."""

    id: FiringId
    fingerprint: str
    name: str
    severity: Severity
    service: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    started_at: datetime
    seen_at: datetime
    resolved_at: datetime | None = None
    resolution: Resolution | None = None
    muting: Muting = Muting()
    was_silenced: bool = False
    was_inhibited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """An event in the history of a firing, with what muted it where something did."""

    at: datetime
    kind: AlertEventKind
    muting: Muting = Muting()


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringEnd:
    """The end of a stored firing."""

    id: FiringId
    resolved_at: datetime
    resolution: Resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringChange:
    """A stored firing that goes on, with what is known of it now."""

    id: FiringId
    seen: SeenAlert
    event: AlertEventKind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringChanges:
    """The difference between what is stored and what is seen."""

    opened: tuple[SeenAlert, ...] = ()
    changed: tuple[FiringChange, ...] = ()
    ended: tuple[FiringEnd, ...] = ()

    @property
    def is_news(self) -> bool:
        """Whether a reader would see a difference."""
        return bool(self.opened or self.ended or any(each.event for each in self.changed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """A condition on one label: equal or not, as a whole value or as an anchored regular expression."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        """The matcher as people and Alertmanager write it: ``severity=~"critical|warning"``."""
        operator = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{operator[self.is_equal, self.is_regex]}"{value}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A silence. ``id`` is Alertmanager's own; the texts may come from outside."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str
    comment: str
    state: SilenceState


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceChange:
    """A change of a silence. ``actor`` is ours where the portal made it, else the author that Alertmanager names."""

    silence_id: str
    at: datetime
    kind: SilenceChangeKind
    actor: str
    comment: str
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAnswer:
    """The result of asking a source once; ``cause`` is empty when it answered."""

    name: str
    kind: SourceKind
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSource:
    """A source, and since when it has not answered or, for the Watchdog, not been seen."""

    name: str
    kind: SourceKind
    asked_at: datetime
    answered_at: datetime | None
    failing_since: datetime | None
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A stretch of time in which alerts were looked at again and again without a gap."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The answers of one round of asking everybody.

    ``alerts`` and ``silences`` are None when no Alertmanager answered. ``proves_absence`` says that an alert that is
    missing has ended: an Alertmanager that started just now does not know all of them yet.
    """

    asked_at: datetime
    alerts: tuple[SeenAlert, ...] | None
    silences: tuple[Silence, ...] | None
    proves_absence: bool
    sources: tuple[SourceAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The counts of one reconciliation. ``is_stale`` says that a newer one was stored meanwhile, so nothing was."""

    firing: int = 0
    opened: int = 0
    ended: int = 0
    is_stale: bool = False
    is_blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """The filters of the history; an empty one narrows nothing."""

    wanted: str = ""
    severity: Severity | None = None
    service: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFiring:
    """A firing, and how often its alert began to fire within the day up to it, itself among them."""

    firing: Firing
    fired_in_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """A page of firings, and the number of all that match."""

    rows: list[PastFiring]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGroup:
    """Alerts that probably belong together: of one service, begun within five minutes, or muted by one of them.

    ``followers`` are inhibited by one of ``alerts``. Severity and start are those of the worst and the oldest that
    nothing mutes, or of all where everything is muted.
    """

    key: str
    service: str
    severity: Severity
    started_at: datetime
    alerts: tuple[Firing, ...]
    followers: tuple[Firing, ...] = ()

    @property
    def is_muted(self) -> bool:
        """Whether every alert of the group is muted."""
        return all(alert.muting.is_muted for alert in self.alerts)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchState:
    """Whether alerts are watched at all: each party, the last look, and the alarms among them.

    ``is_blind`` says that nobody has looked for so long that what is shown may no longer be so.
    """

    sources: tuple[AlertSource, ...]
    looked_at: datetime | None
    is_blind: bool
    alarms: tuple[AlertSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBoard:
    """Everything that fires now, in groups, the worst first, and whether somebody watches."""

    groups: tuple[AlertGroup, ...]
    watch: WatchState
    silences: tuple[Silence, ...]
    fired_in_day: Mapping[str, int]
    read_at: datetime

    @property
    def firing(self) -> int:
        """Number of alerts that fire and are not muted."""
        return sum(
            not alert.muting.is_muted for group in self.groups for alert in (*group.alerts, *group.followers)
        )

    @property
    def muted(self) -> int:
        """Number of alerts that fire and are muted."""
        return sum(
            alert.muting.is_muted for group in self.groups for alert in (*group.alerts, *group.followers)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSilence:
    """A silence that somebody wants: matchers as they were written, an end, and a reason."""

    matchers: str
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilencePreview:
    """Effect of a silence if it began now, and the live silence with the same matchers, if there is one."""

    matchers: tuple[Matcher, ...]
    ends_at: datetime
    alerts: tuple[SeenAlert, ...]
    equal: Silence | None

    @property
    def has_watchdog(self) -> bool:
        """Whether it would cover the Watchdog too, which nobody should silence."""
        return any(alert.labels.get("alertname") == WATCHDOG for alert in self.alerts)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSilence:
    """A silence, the number of firing alerts that it mutes now, and its history, the newest change first."""

    silence: Silence
    muting: int
    changes: tuple[SilenceChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDetail:
    """Everything that our own database knows of one alert.

    ``alike`` are the other firings of the same name that go on now; ``inhibitors`` are the alerts that inhibit it.
    """

    firing: Firing
    events: tuple[AlertEvent, ...]
    silences: tuple[Silence, ...]
    inhibitors: Mapping[str, Firing]
    alike: tuple[Firing, ...]
    watch: WatchState
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """A measured value; None where there was none."""

    at: datetime
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTrend:
    """An alert's rule, and what it measured in the last hours. ``limit`` is None where it is no plain number."""

    expression: str
    hold_s: int
    points: tuple[TrendPoint, ...]
    limit: float | None
