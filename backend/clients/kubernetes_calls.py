"""The common part of all calls about one object: deadline, errors, precondition."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from lightkube import AsyncClient
from lightkube.core.resource import NamespacedResourceG
from lightkube.types import CascadeType, PatchType

from backend.clients.kubernetes_errors import ClusterCall, in_our_words
from backend.clients.kubernetes_objects import plural_of
from backend.errors import NotFound

Json = dict[str, Any]
K = TypeVar("K", bound=NamespacedResourceG)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPlace:
    """Namespace and name of an object."""

    namespace: str
    name: str


class Calls:
    """Calls about one object. Each is bounded by ``timeout_s`` and fails as ``in_our_words`` says."""

    _client: AsyncClient
    timeout_s: float

    @asynccontextmanager
    async def asking(
        self, verb: str, resource: str, namespace: str, *, is_secret: bool = False
    ) -> AsyncIterator[None]:
        """Bound one call in time, and raise its failure in our words."""
        asked = ClusterCall(verb=verb, resource=resource, namespace=namespace, is_secret=is_secret)
        with in_our_words(asked):
            async with asyncio.timeout(self.timeout_s):
                yield

    async def get_object(self, kind: type[K], at: ObjectPlace) -> K:
        """An object as it is now.

        https://kubernetes.io/docs/reference/using-api/api-concepts/

        Raises:
            NotFound: there is none.
        """
        async with self.asking("get", plural_of(kind), at.namespace):
            return await self._client.get(kind, at.name, namespace=at.namespace)

    async def patch_object(
        self,
        kind: type[K],
        at: ObjectPlace,
        patch: Json | list[Json],
        how: PatchType,
        *,
        dry_run: bool,
        is_secret: bool = False,
    ) -> K:
        """An object with a patch applied."""
        async with self.asking("patch", plural_of(kind), at.namespace, is_secret=is_secret):
            return await self._client.patch(
                kind, at.name, patch, namespace=at.namespace, patch_type=how, dry_run=dry_run
            )

    async def delete_object(self, kind: type[NamespacedResourceG], at: ObjectPlace) -> None:
        """Delete an object and what it made. Idempotent."""
        try:
            async with self.asking("delete", plural_of(kind), at.namespace):
                # By default the pods of a Job are left behind, and go on.
                await self._client.delete(
                    kind, at.name, namespace=at.namespace, cascade=CascadeType.BACKGROUND
                )
        except NotFound:
            return


def precondition(version: str) -> dict[str, str]:
    """The part of an object's metadata that makes a change hold for one version only; none without a version."""
    return {"resourceVersion": version} if version else {}
