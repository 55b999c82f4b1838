"""The shapes of the overview: preformatted strings in the reader's language. Ages are counted in the browser."""

from dataclasses import dataclass, field
from datetime import datetime

from portal.components.isolated import TextPart


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleRow:
    """A trouble in a sentence, with the page where it is dealt with."""

    key: str
    tone: str
    word: str
    sentence: list[TextPart]
    since_s: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineRow:
    """The sentence and the colour of everything. ``icon`` and ``word`` say the same without a colour."""

    tone: str = "unknown"
    icon: str = "?"
    word: str = ""
    sentence: list[TextPart] = field(default_factory=list)
    since_s: int = 0
    url: str = ""
    moving: list[TextPart] = field(default_factory=list)
    others: list[TroubleRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRow:
    """A figure with its page. ``unknown_s`` is since when its source is silent, or zero; ``source`` names its age."""

    key: str
    title: str
    value: list[TextPart]
    remark: str
    tone: str
    word: str
    url: str
    source: str
    unknown_s: int = 0
    at_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """A group of alerts that fires."""

    key: str
    title: str
    sentence: list[TextPart]
    severity: str
    tone: str
    since_s: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutLine:
    """A rollout that moves or is stuck."""

    key: str
    name: list[TextPart]
    state: str
    tone: str
    words: str
    since_s: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """A change of late: a deployment, or an action of the audit trail."""

    key: str
    at_s: int
    sentence: list[TextPart]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyLine:
    """A party that we need, and since when it answers or does not."""

    key: str
    name: list[TextPart]
    word: str
    tone: str
    since_s: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    """A service and its one state."""

    key: str
    name: str
    word: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """Tokens of the last hour as the outline of an area, from left to right."""

    outline: str = ""
    label: str = ""
    peak: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewView:
    """The page in parts, each of which is sent only when it changes."""

    headline: HeadlineRow = field(default_factory=HeadlineRow)
    services: list[ServiceLine] = field(default_factory=list)
    signals: list[TileRow] = field(default_factory=list)
    works: list[TileRow] = field(default_factory=list)
    money: list[TileRow] = field(default_factory=list)
    alerts: list[AlertLine] = field(default_factory=list)
    rollouts: list[RolloutLine] = field(default_factory=list)
    changes: list[ChangeLine] = field(default_factory=list)
    silences: list[ChangeLine] = field(default_factory=list)
    dependencies: list[DependencyLine] = field(default_factory=list)
    chart: ChartRow = field(default_factory=ChartRow)
    ages: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)


def seconds(at: datetime | None) -> int:
    """Whole seconds since 1970; zero where there is no instant."""
    return int(at.timestamp()) if at else 0
