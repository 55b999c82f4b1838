"""Use cases of runs that act on workloads: read one as it is now, and change it if it is still what was planned.

For processes. The client is the caller's own, because the account of a run may do what the portal's may not. A change
takes the ``identity`` that the plan was made for: where the workload has another one now, nothing is changed.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any

from backend import clock
from backend.actor import Actor, require_process
from backend.clients.kubernetes import Kubernetes
from backend.clients.kubernetes_calls import ObjectPlace
from backend.clients.kubernetes_changes import RESTARTED_AT
from backend.clients.kubernetes_objects import (
    ControllerRevisionObject,
    DaemonSetObject,
    DeploymentObject,
    EventObject,
    MetaObject,
    Names,
    PodObject,
    ReplicaSetObject,
    StatefulSetObject,
    TemplateObject,
)
from backend.config import settings
from backend.db.snapshots import schema_of
from backend.deploys import summaries
from backend.deploys.acting_types import DATABASE_HEADS, WorkloadNow
from backend.deploys.cluster_index import ClusterIndex
from backend.deploys.from_cluster import (
    to_controller_revision,
    to_event,
    to_pod,
    to_replica_set,
    to_workload,
)
from backend.deploys.types import WorkloadId, WorkloadKind
from backend.errors import Conflict, NotFound

RevisionObject = ReplicaSetObject | ControllerRevisionObject
WorkloadObject = DeploymentObject | StatefulSetObject | DaemonSetObject
KINDS: Mapping[WorkloadKind, Any] = {
    WorkloadKind.DEPLOYMENT: DeploymentObject,
    WorkloadKind.STATEFUL_SET: StatefulSetObject,
    WorkloadKind.DAEMON_SET: DaemonSetObject,
}
# A rollout writes the status of its workload some times a second, and each write makes another version.
MOST_TRIES = 20
_CHART = "helm.sh/chart"


def workload_now(
    actor: Actor, kubernetes: Kubernetes, wanted: WorkloadId, since: datetime | None = None
) -> WorkloadNow:
    """A workload with its pods, revisions and rollout. Asks the cluster. ``since`` is when its change began.

    Raises:
        NotFound: there is no such workload.
        AppError: see ``in_our_words``.
    """
    require_process(actor)
    return kubernetes.run(_workload_now(kubernetes, wanted, since))


async def _workload_now(kubernetes: Kubernetes, wanted: WorkloadId, since: datetime | None) -> WorkloadNow:
    found = await _object(kubernetes, wanted)
    revisions, pods, events = await asyncio.gather(
        _revisions(kubernetes, wanted),
        kubernetes.list_objects(PodObject, wanted.namespace, _labels_of(found)),
        kubernetes.list_objects(EventObject, wanted.namespace),
    )
    index, it = ClusterIndex(), to_workload(found)
    index.put(it)
    for one in revisions:
        index.put(to_replica_set(one) if isinstance(one, ReplicaSetObject) else to_controller_revision(one))
    for pod in pods.items:
        index.put(to_pod(pod))
    for event in events.items:
        index.put(to_event(event))
    now = clock.utc_now()
    summary = summaries.summary_of(index, it, since or now, now)
    templates = {one.metadata.name: _template_of(one) for one in revisions}
    return WorkloadNow(
        detail=summaries.detail_of(index, it, summary),
        identity=identity_of(found.metadata),
        version=found.metadata.resourceVersion,
        is_paused=it.is_paused,
        restarted_at=_annotation(found.spec.template if found.spec else None, RESTARTED_AT),
        heads={name: heads_in(_annotation(one, DATABASE_HEADS)) for name, one in templates.items()},
        charts={name: _label(one, _CHART) for name, one in templates.items()},
    )


async def _revisions(kubernetes: Kubernetes, wanted: WorkloadId) -> Sequence[RevisionObject]:
    if wanted.kind is WorkloadKind.DEPLOYMENT:
        return (await kubernetes.list_objects(ReplicaSetObject, wanted.namespace)).items
    return (await kubernetes.list_objects(ControllerRevisionObject, wanted.namespace)).items


def _labels_of(found: WorkloadObject) -> Names:
    """The labels of a workload's pods: those of the whole namespace may be thousands."""
    return found.spec.selector.match_labels if found.spec and found.spec.selector else None


def identity_of(meta: MetaObject) -> str:
    """Identity and specification of an object, whatever its status is."""
    return f"{meta.uid}:{meta.generation}"


def heads_in(annotation: str) -> tuple[str, ...]:
    """The heads that an annotation names."""
    return tuple(one.strip() for one in annotation.split(",") if one.strip())


def database_head(actor: Actor) -> str:
    """The newest migration of the database; empty where it knows none. For processes."""
    require_process(actor)
    return schema_of(f"postgresql://{settings().database_url.get_secret_value().partition('://')[2]}")


def restart_workload(
    actor: Actor,
    kubernetes: Kubernetes,
    wanted: WorkloadId,
    identity: str,
    *,
    at: datetime,
    dry_run: bool,
) -> None:
    """Replace every pod of a workload, as ``kubectl rollout restart`` does. ``at`` names the restart.

    Raises:
        Conflict: with ``reason`` workload_moved, it is not the planned one any more; nothing was changed.
    """

    def change(version: str) -> Coroutine[Any, Any, object]:
        return kubernetes.restart(KINDS[wanted.kind], _place(wanted), at, version=version, dry_run=dry_run)

    _change(actor, kubernetes, wanted, identity, change)


def scale_workload(
    actor: Actor,
    kubernetes: Kubernetes,
    wanted: WorkloadId,
    identity: str,
    *,
    replicas: int,
    dry_run: bool,
) -> None:
    """Give a Deployment or StatefulSet another number of replicas. Raises Conflict as ``restart_workload`` does."""

    def change(version: str) -> Coroutine[Any, Any, object]:
        return kubernetes.patch_scale(
            KINDS[wanted.kind], _place(wanted), replicas, version=version, dry_run=dry_run
        )

    _change(actor, kubernetes, wanted, identity, change)


def set_paused(
    actor: Actor,
    kubernetes: Kubernetes,
    wanted: WorkloadId,
    identity: str,
    *,
    is_paused: bool,
    dry_run: bool,
) -> None:
    """Pause a Deployment's rollout or let it go on. Raises Conflict as ``restart_workload`` does."""

    def change(version: str) -> Coroutine[Any, Any, object]:
        return kubernetes.set_paused(_place(wanted), is_paused=is_paused, version=version, dry_run=dry_run)

    _change(actor, kubernetes, wanted, identity, change)


def roll_back_workload(
    actor: Actor,
    kubernetes: Kubernetes,
    wanted: WorkloadId,
    identity: str,
    *,
    revision: str,
    dry_run: bool,
) -> None:
    """Give a Deployment the template of the revision of this name. Raises Conflict as ``restart_workload`` does.

    Raises:
        NotFound: the revision is gone.
    """

    def change(version: str) -> Coroutine[Any, Any, object]:
        return kubernetes.roll_back(_place(wanted), revision, version=version, dry_run=dry_run)

    _change(actor, kubernetes, wanted, identity, change)


def _change(
    actor: Actor,
    kubernetes: Kubernetes,
    wanted: WorkloadId,
    identity: str,
    change: Callable[[str], Coroutine[Any, Any, object]],
) -> None:
    """Change the planned workload by the version that is read right before; again where only its status moved."""
    require_process(actor)
    for _ in range(MOST_TRIES):
        meta = kubernetes.run(_object(kubernetes, wanted)).metadata
        if identity_of(meta) != identity:
            break
        try:
            kubernetes.run(change(meta.resourceVersion))
        except Conflict:
            continue
        return
    raise Conflict(reason="workload_moved", workload=wanted.name)


async def _object(kubernetes: Kubernetes, wanted: WorkloadId) -> WorkloadObject:
    try:
        found: WorkloadObject = await kubernetes.get_object(KINDS[wanted.kind], _place(wanted))
    except NotFound:
        raise NotFound(reason="workload") from None
    return found


def _place(wanted: WorkloadId) -> ObjectPlace:
    return ObjectPlace(namespace=wanted.namespace, name=wanted.name)


def _template_of(one: RevisionObject) -> TemplateObject | None:
    spec = one.spec if isinstance(one, ReplicaSetObject) else one.data.spec if one.data else None
    return spec.template if spec else None


def _annotation(template: TemplateObject | None, name: str) -> str:
    meta = template.metadata if template else None
    return ((meta.annotations if meta else None) or {}).get(name, "")


def _label(template: TemplateObject | None, name: str) -> str:
    meta = template.metadata if template else None
    return ((meta.labels if meta else None) or {}).get(name, "")
