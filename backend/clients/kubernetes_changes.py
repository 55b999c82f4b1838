"""The calls that change workloads and Jobs, and those that such a change is prepared with.

Every change takes ``dry_run``: the API server then checks everything (rights, admission, the version) and keeps
nothing. ``version`` is the resourceVersion that the caller has read: where the object is another one now, nothing
changes and ``Conflict`` is raised. After ``Unavailable`` a change may have been made or not: read again.

    client.run(client.restart(DeploymentObject, at, now, version=seen.metadata.resourceVersion, dry_run=False))
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from lightkube.core.resource import NamespacedResourceG
from lightkube.resources.apps_v1 import DeploymentScale, StatefulSetScale
from lightkube.types import PatchType
from msgspec import convert

from backend.clients.kubernetes_calls import Calls, Json, ObjectPlace, precondition
from backend.clients.kubernetes_objects import (
    DaemonSetObject,
    DeploymentObject,
    JobObject,
    ObjectKind,
    StatefulSetObject,
    plural_of,
)
from backend.clients.kubernetes_targets import (
    NewJobObject,
    NodeObject,
    RawReplicaSetObject,
)
from backend.errors import NotFound

K = TypeVar("K", bound=NamespacedResourceG)
W = TypeVar("W", DeploymentObject, StatefulSetObject, DaemonSetObject)

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The annotation that ``kubectl rollout restart`` writes on the template of the pods."""
TEMPLATE_HASH = "pod-template-hash"
_SCALES: dict[ObjectKind, Any] = {DeploymentObject: DeploymentScale, StatefulSetObject: StatefulSetScale}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The wanted number of replicas, and the workload's version."""

    replicas: int
    version: str


class WorkloadCalls(Calls):
    """The calls about workloads, nodes and Jobs. Each is bounded in time and fails as ``in_our_words`` says."""

    async def list_nodes(self) -> list[NodeObject]:
        """Every node of the cluster, with its labels, taints and allocatable resources."""
        async with self.asking("list", plural_of(NodeObject), ""):
            return [one async for one in self._client.list(NodeObject, chunk_size=500)]

    async def patch_workload(
        self, kind: type[W], at: ObjectPlace, patch: Json, *, version: str = "", dry_run: bool
    ) -> W:
        """A workload with a strategic merge patch applied; the answer is the workload as it is then.

        https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/

        Raises:
            Conflict: the workload has another version.
        """
        wanted = patch | {"metadata": dict(patch.get("metadata") or {}) | precondition(version)}
        return await self.patch_object(kind, at, wanted, PatchType.STRATEGIC, dry_run=dry_run)

    async def restart(
        self, kind: type[W], at: ObjectPlace, now: datetime, *, version: str = "", dry_run: bool
    ) -> W:
        """Replace every pod of a workload as ``kubectl rollout restart`` does: by an annotation on the template.

        Its strategy bounds how many pods are away at once; a paused Deployment waits until it is resumed.
        """
        template = {"metadata": {"annotations": {RESTARTED_AT: now.isoformat(timespec="seconds")}}}
        patch = {"spec": {"template": template}}
        return await self.patch_workload(kind, at, patch, version=version, dry_run=dry_run)

    async def set_paused(
        self, at: ObjectPlace, *, is_paused: bool, version: str = "", dry_run: bool
    ) -> DeploymentObject:
        """Pause a Deployment's rollout or let it go on: ``kubectl rollout pause`` and ``resume``."""
        patch = {"spec": {"paused": is_paused}}
        return await self.patch_workload(DeploymentObject, at, patch, version=version, dry_run=dry_run)

    async def patch_scale(
        self, kind: type[W], at: ObjectPlace, replicas: int, *, version: str = "", dry_run: bool
    ) -> Scale:
        """Another number of replicas; needs only ``patch`` on the subresource ``scale``.

        https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#scaling-a-deployment

        Raises:
            Conflict: the workload has another version.
        """
        wanted = {"metadata": precondition(version), "spec": {"replicas": replicas}}
        async with self.asking("patch", f"{plural_of(kind)}/scale", at.namespace):
            found = await self._client.patch(
                _SCALES[kind],
                at.name,
                wanted,
                namespace=at.namespace,
                patch_type=PatchType.MERGE,
                dry_run=dry_run,
            )
            return Scale(replicas=found.spec.replicas or 0, version=found.metadata.resourceVersion)

    async def roll_back(
        self, at: ObjectPlace, replica_set: str, *, version: str = "", dry_run: bool
    ) -> DeploymentObject:
        """Give a Deployment the template of one of its ReplicaSets, as ``kubectl rollout undo`` does.

        The cluster makes a new revision of it, whose ReplicaSet is the old one. Its number of replicas stays.

        Raises:
            NotFound: the ReplicaSet is gone: the history of the Deployment is limited.
            Conflict: the Deployment has another version.
        """
        old = await self.get_object(
            RawReplicaSetObject, ObjectPlace(namespace=at.namespace, name=replica_set)
        )
        if at.name not in {one.name for one in old.metadata.owner_references or ()}:
            raise NotFound(reason="revision")
        # "add" also replaces. The label tells the pods of ReplicaSets apart, so it is no part of a Deployment.
        patch: list[Json] = [
            {"op": "add", "path": "/spec/template", "value": old.spec.template},
            {"op": "remove", "path": f"/spec/template/metadata/labels/{TEMPLATE_HASH}"},
        ]
        if version:
            patch.append({"op": "add", "path": "/metadata/resourceVersion", "value": version})
        return await self.patch_object(DeploymentObject, at, patch, PatchType.JSON, dry_run=dry_run)

    async def create_job(self, namespace: str, manifest: Json, *, dry_run: bool = False) -> JobObject:
        """A new Job from its manifest (``metadata.name``, ``spec``).

        https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/

        Raises:
            Conflict: there is a Job of this name already; adopt it with ``get_object(JobObject, ...)``.
        """
        async with self.asking("create", plural_of(NewJobObject), namespace):
            wanted = convert(manifest, NewJobObject)
            wanted.metadata.namespace = namespace
            made = await self._client.create(wanted, dry_run=dry_run)
            return JobObject(metadata=made.metadata, status=made.status)

    async def delete_job(self, at: ObjectPlace) -> None:
        """End a Job and its pods. Idempotent: a Job that is gone stays so.

        It has ended when its pods are gone: ask ``list_objects(PodObject, namespace, labels={"job-name": name})``.
        """
        await self.delete_object(JobObject, at)
