"""Nouns of runs: an action's risk, its plan, a run with its states and steps, and its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from backend.actor import UserId
from backend.audit.types import Plain

RunId = NewType("RunId", UUID)


class Risk(StrEnum):
    """Harm that an action can do; it decides what a confirmation takes."""

    SAFE = "safe"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"
    DANGEROUS = "dangerous"


class RunStage(StrEnum):
    """State of a run. Only ``QUEUED``, ``RUNNING`` and ``CANCELLING`` hold locks."""

    PLANNING = "planning"
    PLANNED = "planned"
    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    EXPIRED = "expired"
    LOST = "lost"


LAUNCHED = frozenset({RunStage.PLANNING, RunStage.QUEUED})
LOCKING = frozenset({RunStage.QUEUED, RunStage.RUNNING, RunStage.CANCELLING})
ENDED = frozenset(
    {
        RunStage.SUCCEEDED,
        RunStage.FAILED,
        RunStage.CANCELLED,
        RunStage.DECLINED,
        RunStage.EXPIRED,
        RunStage.LOST,
    }
)


class RunEvent(StrEnum):
    """Event of a run in the audit trail, there called ``run.asked`` and so on."""

    ASKED = "asked"
    PLANNED = "planned"
    CONFIRMED = "confirmed"
    APPROVED = "approved"
    DECLINED = "declined"
    STARTED = "started"
    STEP_STARTED = "step_started"
    STEP_DONE = "step_done"
    CANCEL_ASKED = "cancel_asked"
    STOPPING = "stopping"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    EXPIRED = "expired"
    CONTINUED = "continued"


class StepState(StrEnum):
    """State of a step."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class LineKind(StrEnum):
    """Kind of a log line: a sentence of ours in the reader's language, or a line of a program."""

    WORDS = "words"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A sentence that is rendered when it is read: its key in the catalogue and what fills its places.

    An instant is given as a ``datetime``, a day as a ``date``; both are shown in the reader's calendar.
    """

    key: str
    values: Mapping[str, str | int | date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """A value that a run changes, before and after: outside text, or words of ours in the reader's language."""

    what: Words
    before: str | Words
    after: str | Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a run will do. Its hash binds confirmation, approval and run to the same plan.

    ``versions`` are those of the objects that it was made from: another version makes another plan. ``confirmation`` is
    what must be typed for a destructive action. ``notes`` and ``commands`` are only told and bind nothing.
    """

    changes: tuple[PlannedChange, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Words, ...] = ()
    commands: tuple[str, ...] = ()
    confirmation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """A step that a run will take. One that cannot be cancelled says so beforehand."""

    name: str
    is_cancellable: bool
    is_repeatable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that somebody asks for. ``request_key`` makes asking twice ask once; ``origin`` is where one came from."""

    action: str
    parameters: Mapping[str, Plain]
    risk: Risk
    targets: tuple[str, ...]
    steps: tuple[StepPlan, ...]
    deadline_s: int
    request_key: str
    origin: Mapping[str, str] = field(default_factory=dict)
    undo_of: RunId | None = None
    repeat_of: RunId | None = None
    scheduled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """A step of a run."""

    position: int
    name: str
    is_cancellable: bool
    is_repeatable: bool
    state: StepState
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTraces:
    """Traces of a run's steps so far: what later ones must know, and the lines of its result."""

    memory: Mapping[str, Plain]
    result: Sequence[Words] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRun:
    """A run, from the question to its end.

    ``launch`` counts the processes that were started for it: only the newest may write. ``process`` names it,
    ``host:pid:birth`` or ``job:namespace/name``. ``memory`` is what its steps leave for later ones and for its undo.
    """

    id: RunId
    action: str
    parameters: Mapping[str, Plain]
    risk: Risk
    targets: tuple[str, ...]
    deadline_s: int
    request_key: str
    origin: Mapping[str, str]
    undo_of: RunId | None
    repeat_of: RunId | None
    scheduled_at: datetime | None
    requester_id: UserId | None
    requester: str
    requested_at: datetime
    state: RunStage
    plan: Plan | None
    plan_hash: str
    planned_at: datetime | None
    confirmed_at: datetime | None
    expires_at: datetime | None
    approver_id: UserId | None
    approver: str
    approved_at: datetime | None
    cancelled_by: str
    cancel_asked_at: datetime | None
    launch: int
    launched_at: datetime | None
    process: str
    heartbeat_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    stopped_at: datetime | None
    outcome: Words | None
    result: tuple[Words, ...]
    memory: Mapping[str, Plain]

    @property
    def is_ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHolder:
    """A run that holds a target."""

    target: str
    run_id: RunId
    action: str
    requester: str
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A numbered line of a run's log. Numbers begin with 1 and have no gap. ``text`` of words is JSON."""

    number: int
    at: datetime
    step: str
    kind: LineKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSearch:
    """Runs to look for; an empty field narrows nothing."""

    action: str = ""
    requester: str = ""
    target: str = ""
    state: RunStage | None = None
    alert: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRuns:
    """A page of runs, newest first."""

    rows: tuple[RunbookRun, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsStanding:
    """The runs that are at work, that wait for an approver, and that failed or were lost within the last day."""

    at_work: int
    waiting: int
    failed: int
    oldest_waiting_at: datetime | None = None


class Superseded(Exception):
    """Another process has the run now, or it has ended: this one must change nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Answer to a process that tells that it lives."""

    is_ours: bool
    is_cancelled: bool = False
