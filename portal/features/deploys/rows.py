"""Lines of the list of workloads: formatted strings in the reader's language."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from backend.deploys.types import (
    ClusterHealth,
    Image,
    Rollout,
    RolloutState,
    StuckReason,
    WorkloadId,
    WorkloadSummary,
)
from backend.errors import AppError, Refused
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from portal import routes

TONES: Mapping[RolloutState, str] = {
    RolloutState.FAILED: "bad",
    RolloutState.STUCK: "bad",
    RolloutState.PROGRESSING: "info",
    RolloutState.PAUSED: "warn",
    RolloutState.MANUAL: "info",
    RolloutState.DONE: "ok",
}
# What needs a person stands first.
TROUBLE_FIRST = {state: place for place, state in enumerate(TONES)}
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRow:
    """A workload in a line. ``heading`` is the Helm release that begins with this line, else empty."""

    key: str = ""
    heading: str = ""
    name: str = ""
    namespace: str = ""
    kind: str = ""
    url: str = ""
    state: str = ""
    mark: str = ""
    tone: str = ""
    reason: str = ""
    words: str = ""
    image: str = ""
    replicas: str = ""
    since: str = ""
    since_s: int = 0


NO_WORKLOAD = WorkloadRow()
# The heading of those that belong to no release; the page has the words for it.
NO_RELEASE = "-"


def to_workload(summary: WorkloadSummary, lang: Lang) -> WorkloadRow:
    """A line of the list, without its heading."""
    state, reason = summary.rollout.state, summary.rollout.reason
    return WorkloadRow(
        key=key_of(summary.id),
        name=summary.id.name,
        namespace=summary.id.namespace,
        kind=summary.id.kind.value,
        url=url_of(summary.id),
        state=text(f"deploy.state.{state}", lang),
        mark=state.value,
        tone=TONES[state],
        reason=reason_title(reason, lang) if reason else "",
        words=one_line(reason.message) if reason else "",
        image=", ".join(image_words(image) for image in summary.images),
        replicas=text(
            "deploy.ready_of",
            lang,
            ready=fmt.number(summary.ready, lang),
            wanted=fmt.number(summary.replicas, lang),
        ),
        since=fmt.moment(since_of(summary), lang),
        since_s=int(since_of(summary).timestamp()),
    )


def key_of(workload: WorkloadId) -> str:
    """The name of a workload in one word."""
    return f"{workload.namespace}/{workload.kind}/{workload.name}"


def url_of(workload: WorkloadId) -> str:
    """The page of a workload."""
    return routes.workload(workload.namespace, workload.kind, workload.name)


def since_of(summary: WorkloadSummary) -> datetime:
    """The moment since when a workload is as it is, as far as the cluster says it."""
    reason = summary.rollout.reason
    return (reason.since if reason else None) or summary.revision_at or summary.created_at


def image_words(image: Image) -> str:
    """The last part of an image's name with its tag, or the beginning of its digest."""
    name = image.repository.rpartition("/")[2]
    mark = image.tag or short_digest(image.digest)
    return f"{name}:{mark}" if mark else name


def short_digest(digest: str) -> str:
    """The beginning of a digest, which is enough to tell two apart."""
    return digest.removeprefix("sha256:")[:12]


def one_line(message: str) -> str:
    """The cluster's own words in a line of bounded length."""
    words = " ".join(message.split())
    return words if len(words) <= _LONGEST_MESSAGE else f"{words[:_LONGEST_MESSAGE]}…"


def reason_title(reason: StuckReason, lang: Lang) -> str:
    """The reason in the reader's words."""
    return text(f"deploy.stuck.{reason.kind}", lang)


def is_troubled(rollout: Rollout) -> bool:
    """Whether somebody should look at a rollout."""
    return TONES[rollout.state] == "bad"


def in_order(summaries: Iterable[WorkloadSummary]) -> list[WorkloadSummary]:
    """Workloads with trouble first: by release, the one with the worst state first, then by state and name."""
    known = list(summaries)
    worst: dict[str, int] = {}
    for each in known:
        place = TROUBLE_FIRST[each.rollout.state]
        worst[release_of(each)] = min(place, worst.get(release_of(each), place))
    return sorted(
        known,
        key=lambda each: (
            worst[release_of(each)],
            release_of(each) == "",
            release_of(each),
            TROUBLE_FIRST[each.rollout.state],
            each.id.name,
            each.id.namespace,
        ),
    )


def release_of(summary: WorkloadSummary) -> str:
    """The Helm release of a workload as one word; empty where its labels name none."""
    release = summary.release
    return f"{release.namespace or summary.id.namespace}/{release.name}" if release else ""


def with_headings(summaries: list[WorkloadSummary], rows: list[WorkloadRow]) -> list[WorkloadRow]:
    """The lines, of which the first one of each release bears its heading."""
    shown, before = [], ""
    for summary, row in zip(summaries, rows, strict=True):
        release = release_of(summary) or NO_RELEASE
        shown.append(row if release == before else replace(row, heading=_heading(summary)))
        before = release
    return shown


def _heading(summary: WorkloadSummary) -> str:
    release = summary.release
    if release is None:
        return NO_RELEASE
    chart = f" · {release.chart}" if release.chart else ""
    return f"{release.name}{chart}"


def freshness(health: ClusterHealth, lang: Lang) -> str:
    """The warning over what may be out of date or is not shown to us; empty while the view is fresh and whole."""
    if not health.is_configured:
        return text("deploy.not_configured", lang)
    if health.unknown_since is not None:
        return text("deploy.unknown_since", lang, at=fmt.moment(health.unknown_since, lang))
    if not health.is_complete:
        return text("deploy.not_read_yet", lang)
    return " ".join(error_text(one, lang) for one in _refusals(health, lang))


def _refusals(health: ClusterHealth, lang: Lang) -> list[AppError]:
    """The refusals of the cluster. Kinds of objects that are refused alike are one refusal that names them all."""
    alike: dict[str, list[AppError]] = defaultdict(list)
    for one in health.problems:
        if isinstance(one.error, Refused):
            alike[str({**one.error.data, "resource": ""})].append(one.error)
    return [
        type(some[0])(
            **some[0].data
            | {"resource": fmt.listed([str(one.data.get("resource", "")) for one in some], lang)}
        )
        for some in alike.values()
    ]
