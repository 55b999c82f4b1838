"""The parts of claims, snapshots, Services and StatefulSets that a restore from a snapshot reads and writes.

The specification of a StatefulSet is kept as the bytes that it came in and goes back so: the values of environment
variables in it are never decoded.
"""

from datetime import datetime
from typing import Any

from lightkube.core.resource import ApiInfo, NamespacedResourceG, ResourceDef
from lightkube.core.schema import DictMixin
from msgspec import Raw

from backend.clients.kubernetes_objects import ConditionObject, MetaObject, NamedObject, Names

SNAPSHOT_GROUP = "snapshot.storage.k8s.io"


class SourceObject(DictMixin, rename="camel"):
    """The origin of a snapshot."""

    persistent_volume_claim_name: str | None = None


class SnapshotSpecObject(DictMixin, rename="camel"):
    """Specification of a snapshot."""

    source: SourceObject


class SnapshotErrorObject(DictMixin, rename="camel"):
    """The reason why a snapshot failed."""

    message: str = ""


class SnapshotStatusObject(DictMixin, rename="camel"):
    """Status of a snapshot."""

    ready_to_use: bool = False
    creation_time: datetime | None = None
    restore_size: str | int = ""
    error: SnapshotErrorObject | None = None


class SnapshotBody(DictMixin, rename="camel"):
    """A VolumeSnapshot."""

    metadata: MetaObject
    spec: SnapshotSpecObject
    status: SnapshotStatusObject | None = None


class DataSourceObject(DictMixin, rename="camel"):
    """The object that a new volume is filled from."""

    name: str
    kind: str = "VolumeSnapshot"
    api_group: str = SNAPSHOT_GROUP


class ClaimSpecObject(DictMixin, rename="camel"):
    """Specification of a claim."""

    access_modes: list[str] | None = None
    resources: dict[str, Any] | None = None
    storage_class_name: str | None = None
    volume_mode: str | None = None
    data_source: DataSourceObject | None = None


class ClaimStatusObject(DictMixin, rename="camel"):
    """Status of a claim."""

    phase: str = ""


class ClaimBody(DictMixin, rename="camel"):
    """A PersistentVolumeClaim."""

    metadata: MetaObject
    spec: ClaimSpecObject
    status: ClaimStatusObject | None = None
    apiVersion: str | None = None  # noqa: N815 - lightkube fills it
    kind: str | None = None


class ServiceSpecObject(DictMixin, rename="camel"):
    """Specification of a Service."""

    selector: Names = None


class ServiceBody(DictMixin, rename="camel"):
    """A Service."""

    metadata: MetaObject
    spec: ServiceSpecObject


class TemplateOfClaimObject(DictMixin, rename="camel"):
    """A claim that a StatefulSet makes for each pod."""

    metadata: NamedObject


class SetShapeObject(DictMixin, rename="camel"):
    """The parts of a StatefulSet's specification that are decoded."""

    replicas: int | None = None
    volume_claim_templates: list[TemplateOfClaimObject] | None = None


class RawSetBody(DictMixin, rename="camel"):
    """A StatefulSet whose specification is kept as bytes."""

    metadata: MetaObject
    spec: Raw
    apiVersion: str | None = None  # noqa: N815 - lightkube fills it
    kind: str | None = None


class PortObject(DictMixin, rename="camel"):
    """A port of a container."""

    container_port: int = 0


class ServerContainerObject(DictMixin, rename="camel"):
    """A container of a server."""

    ports: list[PortObject] | None = None


class ServerPodSpecObject(DictMixin, rename="camel"):
    """Specification of a server's pod."""

    containers: list[ServerContainerObject] | None = None


class ServerPodStatusObject(DictMixin, rename="camel"):
    """Status of a server's pod."""

    podIP: str = ""  # noqa: N815 - decoded by the API's own name
    conditions: list[ConditionObject] | None = None


class ServerPodBody(DictMixin, rename="camel"):
    """A pod of which the address is wanted."""

    metadata: MetaObject
    spec: ServerPodSpecObject | None = None
    status: ServerPodStatusObject | None = None


def _info(group: str, kind: str, plural: str, *verbs: str) -> ApiInfo:
    return ApiInfo(resource=ResourceDef(group, "v1", kind), plural=plural, verbs=list(verbs))


class SnapshotObject(NamespacedResourceG, SnapshotBody):
    """A VolumeSnapshot."""

    _api_info = _info(SNAPSHOT_GROUP, "VolumeSnapshot", "volumesnapshots", "list")


class ClaimObject(NamespacedResourceG, ClaimBody):
    """A PersistentVolumeClaim."""

    _api_info = _info("", "PersistentVolumeClaim", "persistentvolumeclaims", "get", "post", "delete")


class ServiceObject(NamespacedResourceG, ServiceBody):
    """A Service."""

    _api_info = _info("", "Service", "services", "get", "patch")


class RawSetObject(NamespacedResourceG, RawSetBody):
    """A StatefulSet whose specification is kept as bytes."""

    _api_info = _info("apps", "StatefulSet", "statefulsets", "get", "post", "delete")


class ServerPodObject(NamespacedResourceG, ServerPodBody):
    """A pod of which the address is wanted."""

    _api_info = _info("", "Pod", "pods", "list")
