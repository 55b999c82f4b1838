"""Nouns that only the view and its rules use: workloads and ReplicaSets with the numbers that controllers report."""

from dataclasses import dataclass
from datetime import datetime

from backend.deploys.types import Condition, ContainerTemplate, HelmRelease, WorkloadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet. Numbers that the cluster leaves out are 0."""

    id: WorkloadId
    uid: str
    created_at: datetime
    generation: int = 0
    observed_generation: int = 0
    replicas: int | None = None
    """Wanted ones; None for a DaemonSet, and where nothing is said."""
    total: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    current: int = 0
    desired_scheduled: int = 0
    """Of a DaemonSet: nodes that are to have a pod; its other numbers stand in the fields above."""
    current_revision: str = ""
    update_revision: str = ""
    strategy: str = ""
    """``RollingUpdate``, ``Recreate`` or ``OnDelete``."""
    has_rolling_update: bool = False
    partition: int | None = None
    is_paused: bool = False
    revision: int | None = None
    template_generation: str = ""
    """Of a DaemonSet: the number that pods of its newest template carry."""
    conditions: tuple[Condition, ...] = ()
    containers: tuple[ContainerTemplate, ...] = ()
    release: HelmRelease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSet:
    """A revision of a Deployment."""

    namespace: str
    name: str
    uid: str
    owner_uid: str
    created_at: datetime
    revision: int | None = None
    replicas: int = 0
    desired_replicas: int | None = None
    ready: int = 0
    containers: tuple[ContainerTemplate, ...] = ()
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerRevision:
    """A revision of a StatefulSet or DaemonSet: its template, without the number of replicas."""

    namespace: str
    name: str
    owner_uid: str
    created_at: datetime
    number: int
    containers: tuple[ContainerTemplate, ...] = ()
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedEvent:
    """An event with the key under which the cluster keeps it."""

    namespace: str
    key: str
    kind: str
    name: str
    reason: str
    message: str
    is_warning: bool
    count: int
    first_at: datetime
    last_at: datetime
    source: str = ""
