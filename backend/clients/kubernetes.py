"""The API server of Kubernetes, through lightkube, on an event loop in a thread of its own.

What is added to lightkube: bookmarks in watches, a limit to silence, deadlines of whole calls, and what its logs leave
out (the container before this one, lines since a moment). What fails comes as one of the house's errors, which names
verb, resource and namespace. The calls that change something are in ``kubernetes_changes`` and ``kubernetes_secrets``.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import httpx2
import yaml
from lightkube import AsyncClient
from lightkube.config.client_adapter import verify_cluster
from lightkube.config.kubeconfig import SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError
from lightkube.core.resource import NamespacedResourceG
from lightkube.models.authorization_v1 import (
    ResourceAttributes,
    SelfSubjectAccessReviewSpec,
    SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.authorization_v1 import (
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SubjectAccessReview,
)

from backend.clients.http import CONNECT_TIMEOUT_S, refuse_inside_transaction
from backend.clients.kubernetes_changes import WorkloadCalls
from backend.clients.kubernetes_errors import ClusterCall, in_our_words
from backend.clients.kubernetes_objects import plural_of
from backend.clients.kubernetes_secrets import SecretCalls
from backend.clients.kubernetes_volumes import VolumeCalls
from backend.clients.kubernetes_wire import Wire, more_parameters
from backend.errors import Refused
from backend.threads import LoopThread
from backend.tracing import spans
from backend.tracing.types import SpanKind

K = TypeVar("K", bound=NamespacedResourceG)
T = TypeVar("T")

LIST_CHUNK = 500
LIST_FACTOR = 3
"""A list of several pages may take this many times as long as one answer."""
WATCH_S = 300
LARGEST_LOG_BYTES = 1024 * 1024
FIELD_MANAGER = "docuchat-portal"
"""The name under which the cluster notes who wrote a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[K]):
    """All objects of a kind in a namespace, and the version from which a watch goes on."""

    items: list[K]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The object or kind of object that a permission is about."""

    namespace: str
    group: str
    resource: str
    subresource: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The API server's answer to whether an account may do something."""

    is_allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """The log of a container."""

    namespace: str
    pod: str
    container: str = ""


class Kubernetes(WorkloadCalls, SecretCalls, VolumeCalls):
    """Client of an API server. Its coroutines run on its own loop; ``run`` waits for one from any other thread."""

    def __init__(self, config: SingleConfig, timeout_s: float) -> None:
        """Name the server; the first call connects. ``timeout_s`` bounds each call as a whole, watches aside."""
        self.timeout_s = timeout_s
        self.namespace = config.namespace
        self.thread = LoopThread("kubernetes")
        user = config.user or User()
        tls = verify_cluster(config.cluster, user, config.abs_file, trust_env=False)
        timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
        self._wire = Wire(tls)
        self._client = AsyncClient(
            config._replace(user=user),
            timeout=timeout,
            trust_env=False,
            transport=self._wire,
            field_manager=FIELD_MANAGER,
        )

    def close(self) -> None:
        """End every call and watch, and the thread. Idempotent."""
        if not self.thread.is_closed:
            self.thread.cancel_all(spared=self._wire.in_flight)
            self.thread.run(self._wire.finish())
            self.thread.run(self._client.close())
            self.thread.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The answer of one of the coroutines, for another thread. Never inside a transaction."""
        refuse_inside_transaction()
        with spans.span("kubernetes", SpanKind.CLIENT, {"peer.service": "kubernetes"}):
            return self.thread.run(work)

    async def list_objects(
        self, kind: type[K], namespace: str, labels: Mapping[str, str] | None = None
    ) -> Listed[K]:
        """All objects of a kind, or those with some labels, read in pages.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks

        Raises:
            AppError: see ``in_our_words``.
        """
        asked = ClusterCall(verb="list", resource=plural_of(kind), namespace=namespace)
        with in_our_words(asked):
            async with asyncio.timeout(LIST_FACTOR * self.timeout_s):
                found = self._client.list(
                    kind, namespace=namespace, chunk_size=LIST_CHUNK, labels=dict(labels or {}) or None
                )
                items = [one async for one in found]
            return Listed(items=items, version=found.resourceVersion)

    async def watch_objects(
        self, kind: type[K], namespace: str, version: str
    ) -> AsyncGenerator[tuple[str, K], None]:
        """Changes after a version as they happen, without end: ``("MODIFIED", pod)``. A bookmark holds only a version.

        A watch that the server ends in good order goes on where it was. One that breaks raises: what happened since is
        only known by listing again.
        https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes

        Raises:
            Expired: the version is too old.
            AppError: see ``in_our_words``.
        """
        asked = ClusterCall(verb="watch", resource=plural_of(kind), namespace=namespace)
        with in_our_words(asked):
            changes = self._client.watch(
                kind, namespace=namespace, resource_version=version, server_timeout=WATCH_S
            )
            async for change in changes:
                yield change

    async def review_self(self, verb: str, subject: Subject) -> Review:
        """Whether this account may do something. Every account may ask.

        https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
        """
        wanted = SelfSubjectAccessReview(
            spec=SelfSubjectAccessReviewSpec(resourceAttributes=_attributes(verb, subject))
        )
        asked = ClusterCall(verb="create", resource="selfsubjectaccessreviews", namespace=subject.namespace)
        with in_our_words(asked):
            async with asyncio.timeout(self.timeout_s):
                answer = await self._client.create(wanted)
            return _review(answer.status)

    async def review_account(self, account: str, verb: str, subject: Subject) -> Review:
        """Whether a service account, ``namespace:name``, may do something in a namespace, or with the whole cluster's.

        The asking account needs ``create localsubjectaccessreviews`` in that namespace, and about what is in no
        namespace ``create subjectaccessreviews``.
        https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/local-subject-access-review-v1/
        """
        home, _, name = account.partition(":")
        spec = SubjectAccessReviewSpec(
            user=f"system:serviceaccount:{home}:{name}",
            # An access review knows an account's groups only when it is told.
            groups=["system:serviceaccounts", f"system:serviceaccounts:{home}", "system:authenticated"],
            resourceAttributes=_attributes(verb, subject),
        )
        kind = "localsubjectaccessreviews" if subject.namespace else "subjectaccessreviews"
        async with self.asking("create", kind, subject.namespace):
            if subject.namespace:
                meta = ObjectMeta(namespace=subject.namespace)
                local = await self._client.create(LocalSubjectAccessReview(spec=spec, metadata=meta))
                return _review(local.status)
            return _review((await self._client.create(SubjectAccessReview(spec=spec))).status)

    async def read_log(self, place: LogPlace, *, tail_lines: int, is_previous: bool = False) -> list[str]:
        """The last lines of a log, each ``2026-11-28T11:40:51.123456789Z text``, at most a megabyte.

        https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
        """
        more = {"limitBytes": str(LARGEST_LOG_BYTES)} | ({"previous": "true"} if is_previous else {})
        with in_our_words(_asked_log(place)):
            async with (
                asyncio.timeout(self.timeout_s),
                aclosing(self._log(place, tail_lines=tail_lines, more=more)) as lines,
            ):
                return [line async for line in lines]

    async def stream_log(
        self, place: LogPlace, *, tail_lines: int | None, since: str = ""
    ) -> AsyncGenerator[str, None]:
        """The lines of a log as they are written, from the last ones or from a second on, until the stream ends."""
        more = {"sinceTime": since} if since else {}
        async with aclosing(self._log(place, tail_lines=tail_lines, more=more, follow=True)) as lines:
            async for line in lines:
                yield line

    async def _log(
        self, place: LogPlace, *, tail_lines: int | None, more: dict[str, str], follow: bool = False
    ) -> AsyncGenerator[str, None]:
        more_parameters.set(more)
        with in_our_words(_asked_log(place)):
            lines = self._client.log(
                place.pod,
                namespace=place.namespace,
                container=place.container or None,
                follow=follow,
                tail_lines=tail_lines,
                timestamps=True,
                newlines=False,
            )
            async for line in lines:
                yield line


def _asked_log(place: LogPlace) -> ClusterCall:
    return ClusterCall(verb="get", resource="pods/log", namespace=place.namespace)


def _attributes(verb: str, subject: Subject) -> ResourceAttributes:
    return ResourceAttributes(
        verb=verb,
        group=subject.group,
        resource=subject.resource,
        subresource=subject.subresource or None,
        name=subject.name or None,
        namespace=subject.namespace or None,
    )


def _review(status: SubjectAccessReviewStatus | None) -> Review:
    return Review(
        is_allowed=bool(status and status.allowed and not status.denied),
        reason=(status.reason or status.evaluationError or "") if status else "",
    )


def connect(kubeconfig: str, timeout_s: float) -> Kubernetes:
    """A client with the account of a kubeconfig, or of the pod that this process runs in when the path is empty.

    Raises:
        Refused: with ``reason`` kubernetes_not_configured where there is neither, and kubernetes_configuration where
            the file cannot be used.
    """
    if not kubeconfig and not is_in_cluster():
        raise Refused(reason="kubernetes_not_configured")
    try:
        found = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_service_account()
        config = found.get()
        if config is None:
            raise Refused(reason="kubernetes_configuration")
        return Kubernetes(config, timeout_s)
    except (ConfigError, OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError):
        # lightkube reads the file without asking what is in it; the cause would quote it.
        raise Refused(reason="kubernetes_configuration") from None


def is_in_cluster() -> bool:
    """Whether this process runs in a pod with an account of its own."""
    return "KUBERNETES_SERVICE_HOST" in os.environ and (Path(SERVICE_ACCOUNT) / "token").is_file()
