"""Nouns of deploys. Values of environment variables and of secrets stand in none of them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from backend.errors import AppError


class WorkloadKind(StrEnum):
    """A kind of workload, in the cluster's own word."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WorkloadId:
    """The name of a workload within the cluster."""

    namespace: str
    kind: WorkloadKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PodId:
    """The name of a pod within the cluster."""

    namespace: str
    name: str


class RolloutState(StrEnum):
    """State of a rollout. Stuck and failed ones come with a reason."""

    DONE = "done"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    STUCK = "stuck"
    """Something hinders it, although its deadline has not passed: ``kubectl`` still waits."""
    FAILED = "failed"
    """Its deadline has passed, or the workload refuses to have a rollout state."""
    MANUAL = "manual"
    """The strategy is OnDelete: pods are updated when somebody deletes them, so there is no rollout to watch."""


class StuckKind(StrEnum):
    """Kind of a reason for which a rollout is stuck, the first to be looked for first."""

    QUOTA = "quota"
    POLICY = "policy"
    POD_REFUSED = "pod_refused"
    """The cluster refuses to create the pod for another reason than quota or policy."""
    UNSCHEDULABLE = "unschedulable"
    IMAGE_PULL = "image_pull"
    CONFIGURATION = "configuration"
    """A secret, config map or key that the container names is missing."""
    CONTAINER_START = "container_start"
    """The container cannot be created or started, or a volume cannot be mounted."""
    OUT_OF_MEMORY = "out_of_memory"
    CRASH = "crash"
    EVICTED = "evicted"
    PROBE = "probe"
    DEADLINE = "deadline"
    """The progress deadline has passed, and no pod shows why."""
    TOO_LONG = "too_long"
    """A StatefulSet or DaemonSet, which have no deadline, takes longer than our own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckReason:
    """The reason for which a rollout is stuck, as the pods of its newest revision show it."""

    kind: StuckKind
    pod: str = ""
    """The pod that shows it; the oldest one when several do; empty when there is no pod."""
    pods: int = 0
    """How many pods of the newest revision show a reason of this kind."""
    container: str = ""
    is_init: bool = False
    image: str = ""
    message: str = ""
    """The cluster's own words, in one line of at most 500 characters. Untrusted text."""
    exit_code: int | None = None
    signal: int | None = None
    restarts: int = 0
    memory_limit: str = ""
    is_early: bool = False
    """It may pass by itself, as when a container is only slow to start: the rollout still counts as moving."""
    since: datetime | None = None
    last_lines: tuple[str, ...] = ()
    """The end of the log of the container that crashed, redacted; empty until it was read. Untrusted text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image by its parts: ``registry.example/docuchat``, ``2.14.3``, ``sha256:…``."""

    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def text(self) -> str:
        """The whole name, as it is pulled."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerTemplate:
    """A container as its workload describes it."""

    name: str
    image: Image
    is_init: bool = False
    environment: tuple[str, ...] = ()
    """Names of environment variables, sorted; of sources of many, ``secret/name`` or ``configmap/name``."""
    requests: tuple[tuple[str, str], ...] = ()
    """Resource and quantity in the cluster's words, sorted: ``(("cpu", "250m"), ("memory", "512Mi"))``."""
    limits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition of a workload or a pod, as the cluster writes it."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """End of a container."""

    reason: str = ""
    message: str = ""
    exit_code: int = 0
    signal: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerPhase(StrEnum):
    """Phase of a container."""

    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodContainer:
    """A container of a pod: its template and its state."""

    template: ContainerTemplate
    phase: ContainerPhase = ContainerPhase.WAITING
    reason: str = ""
    """Why it waits, in the cluster's word: ``CrashLoopBackOff``."""
    message: str = ""
    is_ready: bool = False
    is_started: bool | None = None
    restarts: int = 0
    digest: str = ""
    """Of the image that runs, whatever the tag says by now."""
    running_since: datetime | None = None
    ended: Termination | None = None
    last_ended: Termination | None = None
    """How the container before this one ended."""

    @property
    def last_termination(self) -> Termination | None:
        """The last end of the container, whether or not it runs again."""
        return self.ended or self.last_ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod. Age is counted from ``created_at``."""

    id: PodId
    uid: str
    owner_uid: str = ""
    node: str = ""
    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    """Of the pod as a whole, such as why it was evicted."""
    created_at: datetime
    is_terminating: bool = False
    revision_hash: str = ""
    template_generation: str = ""
    """Of a DaemonSet: the number of the template that it was made from."""
    conditions: tuple[Condition, ...] = ()
    containers: tuple[PodContainer, ...] = ()
    """Init containers first."""

    @property
    def is_ready(self) -> bool:
        """Whether it counts as ready."""
        return any(one.type == "Ready" and one.status == "True" for one in self.conditions)

    @property
    def restarts(self) -> int:
        """Number of times that its containers were started again."""
        return sum(one.restarts for one in self.containers)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmRelease:
    """The Helm release that a workload belongs to, as its labels and annotations say."""

    name: str
    namespace: str = ""
    chart: str = ""
    """With its version: ``docuchat-2.14.3``."""
    app_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The state of a workload's rollout by the rule that ``kubectl rollout status`` uses, and what hinders it."""

    state: RolloutState
    words: str
    """What ``kubectl rollout status --watch=false`` says, in its own English words. Empty for a pause of ours."""
    reason: StuckReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSummary:
    """A workload in a line. While nothing changes, the view answers with the same object."""

    id: WorkloadId
    rollout: Rollout
    replicas: int
    """Wanted ones; of a DaemonSet, nodes that want a pod."""
    updated: int
    ready: int
    available: int
    total: int
    """Pods of all revisions."""
    images: tuple[Image, ...]
    """Of its containers without the init containers, in their order; without digest unless pinned."""
    revision: int | None = None
    """None where the cluster numbers no revisions in what we may read: StatefulSets and DaemonSets."""
    revision_at: datetime | None = None
    """When its newest revision was made."""
    release: HelmRelease | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision of a workload, which a Deployment keeps as a ReplicaSet, the others as a ControllerRevision."""

    number: int
    name: str
    created_at: datetime
    replicas: int
    """How many pods it is to have now: 0 for past ones. Of a StatefulSet or DaemonSet: how many it has."""
    desired_replicas: int | None = None
    """How many the workload was to have when this revision was last the newest; None for a StatefulSet or DaemonSet."""
    ready: int = 0
    containers: tuple[ContainerTemplate, ...] = ()
    cause: str = ""
    """The annotation ``kubernetes.io/change-cause``. Untrusted text."""
    is_newest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A value that differs between two revisions. Empty means that one of them has none."""

    container: str
    subject: str = ""
    """What the value is of, such as ``requests.memory``; empty for an image."""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionChange:
    """Differences between two revisions. Values of environment variables are never compared."""

    before: int
    after: int
    images: tuple[Replaced, ...] = ()
    resources: tuple[Replaced, ...] = ()
    environment_added: tuple[tuple[str, str], ...] = ()
    """Container and name."""
    environment_removed: tuple[tuple[str, str], ...] = ()
    containers_added: tuple[str, ...] = ()
    containers_removed: tuple[str, ...] = ()
    replicas: tuple[int, int] | None = None
    """Before and after, when both are known and differ."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing that we compare differs."""
        lists = (
            self.images,
            self.resources,
            self.environment_added,
            self.environment_removed,
            self.containers_added,
            self.containers_removed,
        )
        return not any(lists) and self.replicas is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEvent:
    """An event of the cluster about an object, with the number of times that it was seen. Untrusted text."""

    namespace: str
    kind: str
    """Of the object: ``Pod``."""
    name: str
    reason: str
    message: str
    is_warning: bool
    count: int
    first_at: datetime
    last_at: datetime
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterJob:
    """A Job of the cluster. ``refusal`` is what the cluster says when it creates no pod for it."""

    namespace: str
    name: str
    created_at: datetime
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    outcome: str = ""
    """``Complete``, ``Failed`` or, while it runs, nothing."""
    reason: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadDetail:
    """A workload with everything below it."""

    summary: WorkloadSummary
    containers: tuple[ContainerTemplate, ...]
    conditions: tuple[Condition, ...]
    pods: tuple[Pod, ...]
    """Of the newest revision, by name."""
    old_pods: tuple[Pod, ...]
    """Of earlier revisions, by name."""
    revisions: tuple[Revision, ...]
    """Newest first."""
    events: tuple[ClusterEvent, ...]
    """About the workload, its ReplicaSets and its pods, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProblem:
    """A kind of object in a namespace that cannot be watched just now."""

    resource: str
    """``pods``, ``events``…"""
    namespace: str
    since: datetime
    error: AppError


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHealth:
    """Age and gaps of the view."""

    is_configured: bool
    is_complete: bool = False
    """Whether everything was listed at least once, save what the cluster refuses to show."""
    version: int = 0
    """Rises with each change of the view."""
    seen_at: datetime | None = None
    """When the cluster spoke to us last."""
    unknown_since: datetime | None = None
    """Set while the view may be out of date: what it shows is what was known then."""
    problems: tuple[SourceProblem, ...] = ()
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workloads:
    """Every workload, by namespace, kind and name."""

    health: ClusterHealth
    items: tuple[WorkloadSummary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChange:
    """A change of the view since the one before. No workloads means that only the health changed."""

    version: int
    workloads: frozenset[WorkloadId] = field(default_factory=frozenset)
    is_health: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """The log of a container."""

    pod: PodId
    container: str = ""
    """Empty means the only one."""
    is_previous: bool = False
    """The container before this one."""
    tail_lines: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLogLine:
    """A line of a log. Not redacted."""

    at: str
    """The time in the cluster's own writing, to the nanosecond; as a cursor it resumes a log."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A permission in the cluster: ``patch`` on ``deployments`` of ``apps`` in a namespace, perhaps one by name."""

    verb: str
    resource: str
    group: str = ""
    namespace: str
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessVerdict:
    """Answer of the cluster's access review about a permission."""

    permission: Permission
    is_allowed: bool
    reason: str = ""
    """The cluster's own words, often empty."""
