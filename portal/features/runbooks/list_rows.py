"""Rows of the list of runs: formatted strings in the reader's language."""

from dataclasses import dataclass, field

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.i18n.names import target_words
from backend.runbooks.types import RunbookRun
from portal import routes
from portal.place import Choice, Pager, Place
from portal.run_words import STATE_TONES, person, seconds, state_words
from runbooks.wording import action_name

ACTION, WHO, TARGET, STATE, ALERT = "action", "who", "target", "state", "alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowLink:
    """A word of a row that narrows the list to its like."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRun:
    """A run in the list."""

    key: str
    title: str
    url: str
    state: str
    tone: str
    asked: str
    asked_s: int
    who: NarrowLink
    targets: list[NarrowLink]
    took: str
    alert: NarrowLink


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsFilter:
    """The filters of the address that a search for a target keeps."""

    action: str = ""
    who: str = ""
    state: str = ""
    alert: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsView:
    """A page of the list. ``narrowed`` says what it is narrowed to, each with the link that leaves it out."""

    rows: list[ListedRun] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    whose: list[Choice] = field(default_factory=list)
    states: list[Choice] = field(default_factory=list)
    actions: list[Choice] = field(default_factory=list)
    narrowed: list[Choice] = field(default_factory=list)
    target: str = ""
    kept: RunsFilter = RunsFilter()
    waiting: str = ""
    waiting_url: str = ""


def to_row(run: RunbookRun, place: Place, lang: Lang) -> ListedRun:
    """A line of the list."""
    name = action_name(run.action, lang)
    alert = run.origin.get("alert", "")
    took = ""
    if run.started_at and run.ended_at:
        took = fmt.duration(max(0.0, (run.ended_at - run.started_at).total_seconds()), lang)
    return ListedRun(
        key=str(run.id),
        title=name if run.undo_of is None else text("runs.undo_of", lang, action=name),
        url=routes.run(run.id),
        state=state_words(run.state, lang),
        tone=STATE_TONES[run.state],
        asked=fmt.moment(run.requested_at, lang),
        asked_s=seconds(run.requested_at),
        who=NarrowLink(title=person(run.requester, lang), url=place.with_word(WHO, run.requester).address),
        targets=[
            NarrowLink(title=target_words(each, lang), url=place.with_word(TARGET, each).address)
            for each in run.targets
        ],
        took=took or "—",
        alert=NarrowLink(
            title=alert_words(alert, lang), url=place.with_word(ALERT, alert).address if alert else ""
        ),
    )


def alert_words(name: str, lang: Lang) -> str:
    """An alert by name; one that no rule has any more by what it is stored as."""
    return text(f"alerts.name.{name}", lang) if has(f"alerts.name.{name}") else name
