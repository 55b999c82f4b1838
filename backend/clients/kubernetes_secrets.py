"""The calls that write and read Secrets.

``patch`` on a Secret answers with its values. Nothing but the metadata of that answer is decoded, except by
``patched_secret``, and the words of a refusal are dropped, as admission may quote what it refuses. The runner's account
has ``patch`` on named Secrets of the application, and so no need of ``get``. In the runbook namespace it may ``get``
the Secret that a form's secret field has made.

    version = client.run(client.secret_version(at))                       # also the check of the right to patch
    client.run(client.patch_secret(at, {"api-key": new}, version=version, dry_run=False))
"""

from base64 import b64decode
from collections.abc import Iterable, Mapping

from lightkube.types import PatchType

from backend.clients.kubernetes_calls import Calls, Json, ObjectPlace, precondition
from backend.clients.kubernetes_objects import MetaObject, plural_of
from backend.clients.kubernetes_targets import PatchedSecretObject, ReadableSecretObject, SecretObject


class SecretCalls(Calls):
    """The calls about Secrets. Values are texts; they never stand in an answer, an error or a log of ours."""

    async def create_secret(
        self,
        at: ObjectPlace,
        values: Mapping[str, str],
        *,
        labels: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> None:
        """A new Secret of type Opaque.

        https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/

        Raises:
            Conflict: there is one of this name already.
        """
        meta = MetaObject(name=at.name, namespace=at.namespace, labels=dict(labels or {}) or None)
        wanted = SecretObject(metadata=meta, stringData=dict(values))
        async with self.asking("create", plural_of(SecretObject), at.namespace, is_secret=True):
            await self._client.create(wanted, dry_run=dry_run)

    async def patch_secret(
        self,
        at: ObjectPlace,
        values: Mapping[str, str],
        *,
        removed: Iterable[str] = (),
        version: str = "",
        dry_run: bool,
    ) -> str:
        """Set keys of a Secret and remove others; keys that are not named stay. Returns its version afterwards.

        Raises:
            Conflict: the Secret has another version.
            NotFound: there is no such Secret.
        """
        patch: Json = {"metadata": precondition(version), "stringData": dict(values)}
        if gone := dict.fromkeys(removed):
            patch["data"] = gone
        found = await self.patch_object(
            SecretObject, at, patch, PatchType.MERGE, dry_run=dry_run, is_secret=True
        )
        return found.metadata.resourceVersion

    async def secret_version(self, at: ObjectPlace) -> str:
        """The version of a Secret, by a dry run of a patch that changes nothing: needs ``patch`` and no ``get``."""
        return await self.patch_secret(at, {}, dry_run=True)

    async def patched_secret(self, at: ObjectPlace) -> tuple[dict[str, str], str]:
        """The values of a Secret and its version, by a dry run of a patch that changes nothing: needs no ``get``.

        Who may patch a Secret can read it, for the answer holds it. Register each value before it is used.

        Raises:
            NotFound: there is no such Secret.
            Unavailable: a value is no text.
        """
        found = await self.patch_object(
            PatchedSecretObject, at, {}, PatchType.MERGE, dry_run=True, is_secret=True
        )
        values = {name: b64decode(value).decode() for name, value in (found.data or {}).items()}
        return values, found.metadata.resourceVersion

    async def read_secret(self, at: ObjectPlace) -> dict[str, str]:
        """The values of a Secret; needs ``get``. Register each with the redactor before it is used.

        Raises:
            NotFound: there is no such Secret.
            Unavailable: a value is no text.
        """
        async with self.asking("get", plural_of(ReadableSecretObject), at.namespace, is_secret=True):
            found = await self._client.get(ReadableSecretObject, at.name, namespace=at.namespace)
            return {name: b64decode(value).decode() for name, value in (found.data or {}).items()}

    async def delete_secret(self, at: ObjectPlace) -> None:
        """Remove a Secret. Idempotent."""
        await self.delete_object(SecretObject, at)
