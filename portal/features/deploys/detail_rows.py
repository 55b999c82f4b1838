"""Everything on the page of a workload as formatted strings: its state, pods, revisions and events."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from backend.deploys.types import (
    ContainerTemplate,
    Pod,
    PodContainer,
    RolloutState,
    StuckReason,
    Termination,
    WorkloadDetail,
)
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from portal import routes
from portal.action_links import ActionLink, to_links
from portal.features.deploys.rows import (
    TONES,
    one_line,
    reason_title,
    short_digest,
    since_of,
    url_of,
)
from runbooks.workload_offers import offers

_NONE = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCard:
    """The reason for which a rollout does not move. Without a title it moves."""

    title: str = ""
    advice: str = ""
    container: str = ""
    pod: str = ""
    image: str = ""
    exit: str = ""
    limit: str = ""
    restarts: str = ""
    since: str = ""
    since_s: int = 0
    message: str = ""
    last_lines: list[str] = field(default_factory=list)
    log_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """The image of a container."""

    key: str
    container: str
    name: str
    tag: str
    digest: str
    resources: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadView:
    """The state of a workload."""

    key: str = ""
    name: str = ""
    namespace: str = ""
    kind: str = ""
    state: str = ""
    mark: str = ""
    tone: str = ""
    words: str = ""
    since: str = ""
    since_s: int = 0
    wanted: str = ""
    updated: str = ""
    ready: str = ""
    available: str = ""
    revision: str = ""
    release: str = ""
    reason: ReasonCard = field(default_factory=ReasonCard)
    images: list[ImageRow] = field(default_factory=list)
    actions: list[ActionLink] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRow:
    """A pod in a line."""

    key: str
    name: str
    state: str
    tone: str
    node: str
    created: str
    created_s: int
    restarts: str
    ended: str
    resources: str
    revision: str
    log_url: str


def to_workload_view(detail: WorkloadDetail, lang: Lang) -> WorkloadView:
    """The head of the page."""
    summary = detail.summary
    state, reason = summary.rollout.state, summary.rollout.reason
    digests = _digests(detail.pods)
    return WorkloadView(
        key=summary.id.name,
        name=summary.id.name,
        namespace=summary.id.namespace,
        kind=summary.id.kind.value,
        state=text(f"deploy.state.{state}", lang),
        mark=state.value,
        tone=TONES[state],
        words=summary.rollout.words,
        since=fmt.moment(since_of(summary), lang),
        since_s=int(since_of(summary).timestamp()),
        wanted=fmt.number(summary.replicas, lang),
        updated=fmt.number(summary.updated, lang),
        ready=fmt.number(summary.ready, lang),
        available=fmt.number(summary.available, lang),
        revision=fmt.number(summary.revision, lang) if summary.revision else _NONE,
        release=_release(detail),
        reason=_reason_card(reason, detail, lang) if reason else ReasonCard(),
        images=[_image(one, digests) for one in detail.containers],
        actions=to_links(offers(summary.id, is_paused=state is RolloutState.PAUSED), lang),
    )


def _release(detail: WorkloadDetail) -> str:
    release = detail.summary.release
    return " · ".join(filter(None, (release.name, release.chart))) if release else _NONE


def _reason_card(reason: StuckReason, detail: WorkloadDetail, lang: Lang) -> ReasonCard:
    crashed = bool(reason.last_lines) or reason.restarts > 0
    return ReasonCard(
        title=reason_title(reason, lang),
        advice=text(f"deploy.advice.{reason.kind}", lang),
        container=reason.container,
        pod=_pods_named(reason, lang),
        image=reason.image,
        exit=_exit(reason.exit_code, reason.signal, lang),
        limit=reason.memory_limit,
        restarts=fmt.number(reason.restarts, lang) if reason.restarts else "",
        since=fmt.moment(reason.since, lang) if reason.since else "",
        since_s=int(reason.since.timestamp()) if reason.since else 0,
        message=one_line(reason.message),
        last_lines=list(reason.last_lines),
        log_url=_log_url(detail, reason.pod, reason.container, is_previous=crashed) if reason.pod else "",
    )


def _pods_named(reason: StuckReason, lang: Lang) -> str:
    if reason.pods <= 1:
        return reason.pod
    return text("deploy.and_other_pods", lang, pod=reason.pod, count=fmt.number(reason.pods - 1, lang))


def _exit(code: int | None, signal: int | None, lang: Lang) -> str:
    if code is None:
        return ""
    shown = fmt.number(code, lang)
    return text("deploy.by_signal", lang, code=shown, signal=fmt.number(signal, lang)) if signal else shown


def _log_url(detail: WorkloadDetail, pod: str, container: str, *, is_previous: bool = False) -> str:
    query = {"container": container, "previous": "1" if is_previous else ""}
    return routes.pod_log(url_of(detail.summary.id), pod, {k: v for k, v in query.items() if v})


def _digests(pods: Iterable[Pod]) -> dict[str, str]:
    return {one.template.name: one.digest for pod in pods for one in pod.containers if one.digest}


def _image(container: ContainerTemplate, digests: dict[str, str]) -> ImageRow:
    return ImageRow(
        key=container.name,
        container=container.name,
        name=container.image.repository,
        tag=container.image.tag or _NONE,
        digest=short_digest(container.image.digest or digests.get(container.name, "")) or _NONE,
        resources=_resources([container]),
    )


def _resources(containers: Iterable[ContainerTemplate]) -> str:
    """Requests and limits of containers: ``cpu 250m–1, memory 512Mi–1Gi``."""
    parts = []
    for one in containers:
        requests, limits = dict(one.requests), dict(one.limits)
        parts += [
            f"{name} {requests.get(name, '?')}–{limits.get(name, '∞')}"
            for name in sorted({*requests, *limits})
        ]
    return ", ".join(parts) or _NONE


def to_pod(pod: Pod, detail: WorkloadDetail, lang: Lang) -> PodRow:
    """A pod in a line: the worst of its containers speaks for it."""
    state, tone = _pod_state(pod, lang)
    ended = _last_ended(pod)
    main = [one for one in pod.containers if not one.template.is_init]
    return PodRow(
        key=pod.uid,
        name=pod.id.name,
        state=state,
        tone=tone,
        node=pod.node or _NONE,
        created=fmt.moment(pod.created_at, lang),
        created_s=int(pod.created_at.timestamp()),
        restarts=fmt.number(pod.restarts, lang),
        ended=_ended_words(ended, lang) if ended else _NONE,
        resources=_resources(one.template for one in main),
        revision=pod.revision_hash,
        log_url=_log_url(detail, pod.id.name, main[0].template.name if main else ""),
    )


def _pod_state(pod: Pod, lang: Lang) -> tuple[str, str]:
    if pod.is_terminating:
        return text("deploy.pod.terminating", lang), "warn"
    waiting = next((one.reason for one in pod.containers if one.phase == "waiting" and one.reason), "")
    if waiting or pod.reason:
        # The cluster's own word: it is what one searches for.
        return waiting or pod.reason, "info" if waiting in {"ContainerCreating", "PodInitializing"} else "bad"
    if pod.phase == "Running":
        is_ready = pod.is_ready
        key = "deploy.pod.ready" if is_ready else "deploy.pod.not_ready"
        return text(key, lang), "ok" if is_ready else "warn"
    key = f"deploy.pod.{pod.phase.lower()}"
    return text(key, lang) if has(key) else pod.phase, "bad" if pod.phase == "Failed" else "info"


def _last_ended(pod: Pod) -> Termination | None:
    found = [ended for one in pod.containers if (ended := _ended_of(one)) is not None]
    return max(found, key=lambda ended: ended.finished_at or pod.created_at, default=None)


def _ended_of(container: PodContainer) -> Termination | None:
    return None if container.template.is_init else container.last_termination


def _ended_words(ended: Termination, lang: Lang) -> str:
    at = fmt.moment(ended.finished_at, lang) if ended.finished_at else _NONE
    code = _exit(ended.exit_code, ended.signal, lang)
    return text("deploy.ended", lang, reason=ended.reason or _NONE, code=code, at=at)
