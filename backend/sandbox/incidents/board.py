"""The state of every incident: whether it is under way, since when, and how its alert stands."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from backend.sandbox.incidents.catalogue import BY_KEY, INCIDENTS, Incident
from backend.sandbox.incidents.world import World
from backend.sandbox.processes import SandboxError

_ASKED_EVERY_S = 1.0
_RANKS = ("inactive", "pending", "firing")


class AlertStage(StrEnum):
    """A rule's stage in Prometheus; UNKNOWN while Prometheus does not answer."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """An alert that Prometheus shows."""

    labels: Mapping[str, str]
    stage: AlertStage

    def is_of(self, incident: Incident) -> bool:
        """Whether the incident is what raises it."""
        return self.labels["alertname"] in incident.alerts and incident.labels.items() <= self.labels.items()


@dataclass(slots=True, kw_only=True)
class IncidentState:
    """An incident's state. Times are of the monotonic clock, in seconds. ``was_mended``: not by the console."""

    started_at: float | None = None
    ended_at: float | None = None
    fired_after_s: float | None = None
    resolved_after_s: float | None = None
    was_mended: bool = False
    problem: str = ""

    @property
    def is_on(self) -> bool:
        """Whether the incident is under way."""
        return self.started_at is not None and self.ended_at is None


@dataclass(slots=True, kw_only=True)
class Board:
    """Starts and ends incidents, one at a time, and watches their alerts."""

    world: World
    prometheus_url: str
    is_calm: threading.Event
    clock: Callable[[], float] = time.monotonic
    states: dict[str, IncidentState] = field(
        default_factory=lambda: {one.key: IncidentState() for one in INCIDENTS}
    )
    seen: Sequence[RaisedAlert] | None = ()
    _asked_at: float = -_ASKED_EVERY_S
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, key: str) -> None:
        """Start an incident; one that is under way is left alone. A failure is kept as its problem."""
        with self._lock:
            if not self.states[key].is_on:
                self.states[key] = IncidentState(started_at=self.clock())
                self._act(key, BY_KEY[key].start)
            self._note_calm()

    def end(self, key: str) -> None:
        """End an incident; one that is not under way is left alone."""
        with self._lock:
            self._end(key)
            self._note_calm()

    def _end(self, key: str) -> None:
        state = self.states[key]
        if state.is_on:
            self._act(key, BY_KEY[key].end)
            if not state.problem:
                state.ended_at = self.clock()

    def refresh(self) -> None:
        """Ask for alerts and mended incidents, at most once a second, and note which came and went."""
        with self._lock:
            now = self.clock()
            if now - self._asked_at < _ASKED_EVERY_S:
                return
            self._asked_at = now
            self.seen = _seen_alerts(self.prometheus_url)
            for incident in INCIDENTS:
                self._note(self.states[incident.key], self.stage_of(incident), now)
                self._end_mended(incident)

    def stage_of(self, incident: Incident) -> AlertStage:
        """The farthest stage of an incident's alerts."""
        if self.seen is None:
            return AlertStage.UNKNOWN
        found = (one.stage for one in self.seen if one.is_of(incident))
        return max(found, key=_RANKS.index, default=AlertStage.INACTIVE)

    def _end_mended(self, incident: Incident) -> None:
        """End what somebody else has mended: what is left of it goes, and the ledger hears how it ended."""
        state = self.states[incident.key]
        if state.is_on and _is_mended(incident, self.world):
            state.was_mended = True
            self._end(incident.key)
            self._note_calm()

    def _note(self, state: IncidentState, stage: AlertStage, now: float) -> None:
        if state.started_at is None:
            return
        if stage is AlertStage.FIRING and state.is_on and state.fired_after_s is None:
            state.fired_after_s = now - state.started_at
        is_over = state.ended_at is not None and state.fired_after_s is not None
        if is_over and stage is AlertStage.INACTIVE and state.resolved_after_s is None:
            state.resolved_after_s = now - (state.ended_at or now)

    def _act(self, key: str, act: Callable[[World], None]) -> None:
        self.states[key].problem = ""
        try:
            act(self.world)
        except (httpx.HTTPError, SandboxError, OSError) as error:
            self.states[key].problem = str(error) or type(error).__name__

    def _note_calm(self) -> None:
        if any(one.is_on for one in self.states.values()):
            self.is_calm.clear()
        else:
            self.is_calm.set()


def _is_mended(incident: Incident, world: World) -> bool:
    try:
        return incident.is_mended(world)
    except (httpx.HTTPError, OSError):
        return False


def _seen_alerts(prometheus_url: str) -> list[RaisedAlert] | None:
    """Every alert that is not inactive; None when Prometheus does not answer."""
    try:
        answer = httpx.get(f"{prometheus_url}/api/v1/alerts", timeout=2).raise_for_status()
    except httpx.HTTPError:
        return None
    return [RaisedAlert(one["labels"], AlertStage(one["state"])) for one in answer.json()["data"]["alerts"]]
