"""Keeps one kind of object of one namespace up to date: list, watch, and list again when the watch breaks."""

import asyncio
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from backend.clients.kubernetes import Kubernetes
from backend.clients.kubernetes_errors import Expired
from backend.clients.kubernetes_objects import (
    ControllerRevisionObject,
    DaemonSetObject,
    DeploymentObject,
    EventObject,
    JobObject,
    ObjectKind,
    PodObject,
    ReplicaSetObject,
    StatefulSetObject,
    plural_of,
)
from backend.deploys.cluster_index import ClusterNoun
from backend.deploys.cluster_types import ControllerRevision, NotedEvent, ReplicaSet
from backend.deploys.from_cluster import (
    to_controller_revision,
    to_event,
    to_job,
    to_pod,
    to_replica_set,
    to_workload,
)
from backend.deploys.types import ClusterJob, Pod, WorkloadKind
from backend.errors import AppError, Refused
from backend.log import get_logger

log = get_logger(__name__)

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
REFUSED_PAUSE_S = 15.0
"""A right that is missing is given by a person, which takes longer than a server takes to come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A kind of object that is watched, and what becomes of it here."""

    objects: ObjectKind
    kept: type[ClusterNoun] | WorkloadKind
    read: Callable[[Any], ClusterNoun]

    @property
    def resource(self) -> str:
        """Its name in permissions: ``pods``."""
        return plural_of(self.objects)


WATCHED = (
    Watched(objects=DeploymentObject, kept=WorkloadKind.DEPLOYMENT, read=to_workload),
    Watched(objects=StatefulSetObject, kept=WorkloadKind.STATEFUL_SET, read=to_workload),
    Watched(objects=DaemonSetObject, kept=WorkloadKind.DAEMON_SET, read=to_workload),
    Watched(objects=ReplicaSetObject, kept=ReplicaSet, read=to_replica_set),
    Watched(objects=ControllerRevisionObject, kept=ControllerRevision, read=to_controller_revision),
    Watched(objects=PodObject, kept=Pod, read=to_pod),
    Watched(objects=EventObject, kept=NotedEvent, read=to_event),
    Watched(objects=JobObject, kept=ClusterJob, read=to_job),
)


class WatchSink(Protocol):
    """Takes what a watch brings. Called on the loop of the client."""

    def replace(self, source: "WatchedSource", fresh: list[ClusterNoun]) -> None:
        """Take these objects instead of all that were known."""

    def put(self, source: "WatchedSource", one: ClusterNoun) -> None:
        """Take a new or changed object."""

    def remove(self, source: "WatchedSource", one: ClusterNoun) -> None:
        """Forget an object."""

    def hear(self, source: "WatchedSource") -> None:
        """Learn that the server spoke, whatever it said."""

    def lose(self, source: "WatchedSource", error: AppError) -> None:
        """Learn that changes are missed from now on."""


@dataclass(slots=True, kw_only=True, eq=False)
class WatchedSource:
    """A kind of object in a namespace, and how its watch stands."""

    watched: Watched
    namespace: str
    is_listed: bool = False
    lost_since: datetime | None = None
    error: AppError | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the cluster refuses to show it, which trying again does not change."""
        return isinstance(self.error, Refused)


async def keep(client: Kubernetes, source: WatchedSource, sink: WatchSink) -> None:
    """Keep a source up to date until it is cancelled."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            await _list_and_watch(client, source, sink)
        except Expired:
            # What was deleted meanwhile is told by no watch, so everything is listed again and replaced.
            log.info("cluster.watch_expired", resource=source.watched.resource, namespace=source.namespace)
            pause_s = FIRST_PAUSE_S
        except AppError as error:
            if source.error is None:
                log.warning(
                    "cluster.watch_lost",
                    resource=source.watched.resource,
                    namespace=source.namespace,
                    error=str(error),
                )
                pause_s = FIRST_PAUSE_S
            sink.lose(source, error)
            pause_s = REFUSED_PAUSE_S if isinstance(error, Refused) else min(LONGEST_PAUSE_S, 2 * pause_s)
        await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 - spreads calls, guards nothing


async def _list_and_watch(client: Kubernetes, source: WatchedSource, sink: WatchSink) -> None:
    watched = source.watched
    listed = await client.list_objects(watched.objects, source.namespace)
    sink.replace(source, [watched.read(one) for one in listed.items])
    changes = client.watch_objects(watched.objects, source.namespace, listed.version)
    async with aclosing(changes):
        async for kind, found in changes:
            match kind:
                case "ADDED" | "MODIFIED":
                    sink.put(source, watched.read(found))
                case "DELETED":
                    sink.remove(source, watched.read(found))
                case _:
                    sink.hear(source)
