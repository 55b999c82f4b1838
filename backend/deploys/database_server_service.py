"""Use cases of runs that bring the database up on another server: from a snapshot of its volume, on a claim of its own.

A second server is a StatefulSet with exactly the specification of the first, so every rule about the first one's pods
holds for its pod, too. The two are told apart by the label that each pod of a StatefulSet has, its own name. The
Service leads to one of them by that label, so to lead to the other one is a single write.
"""

import re
import time
from collections.abc import Callable

from msgspec import json

from backend.actor import STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.clients.kubernetes import Kubernetes
from backend.clients.kubernetes_calls import ObjectPlace
from backend.clients.kubernetes_errors import one_line
from backend.clients.kubernetes_objects import EventObject
from backend.clients.kubernetes_storage import (
    ClaimObject,
    DataSourceObject,
    RawSetObject,
    ServerPodObject,
    ServiceObject,
    SetShapeObject,
    SnapshotObject,
)
from backend.clients.kubernetes_volumes import POD_NAME
from backend.config import settings
from backend.deploys.database_server_types import (
    DatabaseServer,
    LiveServer,
    SecondServerNow,
    VolumeSnapshot,
)
from backend.errors import Conflict, NotFound, Refused, Unavailable
from backend.log import get_logger
from backend.server_address import ServerAddress

RUN_LABEL = "docuchat.example/run"
"""The run that made an object; whatever lacks its label is nothing that a run may delete."""
MOVED_AT = "docuchat.example/asked-again"
# While the Service is led elsewhere nobody is let in anywhere, so it is not waited for long.
MOVE_WITHIN_S, SETTLE_WITHIN_S, AGAIN_S = 2.0, 6.0, 0.3

log = get_logger(__name__)


def snapshots(actor: Actor, kubernetes: Kubernetes) -> list[VolumeSnapshot]:
    """The snapshots of the database's volume, and of those that its servers had before, the newest first.

    Asks the cluster. For staff and processes.

    Raises:
        Refused: it is not set what the database is in the cluster (``database_server_unset``).
    """
    require_role_or_process(actor, *STAFF_ROLES)
    home, name = _configured()
    ours = re.compile(rf"[a-z0-9-]+-{re.escape(name)}(-r[0-9a-f]{{8}})?-0")
    found = [_to_snapshot(one) for one in kubernetes.run(kubernetes.list_objects(SnapshotObject, home)).items]
    fitting = [one for one in found if ours.fullmatch(one.claim)]
    return sorted(fitting, key=lambda one: (one.taken_at is not None, one.taken_at, one.name), reverse=True)


def _to_snapshot(found: SnapshotObject) -> VolumeSnapshot:
    status = found.status
    return VolumeSnapshot(
        name=found.metadata.name,
        uid=found.metadata.uid,
        claim=found.spec.source.persistent_volume_claim_name or "",
        taken_at=status.creation_time if status else None,
        size=str(status.restore_size) if status else "",
        is_ready=bool(status and status.ready_to_use and status.creation_time),
        error=one_line(status.error.message) if status and status.error else "",
    )


def database_server(actor: Actor, kubernetes: Kubernetes) -> LiveServer:
    """The server that the database's Service leads to now. For processes.

    Raises:
        Refused: it is not set what the database is (``database_server_unset``), or it is not what a restore from a
            snapshot can be made beside: one pod with one claim (``database_server_shape``).
    """
    require_process(actor)
    _, configured = _configured()
    service = kubernetes.run(kubernetes.get_object(ServiceObject, _service_place()))
    pod = (service.spec.selector or {}).get(POD_NAME, "")
    name = pod.rpartition("-")[0] or configured
    return LiveServer(
        server=named_server(actor, kubernetes, name),
        service=service.metadata.name,
        service_identity=f"{service.metadata.uid}:{name}",
    )


def named_server(actor: Actor, kubernetes: Kubernetes, name: str) -> DatabaseServer:
    """A server by the name of its StatefulSet. For processes. Raises Refused as ``database_server``, and NotFound."""
    require_process(actor)
    home = _configured()[0]
    found = kubernetes.run(kubernetes.get_object(RawSetObject, ObjectPlace(namespace=home, name=name)))
    shape = json.decode(found.spec, type=SetShapeObject)
    claims = shape.volume_claim_templates or []
    if shape.replicas not in {None, 1} or len(claims) != 1:
        raise Refused(reason="database_server_shape", name=name, pods=shape.replicas or 0, claims=len(claims))
    return DatabaseServer(
        namespace=home,
        name=name,
        identity=f"{found.metadata.uid}:{found.metadata.generation}",
        volume=claims[0].metadata.name,
        address=_address(_pod(kubernetes, home, f"{name}-0")),
    )


def claim_identity(actor: Actor, kubernetes: Kubernetes, server: DatabaseServer) -> str:
    """The identity of a server's claim, another one for another volume. For processes. Raises NotFound."""
    require_process(actor)
    return kubernetes.run(kubernetes.get_object(ClaimObject, _place(server, server.claim))).metadata.uid


def _pod(kubernetes: Kubernetes, namespace: str, name: str) -> ServerPodObject | None:
    listed = kubernetes.run(kubernetes.list_objects(ServerPodObject, namespace, {POD_NAME: name}))
    return listed.items[0] if listed.items else None


def _address(pod: ServerPodObject | None) -> ServerAddress | None:
    if pod is None or pod.status is None or pod.metadata.deletion_timestamp is not None:
        return None
    is_ready = any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or ())
    containers = (pod.spec.containers if pod.spec else None) or []
    ports = [port.container_port for container in containers for port in container.ports or ()]
    host = pod.status.podIP
    return ServerAddress(host=host, port=ports[0]) if is_ready and host and ports else None


def make_second_server(
    actor: Actor, kubernetes: Kubernetes, first: DatabaseServer, snapshot: str, run: str, *, dry_run: bool
) -> DatabaseServer:
    """Make a claim from a snapshot, and a server like the first one on it. For processes; idempotent by run.

    Before, the Service is told to lead to the first server's pod alone: it would lead to both. A dry run asks the
    cluster whether it would take the claim and the server.

    Raises:
        Refused: the cluster refuses one of them (a quota, a policy, a permission).
        Conflict: an object of this name is not this run's (``second_server_foreign``).
    """
    require_process(actor)
    second = first.beside(run)
    _narrow(kubernetes, first, dry_run=dry_run)
    like = kubernetes.run(kubernetes.get_object(ClaimObject, _place(first, first.claim))).spec
    like.data_source = DataSourceObject(name=snapshot)
    model = kubernetes.run(kubernetes.get_object(RawSetObject, _place(first, first.name)))
    labels = {RUN_LABEL: run}
    _made(
        kubernetes,
        ClaimObject,
        _place(first, second.claim),
        run,
        lambda: kubernetes.run(
            kubernetes.create_claim(_place(first, second.claim), like, labels=labels, dry_run=dry_run)
        ),
    )
    _made(
        kubernetes,
        RawSetObject,
        _place(first, second.name),
        run,
        lambda: kubernetes.run(kubernetes.copy_set(model, second.name, labels=labels, dry_run=dry_run)),
    )
    return second


def _made(
    kubernetes: Kubernetes,
    kind: type[ClaimObject] | type[RawSetObject],
    at: ObjectPlace,
    run: str,
    make: Callable[[], object],
) -> None:
    try:
        make()
    except Conflict:
        found = kubernetes.run(kubernetes.get_object(kind, at))
        if (found.metadata.labels or {}).get(RUN_LABEL) != run:
            raise Conflict(reason="second_server_foreign", name=at.name) from None


def _narrow(kubernetes: Kubernetes, first: DatabaseServer, *, dry_run: bool) -> None:
    """Lead the Service to the first server's pod by its name; it leads there already."""
    service = kubernetes.run(kubernetes.get_object(ServiceObject, _service_place()))
    if POD_NAME not in (service.spec.selector or {}):
        patch = {"spec": {"selector": {POD_NAME: first.pod}}}
        kubernetes.run(
            kubernetes.patch_service(
                _service_place(), patch, version=service.metadata.resourceVersion, dry_run=dry_run
            )
        )


def second_server_now(actor: Actor, kubernetes: Kubernetes, second: DatabaseServer) -> SecondServerNow:
    """A second server as it is now. For processes."""
    require_process(actor)
    pod = _pod(kubernetes, second.namespace, second.pod)
    address = _address(pod)
    if address is not None:
        return SecondServerNow(address=address)
    about = {second.name, second.pod, second.claim}
    events = kubernetes.run(kubernetes.list_objects(EventObject, second.namespace)).items
    words = [
        one_line(event.message)
        for event in events
        if event.type == "Warning" and event.involved_object and event.involved_object.name in about
    ]
    waits = [
        one.message for one in (pod.status.conditions if pod and pod.status else None) or () if one.message
    ]
    return SecondServerNow(address=None, words=(words[-1:] or list(map(one_line, waits[:1])) or [""])[0])


def lead_to_server(
    actor: Actor,
    kubernetes: Kubernetes,
    first: DatabaseServer,
    second: DatabaseServer,
    *,
    dry_run: bool = False,
) -> None:
    """Lead the database's Service from one server to another: one write, and only if it still leads to the first.

    An answer that is lost is looked for. Where the Service has not moved, it is written to once more, so that the lost
    write can never arrive later.

    Raises:
        Conflict: the Service leads to neither, or was changed (``service_moved``); nothing was changed.
        Unavailable: it was not led elsewhere, or nobody can tell (``unknown``).
    """
    require_process(actor)
    service = kubernetes.run(kubernetes.get_object(ServiceObject, _service_place()))
    found = _leads_to(service)
    if found == second.pod:
        return
    if found != first.pod:
        raise Conflict(reason="service_moved", pod=found)
    version, patch = service.metadata.resourceVersion, {"spec": {"selector": {POD_NAME: second.pod}}}
    try:
        kubernetes.run(
            kubernetes.patch_service(
                _service_place(), patch, version=version, dry_run=dry_run, within_s=MOVE_WITHIN_S
            )
        )
    except Unavailable:
        if dry_run:
            raise
        _settle(kubernetes, second, version)


def _settle(kubernetes: Kubernetes, second: DatabaseServer, version: str) -> None:
    """Find out whether a write whose answer is lost was made; return if it was, and rule it out if it was not."""
    until = time.monotonic() + SETTLE_WITHIN_S
    while time.monotonic() < until:
        try:
            touch = {"metadata": {"annotations": {MOVED_AT: version}}}
            kubernetes.run(
                kubernetes.patch_service(
                    _service_place(), touch, version=version, dry_run=False, within_s=MOVE_WITHIN_S
                )
            )
        except Conflict:
            service = kubernetes.run(kubernetes.get_object(ServiceObject, _service_place()))
            if _leads_to(service) == second.pod:
                return
            version = service.metadata.resourceVersion
        except Unavailable:
            time.sleep(AGAIN_S)
        else:
            raise Unavailable(service="kubernetes", cause="connection")
    raise Unavailable(service="kubernetes", cause="unknown")


def leads_to(actor: Actor, kubernetes: Kubernetes) -> str:
    """The pod that the database's Service leads to; empty where it names none. For processes."""
    require_process(actor)
    return _leads_to(kubernetes.run(kubernetes.get_object(ServiceObject, _service_place())))


def _leads_to(service: ServiceObject) -> str:
    return (service.spec.selector or {}).get(POD_NAME, "")


def drop_second_server(actor: Actor, kubernetes: Kubernetes, second: DatabaseServer, run: str) -> bool:
    """Delete a server that a run made, and its claim, unless the Service leads to it. For processes; idempotent.

    Returns whether something of it was there. What is not this run's is left alone.
    """
    require_process(actor)
    if leads_to(actor, kubernetes) == second.pod:
        raise Conflict(reason="service_moved", pod=second.pod)
    kinds: tuple[tuple[type[ClaimObject | RawSetObject], str], ...] = (
        (RawSetObject, second.name),
        (ClaimObject, second.claim),
    )
    gone = [_dropped(kubernetes, kind, _place(second, name), run) for kind, name in kinds]
    return any(gone)


def _dropped(
    kubernetes: Kubernetes, kind: type[ClaimObject] | type[RawSetObject], at: ObjectPlace, run: str
) -> bool:
    try:
        found = kubernetes.run(kubernetes.get_object(kind, at))
    except NotFound:
        return False
    if (found.metadata.labels or {}).get(RUN_LABEL) != run:
        return False
    kubernetes.run(kubernetes.delete_object(kind, at))
    return True


def _place(server: DatabaseServer, name: str) -> ObjectPlace:
    return ObjectPlace(namespace=server.namespace, name=name)


def _service_place() -> ObjectPlace:
    home, name = _configured()
    return ObjectPlace(namespace=home, name=settings().database_service or name)


def _configured() -> tuple[str, str]:
    home, _, name = settings().database_stateful_set.partition("/")
    if not name:
        raise Refused(reason="database_server_unset")
    return home, name
