"""The reads of the page of a workload and of the page of a log."""

import time
from dataclasses import dataclass, field

from backend.actor import Actor
from backend.db.news import Topic
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployRecord
from backend.deploys.types import Pod, RevisionChange, WorkloadDetail, WorkloadId, WorkloadKind
from backend.errors import NotFound
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import feeds, routes
from portal.features.deploys import detail_rows, history_rows, ledger_rows
from portal.features.deploys.detail_rows import PodRow, WorkloadView, to_workload_view
from portal.features.deploys.history_rows import ClusterEventRow, RevisionDifferenceRow, RevisionRow
from portal.features.deploys.ledger_rows import LedgerRow
from portal.features.deploys.queries import SharedViews, state_of
from portal.features.deploys.rows import freshness
from portal.place import Choice, Pager, Place, choices, page_of

# Lists of the page by their names in the address, and the two revisions that are compared.
PODS, EVENTS, REVISIONS = "pods", "events", "revisions"
BEFORE, AFTER = "before", "after"
CONTAINER, PREVIOUS = "container", "previous"
MOST_DEPLOYS = 5
# Behind a pooler nobody tells that the ledger has changed.
LEDGER_KEPT_S = 10.0
_LONGEST_NUMBER = 9

_KnownDeploys = tuple[tuple[DeployRecord, ...], DeployRecord | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two revisions side by side; without a title none are compared."""

    title: str = ""
    lines: list[RevisionDifferenceRow] = field(default_factory=list)
    is_same: bool = False
    close_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPage:
    """The page in parts; each is sent by itself when it changes."""

    view: WorkloadView = field(default_factory=WorkloadView)
    freshness: str = ""
    pods: list[PodRow] = field(default_factory=list)
    pods_pager: Pager = field(default_factory=Pager)
    revisions: list[RevisionRow] = field(default_factory=list)
    revisions_pager: Pager = field(default_factory=Pager)
    comparison: Comparison = field(default_factory=Comparison)
    ledger: list[LedgerRow] = field(default_factory=list)
    events: list[ClusterEventRow] = field(default_factory=list)
    events_pager: Pager = field(default_factory=Pager)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    """The head of a log: whose it is, and the ways to another one."""

    pod: str = ""
    workload: str = ""
    workload_url: str = ""
    state: str = ""
    tone: str = ""
    container: str = ""
    containers: list[Choice] = field(default_factory=list)
    runs: list[Choice] = field(default_factory=list)
    stream_url: str = ""
    freshness: str = ""


_pages: SharedViews[WorkloadPage] = SharedViews()
_ledgers: SharedViews[_KnownDeploys] = SharedViews()


def workload_at(path: str) -> WorkloadId:
    """The workload whose page is at a path. Raises NotFound where no kind of workload is named."""
    _, _, namespace, kind, name, *_ = [*path.split("/"), "", "", "", ""]
    known = next((each for each in WorkloadKind if each.lower() == kind), None)
    if known is None:
        raise NotFound
    return WorkloadId(namespace=namespace, kind=known, name=name)


def pod_at(path: str) -> str:
    """The name of the pod whose log is at a path."""
    parts = path.split("/")
    return parts[6] if len(parts) > 6 else ""  # noqa: PLR2004 - see routes.POD_LOG


def workload_page(actor: Actor, place: Place, lang: Lang) -> WorkloadPage:
    """Everything of a workload that its page shows now."""
    workload = workload_at(place.path)
    health, detail = deploys.cluster_health(actor), deploys.workload(actor, workload)
    compared = _compared(place)
    change = deploys.compare_revisions(actor, workload, *compared) if compared else None
    ledger = _ledger(actor, detail)
    key = (place, lang, state_of(health), ledger)
    return _pages.get(
        key, lambda: _made(detail, change, ledger, place=place, warning=freshness(health, lang), lang=lang)
    )


def _ledger(actor: Actor, detail: WorkloadDetail) -> _KnownDeploys:
    """The deployments that name a workload. Read once for all tabs, until the ledger changes or a while is over."""
    trace, told = ledger_rows.trace_of(detail), feeds.versions([Topic.DEPLOYMENTS])[Topic.DEPLOYMENTS]

    def read() -> _KnownDeploys:
        named = deploys.deploys_of(actor, trace.namespace, trace.workload, limit=MOST_DEPLOYS)
        return tuple(named), deploys.deploys_behind(actor, [trace])[0]

    return _ledgers.get((trace, told, int(time.monotonic() / LEDGER_KEPT_S)), read)


def _made(
    detail: WorkloadDetail,
    change: RevisionChange | None,
    ledger: _KnownDeploys,
    *,
    place: Place,
    warning: str,
    lang: Lang,
) -> WorkloadPage:
    newest = max((each.number for each in detail.revisions), default=0)
    pods, pods_pager = page_of(place.of(PODS), [*detail.pods, *detail.old_pods], lang)
    revisions, revisions_pager = page_of(place.of(REVISIONS), detail.revisions, lang)
    events, events_pager = page_of(place.of(EVENTS), detail.events, lang)
    first = place.of(EVENTS).within(len(detail.events)).first()
    return WorkloadPage(
        view=to_workload_view(detail, lang),
        freshness=warning,
        pods=[detail_rows.to_pod(each, detail, lang) for each in pods],
        pods_pager=pods_pager,
        revisions=[
            history_rows.to_revision(each, newest, _comparing(place, each.number, newest), lang)
            for each in revisions
        ],
        revisions_pager=revisions_pager,
        comparison=_comparison(change, place, lang),
        ledger=ledger_rows.to_ledger(*ledger, lang),
        events=[history_rows.to_event_row(number, each, lang) for number, each in enumerate(events, first)],
        events_pager=events_pager,
    )


def _compared(place: Place) -> tuple[int, int] | None:
    """The two revisions that the address names, the older one first."""
    words = [place.word(BEFORE), place.word(AFTER)]
    if not all(word.isascii() and word.isdigit() and len(word) <= _LONGEST_NUMBER for word in words):
        return None
    before, after = sorted(int(word) for word in words)
    return (before, after) if before != after else None


def _comparing(place: Place, number: int, newest: int) -> str:
    return place.with_word(BEFORE, str(number)).with_word(AFTER, str(newest)).address


def _comparison(change: RevisionChange | None, place: Place, lang: Lang) -> Comparison:
    if change is None:
        return Comparison()
    before, after = (fmt.number(number, lang) for number in (change.before, change.after))
    return Comparison(
        title=text("deploy.compared", lang, before=before, after=after),
        lines=history_rows.to_differences(change, lang),
        is_same=change.is_empty,
        close_url=place.with_word(BEFORE, "").with_word(AFTER, "").address,
    )


def log_view(actor: Actor, place: Place, lang: Lang) -> LogView:
    """The head of a pod's log. A pod that is gone has one, too: what was read of it stays to be read."""
    workload, pod_name = workload_at(place.path), pod_at(place.path)
    detail = deploys.workload(actor, workload)
    pod = next((each for each in (*detail.pods, *detail.old_pods) if each.id.name == pod_name), None)
    names = [one.template.name for one in pod.containers] if pod else []
    container = place.word(CONTAINER) or next(iter(_main_containers(pod)), "")
    row = detail_rows.to_pod(pod, detail, lang) if pod else None
    page = routes.workload(workload.namespace, workload.kind, workload.name)
    query = {CONTAINER: container, PREVIOUS: place.word(PREVIOUS)}
    return LogView(
        pod=pod_name,
        workload=workload.name,
        workload_url=page,
        state=row.state if row else text("deploy.pod.gone", lang),
        tone=row.tone if row else "warn",
        container=container,
        containers=choices(place, CONTAINER, [(name, name) for name in names]) if len(names) > 1 else [],
        runs=choices(place, PREVIOUS, [("", text("log.present", lang)), ("1", text("log.previous", lang))]),
        stream_url=routes.live_log(workload.namespace, pod_name, {k: v for k, v in query.items() if v}),
        freshness=freshness(deploys.cluster_health(actor), lang),
    )


def _main_containers(pod: Pod | None) -> list[str]:
    return [one.template.name for one in pod.containers if not one.template.is_init] if pod else []
