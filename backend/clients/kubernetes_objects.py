"""The parts of Kubernetes objects that the portal reads. Everything else is skipped while it is decoded.

Values of environment variables are among what is skipped, so they never enter this process as more than bytes
on their way. Field names are the API's in snake case. https://kubernetes.io/docs/reference/kubernetes-api/
"""

from datetime import datetime

from lightkube.core.resource import ApiInfo, GlobalResource, NamespacedResourceG, ResourceDef
from lightkube.core.schema import DictMixin

VERBS = ["get", "list", "watch", "global_list", "global_watch", "patch", "delete"]
Names = dict[str, str] | None


class OwnerObject(DictMixin, rename="camel"):
    """The object that made another one."""

    uid: str = ""
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class MetaObject(DictMixin, rename="camel"):
    """Identity of an object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""  # noqa: N815 - lightkube reads this attribute
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: Names = None
    annotations: Names = None
    owner_references: list[OwnerObject] | None = None


class NamedObject(DictMixin, rename="camel"):
    """A name among others: of an environment variable, a secret, a config map."""

    name: str = ""


class SecretKeyObject(DictMixin, rename="camel"):
    """A key of a Secret: its name, never its value."""

    name: str = ""
    key: str = ""


class EnvironmentValueObject(DictMixin, rename="camel"):
    """The place that an environment variable has its value from."""

    secret_key_ref: SecretKeyObject | None = None


class EnvironmentObject(DictMixin, rename="camel"):
    """An environment variable: its name, and the Secret that it is read from. A value of its own is skipped."""

    name: str = ""
    value_from: EnvironmentValueObject | None = None


class SecretVolumeObject(DictMixin, rename="camel"):
    """A Secret whose keys are files."""

    secret_name: str = ""


class VolumeObject(DictMixin, rename="camel"):
    """A volume of a pod; of other kinds than Secrets nothing is read."""

    secret: SecretVolumeObject | None = None


class SelectorObject(DictMixin, rename="camel"):
    """The labels by which a workload knows its pods."""

    match_labels: Names = None


class EnvironmentSourceObject(DictMixin, rename="camel"):
    """A secret or config map, all of whose keys become environment variables."""

    secret_ref: NamedObject | None = None
    config_map_ref: NamedObject | None = None


class ResourcesObject(DictMixin, rename="camel"):
    """Requests and limits; a quantity is a text or a number."""

    requests: dict[str, str | int | float] | None = None
    limits: dict[str, str | int | float] | None = None


class ContainerObject(DictMixin, rename="camel"):
    """A container as it is wanted."""

    name: str = ""
    image: str = ""
    env: list[EnvironmentObject] | None = None
    env_from: list[EnvironmentSourceObject] | None = None
    resources: ResourcesObject | None = None


class TolerationObject(DictMixin, rename="camel"):
    """A mark of nodes that a pod bears. Without a key it bears every mark."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""


class PodSpecObject(DictMixin, rename="camel"):
    """Specification of a pod."""

    containers: list[ContainerObject] | None = None
    init_containers: list[ContainerObject] | None = None
    volumes: list[VolumeObject] | None = None
    node_name: str = ""
    node_selector: Names = None
    tolerations: list[TolerationObject] | None = None


class TemplateMetaObject(DictMixin, rename="camel"):
    """Labels and annotations of pods to come."""

    labels: Names = None
    annotations: Names = None


class TemplateObject(DictMixin, rename="camel"):
    """The template of pods."""

    metadata: TemplateMetaObject | None = None
    spec: PodSpecObject | None = None


class ConditionObject(DictMixin, rename="camel"):
    """A condition of an object."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class RunningObject(DictMixin, rename="camel"):
    """Since when a container runs."""

    started_at: datetime | None = None


class WaitingObject(DictMixin, rename="camel"):
    """Reason for which a container waits."""

    reason: str = ""
    message: str = ""


class TerminatedObject(DictMixin, rename="camel"):
    """End of a container."""

    exit_code: int = 0
    signal: int | None = None
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerStateObject(DictMixin, rename="camel"):
    """State of a container; one of the three is set."""

    running: RunningObject | None = None
    waiting: WaitingObject | None = None
    terminated: TerminatedObject | None = None


class ContainerStatusObject(DictMixin, rename="camel"):
    """Status of a container."""

    name: str = ""
    image: str = ""
    imageID: str = ""  # noqa: N815 - the API writes an abbreviation
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: ContainerStateObject | None = None
    last_state: ContainerStateObject | None = None


class PodStatusObject(DictMixin, rename="camel"):
    """Status of a pod."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[ConditionObject] | None = None
    container_statuses: list[ContainerStatusObject] | None = None
    init_container_statuses: list[ContainerStatusObject] | None = None


class PodBody(DictMixin, rename="camel"):
    """A pod."""

    metadata: MetaObject
    spec: PodSpecObject | None = None
    status: PodStatusObject | None = None


class RollingUpdateObject(DictMixin, rename="camel"):
    """Options of a rolling update."""

    partition: int | None = None


class StrategyObject(DictMixin, rename="camel"):
    """Update strategy."""

    type: str = ""
    rolling_update: RollingUpdateObject | None = None


class WorkloadSpecObject(DictMixin, rename="camel"):
    """Specification of a Deployment, StatefulSet, DaemonSet or ReplicaSet."""

    replicas: int | None = None
    paused: bool = False
    selector: SelectorObject | None = None
    strategy: StrategyObject | None = None
    update_strategy: StrategyObject | None = None
    template: TemplateObject | None = None


class WorkloadStatusObject(DictMixin, rename="camel"):
    """Its status. A number that the API leaves out is 0."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    current_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    conditions: list[ConditionObject] | None = None


class WorkloadBody(DictMixin, rename="camel"):
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet."""

    metadata: MetaObject
    spec: WorkloadSpecObject | None = None
    status: WorkloadStatusObject | None = None


class RevisionSpecObject(DictMixin, rename="camel"):
    """The part of a workload that a revision keeps: the template alone, not the number of replicas."""

    template: TemplateObject | None = None


class RevisionDataObject(DictMixin, rename="camel"):
    """The content of a revision: a patch of the workload that it belongs to."""

    spec: RevisionSpecObject | None = None


class ControllerRevisionBody(DictMixin, rename="camel"):
    """A revision of a StatefulSet or DaemonSet."""

    metadata: MetaObject
    data: RevisionDataObject | None = None
    revision: int = 0


class JobStatusObject(DictMixin, rename="camel"):
    """Status of a Job."""

    active: int = 0
    succeeded: int = 0
    failed: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: list[ConditionObject] | None = None


class JobBody(DictMixin, rename="camel"):
    """A Job."""

    metadata: MetaObject
    status: JobStatusObject | None = None


class InvolvedObject(DictMixin, rename="camel"):
    """The object that an event is about."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class EventSourceObject(DictMixin, rename="camel"):
    """Component that wrote an event."""

    component: str = ""


class EventSeriesObject(DictMixin, rename="camel"):
    """Number of times that an event was seen, as newer components count."""

    count: int = 0
    last_observed_time: datetime | None = None


class EventBody(DictMixin, rename="camel"):
    """An event."""

    metadata: MetaObject
    involved_object: InvolvedObject | None = None
    reason: str = ""
    message: str = ""
    type: str = ""
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: EventSeriesObject | None = None
    source: EventSourceObject | None = None
    reporting_component: str = ""


def _info(group: str, kind: str, plural: str) -> ApiInfo:
    return ApiInfo(resource=ResourceDef(group, "v1", kind), plural=plural, verbs=VERBS)


class DeploymentObject(NamespacedResourceG, WorkloadBody):
    """A Deployment."""

    _api_info = _info("apps", "Deployment", "deployments")


class StatefulSetObject(NamespacedResourceG, WorkloadBody):
    """A StatefulSet."""

    _api_info = _info("apps", "StatefulSet", "statefulsets")


class DaemonSetObject(NamespacedResourceG, WorkloadBody):
    """A DaemonSet."""

    _api_info = _info("apps", "DaemonSet", "daemonsets")


class ReplicaSetObject(NamespacedResourceG, WorkloadBody):
    """A ReplicaSet: a revision of a Deployment."""

    _api_info = _info("apps", "ReplicaSet", "replicasets")


class ControllerRevisionObject(NamespacedResourceG, ControllerRevisionBody):
    """A ControllerRevision: a revision of a StatefulSet or DaemonSet."""

    _api_info = _info("apps", "ControllerRevision", "controllerrevisions")


class PodObject(NamespacedResourceG, PodBody):
    """A pod."""

    _api_info = _info("", "Pod", "pods")


class EventObject(NamespacedResourceG, EventBody):
    """An event."""

    _api_info = _info("", "Event", "events")


class JobObject(NamespacedResourceG, JobBody):
    """A Job."""

    _api_info = _info("batch", "Job", "jobs")


ObjectKind = type[NamespacedResourceG]


def plural_of(kind: ObjectKind | type[GlobalResource]) -> str:
    """The name of a kind in addresses and permissions: ``pods``."""
    return kind._api_info.plural  # noqa: SLF001 - lightkube's own place for it, which has no other door
