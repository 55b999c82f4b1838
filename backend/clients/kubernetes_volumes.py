"""The calls about claims, the servers on them, and the Service that leads to one of these.

https://kubernetes.io/docs/concepts/storage/volume-snapshots/
"""

import asyncio

from lightkube.types import PatchType

from backend.clients.kubernetes_calls import Calls, Json, ObjectPlace, precondition
from backend.clients.kubernetes_objects import MetaObject, plural_of
from backend.clients.kubernetes_storage import (
    ClaimObject,
    ClaimSpecObject,
    RawSetObject,
    ServiceObject,
)

POD_NAME = "statefulset.kubernetes.io/pod-name"
"""The label by which a Service can lead to one pod of a StatefulSet."""


class VolumeCalls(Calls):
    """The calls about claims, StatefulSets that are copied, and Services."""

    async def create_claim(
        self, at: ObjectPlace, spec: ClaimSpecObject, *, labels: dict[str, str], dry_run: bool
    ) -> ClaimObject:
        """A new claim. Raises Conflict where there is one of this name."""
        wanted = ClaimObject(
            metadata=MetaObject(name=at.name, namespace=at.namespace, labels=labels), spec=spec
        )
        async with self.asking("create", plural_of(ClaimObject), at.namespace):
            return await self._client.create(wanted, dry_run=dry_run)

    async def copy_set(
        self, model: RawSetObject, name: str, *, labels: dict[str, str], dry_run: bool
    ) -> RawSetObject:
        """A StatefulSet with the specification of another one. Raises Conflict where there is one of this name."""
        namespace = model.metadata.namespace
        wanted = RawSetObject(
            metadata=MetaObject(name=name, namespace=namespace, labels=labels), spec=model.spec
        )
        async with self.asking("create", plural_of(RawSetObject), namespace):
            return await self._client.create(wanted, dry_run=dry_run)

    async def patch_service(
        self, at: ObjectPlace, patch: Json, *, version: str, dry_run: bool, within_s: float = 0
    ) -> ServiceObject:
        """A Service with a merge patch, if it still has this version; ``within_s`` shortens the wait for an answer.

        Raises:
            Conflict: the Service has another version.
        """
        wanted = patch | {"metadata": dict(patch.get("metadata") or {}) | precondition(version)}
        async with (
            self.asking("patch", plural_of(ServiceObject), at.namespace),
            asyncio.timeout(within_s or self.timeout_s),
        ):
            return await self._client.patch(
                ServiceObject,
                at.name,
                wanted,
                namespace=at.namespace,
                patch_type=PatchType.MERGE,
                dry_run=dry_run,
            )
