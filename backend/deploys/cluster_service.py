"""Use cases of the cluster: what the shared view of it knows, logs, and what accounts may do. For staff.

Reading the view never asks the cluster, whose answers may be slow: it is kept up to date by watches.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from backend.actor import STAFF_ROLES, Actor, require_process, require_role, require_role_or_process
from backend.clients.kubernetes import Kubernetes, LogPlace, Review, Subject
from backend.clients.kubernetes_errors import SERVICE
from backend.clients.kubernetes_logs import FollowedLog
from backend.config import settings
from backend.deploys import process_view, revision_rules
from backend.deploys.types import (
    AccessVerdict,
    ClusterChange,
    ClusterEvent,
    ClusterHealth,
    ClusterJob,
    LogQuery,
    Permission,
    PodLogLine,
    Revision,
    RevisionChange,
    WorkloadDetail,
    WorkloadId,
    Workloads,
)
from backend.errors import AppError, NotFound, Refused, Unavailable

NOT_CONFIGURED = "kubernetes_not_configured"
ENDED_PHASES = frozenset({"Succeeded", "Failed"})


def cluster_health(actor: Actor) -> ClusterHealth:
    """Age and gaps of the view; also where Kubernetes is not configured. Never asks the cluster. For processes too.

    Raises:
        Refused: the kubeconfig cannot be used.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    try:
        return process_view.view().health()
    except Refused as refusal:
        if refusal.data.get("reason") != NOT_CONFIGURED:
            raise
        return ClusterHealth(is_configured=False)


def workloads(actor: Actor) -> Workloads:
    """Every workload by namespace, kind and name, as the view knows it. Never asks the cluster. For processes too.

    A line that did not change is the same object as before, so whoever formats lines can keep what it made of them.
    """
    known = cluster_health(actor)
    return Workloads(health=known, items=process_view.view().workloads() if known.is_configured else ())


def workload(actor: Actor, wanted: WorkloadId) -> WorkloadDetail:
    """A workload with its pods, revisions and events, as the view knows it. Never asks the cluster.

    Raises:
        NotFound: there is no such workload.
        Unavailable: the view does not know it, and does not know everything.
        Refused: the cluster does not show its kind, Kubernetes is not configured, or the kubeconfig cannot be used.
    """
    require_role(actor, *STAFF_ROLES)
    view = process_view.view()
    # Read first: a view that is complete by now may not have been so when the workload was looked for.
    known = view.health()
    found = view.detail(wanted)
    if found is None:
        raise _missing(known, wanted)
    return found


def _missing(known: ClusterHealth, wanted: WorkloadId) -> AppError:
    """There is no such workload, or we may not or cannot know yet."""
    resource = f"{wanted.kind.lower()}s"
    for one in known.problems:
        if (one.resource, one.namespace) == (resource, wanted.namespace):
            return one.error
    return NotFound(reason="workload") if known.is_complete else Unavailable(service=SERVICE)


def compare_revisions(actor: Actor, wanted: WorkloadId, before: int, after: int) -> RevisionChange:
    """Differences between two revisions of a workload, by their numbers.

    Raises:
        NotFound: there is no such workload or revision.
    """
    revisions = {one.number: one for one in workload(actor, wanted).revisions}
    return revision_rules.compare(_numbered(revisions, before), _numbered(revisions, after))


def _numbered(revisions: dict[int, Revision], number: int) -> Revision:
    if number not in revisions:
        raise NotFound(reason="revision")
    return revisions[number]


def cluster_events(actor: Actor, limit: int = 200) -> tuple[ClusterEvent, ...]:
    """The newest events of all namespaces, newest first."""
    require_role(actor, *STAFF_ROLES)
    return process_view.view().events(limit)


def cluster_jobs(actor: Actor) -> tuple[ClusterJob, ...]:
    """The Jobs of the cluster, newest first."""
    require_role(actor, *STAFF_ROLES)
    return process_view.view().jobs()


def read_log(actor: Actor, query: LogQuery) -> tuple[PodLogLine, ...]:
    """The end of a log as it is now, oldest line first. Asks the cluster. Not redacted.

    Raises:
        NotFound: no such pod or container, or no container before this one.
        Refused: the cluster refuses, or the container has not started.
        Unavailable: the cluster does not answer.
    """
    require_role(actor, *STAFF_ROLES)
    client = process_view.client()
    asked = client.read_log(_place(query), tail_lines=query.tail_lines, is_previous=query.is_previous)
    lines = (line.partition(" ") for line in client.run(asked))
    return tuple(PodLogLine(at=at, text=text) for at, _, text in lines)


def follow_log(
    actor: Actor, query: LogQuery, after: PodLogLine | None = None
) -> AsyncGenerator[tuple[PodLogLine, ...], None]:
    """The lines of a log as they are written, some at a time: first the tail, or what came after a line's time.

    Opens the stream again when it breaks: no line is lost and none comes twice. An empty batch comes every five seconds
    in which nothing was written, so that the caller can look whether its reader is still there. Of several lines with
    the time of ``after`` all but the first come again. Ends when the pod is gone or has ended for good. Not redacted.
    May be asked for in any event loop; close it when it is not read to its end.

    Raises:
        NotFound: no such pod or container.
        Refused: the cluster refuses.
        Unavailable: the cluster did not answer for half a minute.
    """
    require_role(actor, *STAFF_ROLES)
    view = process_view.view()

    def is_over() -> bool:
        pod = view.pod(query.pod)
        return pod is None or pod.phase in ENDED_PHASES

    followed = FollowedLog(
        process_view.client(),
        _place(query),
        tail_lines=query.tail_lines,
        after=after.at if after else "",
        is_over=is_over,
    )
    return _log_lines(followed)


async def _log_lines(followed: FollowedLog) -> AsyncGenerator[tuple[PodLogLine, ...], None]:
    async with aclosing(followed.batches()) as batches:
        async for batch in batches:
            yield tuple(PodLogLine(at=line.at, text=line.text) for line in batch)


def _place(query: LogQuery) -> LogPlace:
    """The log of a pod in one of our namespaces; others are not ours to show, whatever the account may read."""
    if query.pod.namespace not in process_view.view().namespaces:
        raise NotFound(reason="kubernetes_object")
    return LogPlace(namespace=query.pod.namespace, pod=query.pod.name, container=query.container)


def portal_may(actor: Actor, permission: Permission) -> AccessVerdict:
    """Whether the cluster lets the portal's own account do something. Asks the cluster.

    Raises:
        Refused: Kubernetes is not configured.
        Unavailable: the cluster does not answer.
    """
    require_role(actor, *STAFF_ROLES)
    client = process_view.client()
    return _verdict(permission, client.run(client.review_self(permission.verb, _subject(permission))))


def runner_may(actor: Actor, permission: Permission) -> AccessVerdict:
    """Whether the cluster lets the runner's account do something: what a button needs to know. Asks the cluster.

    Raises:
        Refused: with ``reason`` kubernetes_no_runner where ``KUBERNETES_RUNNER_ACCOUNT`` is not set; and where the
            portal's account may not ask.
        Unavailable: the cluster does not answer.
    """
    require_role(actor, *STAFF_ROLES)
    account = settings().kubernetes_runner_account
    if not account:
        raise Refused(reason="kubernetes_no_runner")
    client = process_view.client()
    asked = client.review_account(account, permission.verb, _subject(permission))
    return _verdict(permission, client.run(asked))


def kubernetes(actor: Actor) -> Kubernetes:
    """The client with the account of this process. For staff and processes.

    Raises:
        Refused: Kubernetes is not configured.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    return process_view.client()


def _subject(permission: Permission) -> Subject:
    return Subject(
        namespace=permission.namespace,
        group=permission.group,
        resource=permission.resource,
        subresource=permission.subresource,
        name=permission.name,
    )


def _verdict(permission: Permission, review: Review) -> AccessVerdict:
    return AccessVerdict(permission=permission, is_allowed=review.is_allowed, reason=review.reason)


def follow_cluster(actor: Actor, heard: Callable[[ClusterChange], None]) -> Callable[[], None]:
    """Open the view, and call ``heard`` after each change, at most ten times a second. For processes.

    It is called in the view's own thread and must return at once. Returns what ends it. Where Kubernetes is not
    configured nothing is heard.
    """
    require_process(actor)
    with suppress(Refused):  # whoever reads is told
        process_view.view()
    return process_view.listen(heard)


def close_cluster(actor: Actor) -> None:
    """End the view of this process and its watches; the next question opens another one. For processes. Idempotent."""
    require_process(actor)
    process_view.close()
