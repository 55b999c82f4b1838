"""The parts of Kubernetes objects that actions read and write, beside those that the portal shows.

A template of pods is kept as the bytes that it came in and goes back so: values of environment variables are never
decoded. Of a Secret nothing but its metadata is decoded, except by ``ReadableSecretObject``.
"""

from typing import Any

from lightkube.core.resource import ApiInfo, GlobalResource, NamespacedResourceG, ResourceDef
from lightkube.core.schema import DictMixin
from msgspec import Raw

from backend.clients.kubernetes_objects import ConditionObject, JobStatusObject, MetaObject, Names

Quantities = dict[str, str | int | float] | None


class TaintObject(DictMixin, rename="camel"):
    """A mark on a node that keeps pods away which do not tolerate it."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpecObject(DictMixin, rename="camel"):
    """Specification of a node."""

    unschedulable: bool = False
    taints: list[TaintObject] | None = None


class NodeStatusObject(DictMixin, rename="camel"):
    """Status of a node."""

    allocatable: Quantities = None
    conditions: list[ConditionObject] | None = None


class NodeBody(DictMixin, rename="camel"):
    """A node."""

    metadata: MetaObject
    spec: NodeSpecObject | None = None
    status: NodeStatusObject | None = None


class QuotaStatusObject(DictMixin, rename="camel"):
    """Limits of a namespace and what of them is used."""

    hard: Quantities = None
    used: Quantities = None


class QuotaBody(DictMixin, rename="camel"):
    """A ResourceQuota."""

    metadata: MetaObject
    status: QuotaStatusObject | None = None


class RawTemplateSpec(DictMixin, rename="camel"):
    """A specification of which only the template of the pods is kept, as bytes."""

    template: Raw = Raw()


class RawTemplateBody(DictMixin, rename="camel"):
    """A ReplicaSet whose template is kept as bytes."""

    metadata: MetaObject
    spec: RawTemplateSpec


class NewJobBody(DictMixin, rename="camel"):
    """A Job that is to be created."""

    metadata: MetaObject
    spec: dict[str, Any]
    status: JobStatusObject | None = None
    apiVersion: str | None = None  # noqa: N815 - lightkube fills it
    kind: str | None = None


class SecretBody(DictMixin, rename="camel"):
    """A Secret as it is written. The server's answer has ``data`` and no ``stringData``, so no value is decoded."""

    metadata: MetaObject
    apiVersion: str | None = None  # noqa: N815 - lightkube fills it
    kind: str | None = None
    type: str = "Opaque"
    stringData: Names = None  # noqa: N815 - decoded by the API's own name

    def __repr__(self) -> str:
        """The name alone: values must not get into a log by way of a traceback."""
        return f"Secret({self.metadata.namespace}/{self.metadata.name})"


class ReadableSecretBody(DictMixin, rename="camel"):
    """A Secret whose values are wanted, in base64."""

    metadata: MetaObject
    data: Names = None

    def __repr__(self) -> str:
        """The name alone."""
        return f"Secret({self.metadata.namespace}/{self.metadata.name})"


def _info(group: str, kind: str, plural: str, *verbs: str) -> ApiInfo:
    return ApiInfo(resource=ResourceDef(group, "v1", kind), plural=plural, verbs=list(verbs))


class NodeObject(GlobalResource, NodeBody):
    """A node."""

    _api_info = _info("", "Node", "nodes", "list")


class QuotaObject(NamespacedResourceG, QuotaBody):
    """A ResourceQuota."""

    _api_info = _info("", "ResourceQuota", "resourcequotas", "list")


class RawReplicaSetObject(NamespacedResourceG, RawTemplateBody):
    """A revision of a Deployment, to go back to."""

    _api_info = _info("apps", "ReplicaSet", "replicasets", "get")


class NewJobObject(NamespacedResourceG, NewJobBody):
    """A Job that is to be created."""

    _api_info = _info("batch", "Job", "jobs", "post")


class SecretObject(NamespacedResourceG, SecretBody):
    """A Secret that is written."""

    _api_info = _info("", "Secret", "secrets", "post", "patch", "delete")


class ReadableSecretObject(NamespacedResourceG, ReadableSecretBody):
    """A Secret that is read."""

    _api_info = _info("", "Secret", "secrets", "get")


class PatchedSecretObject(NamespacedResourceG, ReadableSecretBody):
    """A Secret as a patch answers with it."""

    _api_info = _info("", "Secret", "secrets", "patch")
