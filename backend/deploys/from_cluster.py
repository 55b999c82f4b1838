"""Objects of the cluster as nouns of deploys."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from backend.clients.kubernetes_errors import one_line
from backend.clients.kubernetes_objects import (
    ConditionObject,
    ContainerObject,
    ContainerStatusObject,
    ControllerRevisionObject,
    DaemonSetObject,
    DeploymentObject,
    EventObject,
    JobObject,
    MetaObject,
    PodObject,
    PodSpecObject,
    ReplicaSetObject,
    StatefulSetObject,
    TerminatedObject,
    WorkloadSpecObject,
    WorkloadStatusObject,
)
from backend.deploys.cluster_types import ControllerRevision, NotedEvent, ReplicaSet, Workload
from backend.deploys.image_rules import digest_in, parse_image
from backend.deploys.types import (
    ClusterJob,
    Condition,
    ContainerPhase,
    ContainerTemplate,
    HelmRelease,
    Pod,
    PodContainer,
    PodId,
    Termination,
    WorkloadId,
    WorkloadKind,
)
from backend.redaction import Redactor

LONGEST_WORDS = 500
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
CAUSE = "kubernetes.io/change-cause"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
POD_TEMPLATE_GENERATION = "pod-template-generation"
TEMPLATE_HASH = "pod-template-hash"
REVISION_HASH = "controller-revision-hash"


def to_workload(found: DeploymentObject | StatefulSetObject | DaemonSetObject) -> Workload:
    """A workload of any of the three kinds."""
    meta, spec, status = (
        found.metadata,
        found.spec or WorkloadSpecObject(),
        found.status or WorkloadStatusObject(),
    )
    strategy = spec.strategy or spec.update_strategy
    rolling = strategy.rolling_update if strategy else None
    is_daemon = isinstance(found, DaemonSetObject)
    return Workload(
        id=WorkloadId(namespace=meta.namespace, kind=_kind_of(found), name=meta.name),
        uid=meta.uid,
        created_at=meta.creation_timestamp or LONG_AGO,
        generation=meta.generation,
        observed_generation=status.observed_generation,
        replicas=spec.replicas,
        total=status.current_number_scheduled if is_daemon else status.replicas,
        updated=status.updated_number_scheduled if is_daemon else status.updated_replicas,
        ready=status.number_ready if is_daemon else status.ready_replicas,
        available=status.number_available if is_daemon else status.available_replicas,
        current=status.current_replicas,
        desired_scheduled=status.desired_number_scheduled,
        current_revision=status.current_revision,
        update_revision=status.update_revision,
        strategy=strategy.type if strategy else "",
        has_rolling_update=rolling is not None,
        partition=rolling.partition if rolling else None,
        is_paused=spec.paused,
        revision=_whole(meta.annotations, REVISION),
        template_generation=_named(meta.annotations, TEMPLATE_GENERATION),
        conditions=to_conditions(status.conditions),
        containers=_templates(spec.template.spec if spec.template else None),
        release=to_release(meta),
    )


def _kind_of(found: DeploymentObject | StatefulSetObject | DaemonSetObject) -> WorkloadKind:
    if isinstance(found, DeploymentObject):
        return WorkloadKind.DEPLOYMENT
    return WorkloadKind.DAEMON_SET if isinstance(found, DaemonSetObject) else WorkloadKind.STATEFUL_SET


def to_replica_set(found: ReplicaSetObject) -> ReplicaSet:
    """A revision of a Deployment."""
    meta, spec = found.metadata, found.spec or WorkloadSpecObject()
    return ReplicaSet(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        owner_uid=_owner_of(meta),
        created_at=meta.creation_timestamp or LONG_AGO,
        revision=_whole(meta.annotations, REVISION),
        replicas=spec.replicas or 0,
        desired_replicas=_whole(meta.annotations, DESIRED),
        ready=found.status.ready_replicas if found.status else 0,
        containers=_templates(spec.template.spec if spec.template else None),
        cause=_words(_named(meta.annotations, CAUSE)),
    )


def to_controller_revision(found: ControllerRevisionObject) -> ControllerRevision:
    """A revision of a StatefulSet or DaemonSet."""
    meta, spec = found.metadata, found.data.spec if found.data else None
    template = spec.template if spec else None
    return ControllerRevision(
        namespace=meta.namespace,
        name=meta.name,
        owner_uid=_owner_of(meta),
        created_at=meta.creation_timestamp or LONG_AGO,
        number=found.revision,
        containers=_templates(template.spec if template else None),
        cause=_words(_named(meta.annotations, CAUSE)),
    )


def to_pod(found: PodObject) -> Pod:
    """A pod with its containers."""
    meta, status = found.metadata, found.status
    statuses = {
        (is_init, one.name): one
        for is_init, listed in (
            (True, status.init_container_statuses if status else None),
            (False, status.container_statuses if status else None),
        )
        for one in listed or ()
    }
    return Pod(
        id=PodId(namespace=meta.namespace, name=meta.name),
        uid=meta.uid,
        owner_uid=_owner_of(meta),
        node=found.spec.node_name if found.spec else "",
        phase=(status.phase if status else "") or "Pending",
        reason=status.reason if status else "",
        message=_words(status.message) if status else "",
        created_at=meta.creation_timestamp or LONG_AGO,
        is_terminating=meta.deletion_timestamp is not None,
        revision_hash=_first(meta.labels, TEMPLATE_HASH, REVISION_HASH),
        template_generation=_named(meta.labels, POD_TEMPLATE_GENERATION),
        conditions=to_conditions(status.conditions if status else None),
        containers=tuple(
            to_container(template, statuses.get((template.is_init, template.name)))
            for template in _templates(found.spec)
        ),
    )


def to_container(template: ContainerTemplate, status: ContainerStatusObject | None) -> PodContainer:
    """A container of a pod; one without a status yet waits."""
    if status is None:
        return PodContainer(template=template)
    state, last = status.state, status.last_state
    phase = ContainerPhase.WAITING
    if state and (state.running or state.terminated):
        phase = ContainerPhase.RUNNING if state.running else ContainerPhase.TERMINATED
    waiting = state.waiting if state else None
    return PodContainer(
        template=template,
        phase=phase,
        reason=waiting.reason if waiting else "",
        message=_words(waiting.message) if waiting else "",
        is_ready=status.ready,
        is_started=status.started,
        restarts=status.restart_count,
        digest=digest_in(status.imageID),
        running_since=state.running.started_at if state and state.running else None,
        ended=to_termination(state.terminated if state else None),
        last_ended=to_termination(last.terminated if last else None),
    )


def to_termination(found: TerminatedObject | None) -> Termination | None:
    """The end of a container, if it has ended."""
    if found is None:
        return None
    return Termination(
        reason=found.reason,
        message=_words(found.message),
        exit_code=found.exit_code,
        signal=found.signal,
        started_at=found.started_at,
        finished_at=found.finished_at,
    )


def to_event(found: EventObject) -> NotedEvent:
    """An event; components of both generations count and date it in different fields."""
    involved, series = found.involved_object, found.series
    last = (series.last_observed_time if series else None) or found.last_timestamp
    first = found.first_timestamp or found.event_time or last or found.metadata.creation_timestamp or LONG_AGO
    return NotedEvent(
        namespace=found.metadata.namespace,
        key=found.metadata.name,
        kind=involved.kind if involved else "",
        name=involved.name if involved else "",
        reason=found.reason,
        message=_words(found.message),
        is_warning=found.type == "Warning",
        count=max(1, (series.count if series else 0) or found.count or 1),
        first_at=first,
        last_at=max(first, last or found.event_time or first),
        source=(found.source.component if found.source else "") or found.reporting_component,
    )


def to_job(found: JobObject) -> ClusterJob:
    """A Job; ``refusal`` is filled from its events."""
    meta, status = found.metadata, found.status
    ended = next(
        (
            one
            for one in (status.conditions if status else None) or ()
            if one.status == "True" and one.type in {"Complete", "Failed"}
        ),
        ConditionObject(),
    )
    return ClusterJob(
        namespace=meta.namespace,
        name=meta.name,
        created_at=meta.creation_timestamp or LONG_AGO,
        active=status.active if status else 0,
        succeeded=status.succeeded if status else 0,
        failed=status.failed if status else 0,
        started_at=status.start_time if status else None,
        finished_at=(status.completion_time if status else None) or ended.last_transition_time,
        outcome=ended.type,
        reason=ended.reason,
    )


def to_conditions(found: Iterable[ConditionObject] | None) -> tuple[Condition, ...]:
    """Conditions, in the cluster's order."""
    return tuple(
        Condition(
            type=one.type,
            status=one.status,
            reason=one.reason,
            message=_words(one.message),
            since=one.last_transition_time,
        )
        for one in found or ()
    )


def to_release(meta: MetaObject) -> HelmRelease | None:
    """The Helm release of an object, from its labels and annotations; None where Helm did not make it."""
    name = _named(meta.annotations, "meta.helm.sh/release-name")
    chart = _named(meta.labels, "helm.sh/chart")
    is_helm = _named(meta.labels, "app.kubernetes.io/managed-by") == "Helm"
    if not name and not (chart and is_helm):
        return None
    return HelmRelease(
        name=name or _named(meta.labels, "app.kubernetes.io/instance"),
        namespace=_named(meta.annotations, "meta.helm.sh/release-namespace"),
        chart=chart,
        app_version=_named(meta.labels, "app.kubernetes.io/version"),
    )


def _templates(spec: PodSpecObject | None) -> tuple[ContainerTemplate, ...]:
    if spec is None:
        return ()
    return (
        *(_template(one, is_init=True) for one in spec.init_containers or ()),
        *(_template(one, is_init=False) for one in spec.containers or ()),
    )


def _template(found: ContainerObject, *, is_init: bool) -> ContainerTemplate:
    names = [one.name for one in found.env or ()]
    for one in found.env_from or ():
        names += [f"secret/{one.secret_ref.name}"] if one.secret_ref else []
        names += [f"configmap/{one.config_map_ref.name}"] if one.config_map_ref else []
    resources = found.resources
    return ContainerTemplate(
        name=found.name,
        image=parse_image(found.image),
        is_init=is_init,
        environment=tuple(sorted(set(names))),
        requests=_quantities(resources.requests if resources else None),
        limits=_quantities(resources.limits if resources else None),
    )


def _quantities(found: Mapping[str, str | int | float] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(quantity)) for name, quantity in (found or {}).items()))


def _owner_of(meta: MetaObject) -> str:
    owners = meta.owner_references or ()
    return next((one.uid for one in owners if one.controller), owners[0].uid if owners else "")


@lru_cache(maxsize=4_096)
def _words(words: str) -> str:
    """Words of the cluster in one line, without secrets; programs write into some of them."""
    return one_line(Redactor().text(words), LONGEST_WORDS)


def _named(names: Mapping[str, str] | None, name: str) -> str:
    return (names or {}).get(name, "")


def _first(names: Mapping[str, str] | None, *wanted: str) -> str:
    return next((_named(names, name) for name in wanted if _named(names, name)), "")


def _whole(names: Mapping[str, str] | None, name: str) -> int | None:
    text = _named(names, name)
    return int(text) if text.isdecimal() else None
