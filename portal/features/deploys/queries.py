"""The read of the list of workloads. Views are made once for all tabs that ask for the same."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from backend.actor import Actor
from backend.deploys import service as deploys
from backend.deploys.types import ClusterHealth, RolloutState, WorkloadId, Workloads, WorkloadSummary
from backend.free_text import sought
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal.features.deploys import rows
from portal.features.deploys.rows import WorkloadRow, to_workload
from portal.place import PAGE_SIZE, SEARCH, Choice, Pager, Place, choices, to_pager

STATE, NAMESPACE = "state", "namespace"
# How the list is narrowed by state: a word in the address, and the states that it stands for.
STATES: dict[str, frozenset[RolloutState]] = {
    "trouble": frozenset({RolloutState.FAILED, RolloutState.STUCK}),
    "moving": frozenset({RolloutState.PROGRESSING}),
    "paused": frozenset({RolloutState.PAUSED}),
    "settled": frozenset({RolloutState.DONE, RolloutState.MANUAL}),
}
_MOST_KEPT_VIEWS = 100
_MOST_KEPT_ROWS = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploysView:
    """The list besides its lines: how fresh it is, the ways to narrow it, and its pages."""

    freshness: str = ""
    wanted: str = ""
    emptiness: str = ""
    states: list[Choice] = field(default_factory=list)
    namespaces: list[Choice] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    state: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploysTally:
    """All workloads in a sentence, and how many there are of each choice of state. It changes all the time."""

    summary: str = ""
    counts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadList:
    """A page of the list."""

    view: DeploysView
    tally: DeploysTally
    lines: list[WorkloadRow]


class SharedViews(Generic[T]):
    """Views by what they depend on, each made once, also when many tabs ask at the same time. Any thread may ask."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._known: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The view of a key, made now unless it is known."""
        with self._lock:
            if key not in self._known:
                self._known[key] = make()
                while len(self._known) > _MOST_KEPT_VIEWS:
                    self._known.popitem(last=False)
            return self._known[key]


_views: SharedViews[WorkloadList] = SharedViews()
_rows: dict[tuple[WorkloadId, Lang], tuple[WorkloadSummary, WorkloadRow]] = {}


def workload_list(actor: Actor, place: Place, lang: Lang) -> WorkloadList:
    """A page of the workloads, those with trouble first."""
    found = deploys.workloads(actor)
    return _views.get((place, lang, state_of(found.health)), lambda: _made(found, place, lang))


def state_of(health: ClusterHealth) -> Hashable:
    """Everything of the view's state that a page shows; the moment in which the cluster spoke last is none of it."""
    return (
        health.version,
        health.unknown_since,
        health.is_complete,
        health.is_configured,
        health.namespaces,
        health.problems,
    )


def _made(found: Workloads, place: Place, lang: Lang) -> WorkloadList:
    in_namespace = [each for each in found.items if _is_in(each, place.word(NAMESPACE))]
    matching = [each for each in in_namespace if _fits(each, sought(place.word(SEARCH)))]
    wanted = STATES.get(place.word(STATE))
    listed = rows.in_order(each for each in matching if wanted is None or each.rollout.state in wanted)
    place = place.within(len(listed))
    shown = listed[place.first() : place.first() + PAGE_SIZE]
    lines = [_row(each, lang) for each in shown]
    return WorkloadList(
        view=DeploysView(
            freshness=rows.freshness(found.health, lang),
            wanted=place.word(SEARCH),
            emptiness=_emptiness(shown, found.health),
            states=_state_choices(place, lang),
            namespaces=_namespace_choices(place, found, lang),
            pager=to_pager(place, shown=len(shown), total=len(listed), lang=lang),
            state=place.word(STATE),
            namespace=place.word(NAMESPACE),
        ),
        tally=DeploysTally(summary=_summary(found.items, lang), counts=_counts(matching, lang)),
        lines=rows.with_headings(shown, lines),
    )


def _emptiness(shown: Sequence[WorkloadSummary], health: ClusterHealth) -> str:
    if shown:
        return ""
    return "reading" if health.is_configured and not health.is_complete else "none"


def _is_in(summary: WorkloadSummary, namespace: str) -> bool:
    return not namespace or summary.id.namespace == namespace


def _fits(summary: WorkloadSummary, words: Sequence[str]) -> bool:
    """Whether each word stands in the name, the namespace, an image or the release."""
    if not words:
        return True
    names = [summary.id.name, summary.id.namespace, summary.id.kind, rows.release_of(summary)]
    text_of = " ".join([*names, *(f"{one.repository}:{one.tag}" for one in summary.images)]).lower()
    return all(word.lower() in text_of for word in words)


def _row(summary: WorkloadSummary, lang: Lang) -> WorkloadRow:
    """The line of a workload; one that did not change is made once."""
    key = (summary.id, lang)
    known = _rows.get(key)
    if known is not None and known[0] is summary:
        return known[1]
    if len(_rows) >= _MOST_KEPT_ROWS:
        _rows.clear()
    row = to_workload(summary, lang)
    _rows[key] = (summary, row)
    return row


def _summary(items: Sequence[WorkloadSummary], lang: Lang) -> str:
    """All workloads in one sentence: how many there are, and how many need somebody."""
    troubled = sum(rows.is_troubled(each.rollout) for each in items)
    moving = sum(each.rollout.state == RolloutState.PROGRESSING for each in items)
    counts = {
        "total": fmt.number(len(items), lang),
        "troubled": fmt.number(troubled, lang),
        "moving": fmt.number(moving, lang),
    }
    key = "deploy.summary_trouble" if troubled else "deploy.summary_well"
    return text(key, lang, **counts) if items else ""


def _state_choices(place: Place, lang: Lang) -> list[Choice]:
    titles = [(word, text(f"deploy.filter.{word}", lang)) for word in STATES]
    return choices(place, STATE, [("", text("deploy.all", lang)), *titles])


def _counts(items: Sequence[WorkloadSummary], lang: Lang) -> list[str]:
    """Numbers of workloads for the choices of state, in their order: all of them first."""
    found = [sum(each.rollout.state in states for each in items) for states in STATES.values()]
    return [fmt.number(count, lang) for count in (len(items), *found)]


def _namespace_choices(place: Place, found: Workloads, lang: Lang) -> list[Choice]:
    names = sorted({*found.health.namespaces, *(each.id.namespace for each in found.items)})
    if len(names) < 2:  # noqa: PLR2004 - one namespace is no choice
        return []
    return choices(
        place, NAMESPACE, [("", text("deploy.all_namespaces", lang)), *((name, name) for name in names)]
    )
