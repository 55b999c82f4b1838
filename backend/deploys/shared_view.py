"""The view of the cluster that all tabs of a web process share, kept by watches in a thread of its own.

However many readers there are, the API server sees one list and one watch for each kind of object and namespace.
Readers get immutable nouns and never wait for the network.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from backend import clock
from backend.clients.kubernetes import Kubernetes, Subject
from backend.clients.kubernetes_errors import FORBIDDEN
from backend.deploys import summaries
from backend.deploys.cluster_index import ClusterIndex, ClusterNoun
from backend.deploys.crash_logs import CrashLogs
from backend.deploys.types import (
    ClusterChange,
    ClusterEvent,
    ClusterHealth,
    ClusterJob,
    Pod,
    PodId,
    RolloutState,
    SourceProblem,
    WorkloadDetail,
    WorkloadId,
    WorkloadSummary,
)
from backend.deploys.watching import WATCHED, WatchedSource, keep
from backend.errors import AppError, Refused, Unavailable
from backend.log import get_logger

log = get_logger(__name__)

SHORTEST_GAP_S = 0.1
"""Changes within this time are told together."""
LOOK_AGAIN_S = 2.0
"""Rollouts that move are judged again after this time, as some reasons come by waiting: ten minutes without a new pod,
a minute in which a container is not ready. When 300 move at once, it costs 5 % of a core."""
HEARTBEAT_S = 5.0
HEARTBEAT_TIMEOUT_S = 5.0
GRACE = timedelta(seconds=2)
"""A watch that breaks and is there again within this time is no news."""


class ClusterView:
    """The known state of the cluster. Any thread may read it."""

    def __init__(
        self, client: Kubernetes, namespaces: tuple[str, ...], heard: Callable[[ClusterChange], None]
    ) -> None:
        """Name the namespaces; nothing is asked before ``start``. ``heard`` is called after each change."""
        self._client = client
        self.namespaces = namespaces
        self._lock = threading.RLock()
        self._index = ClusterIndex()
        self._sources = [WatchedSource(watched=one, namespace=name) for name in namespaces for one in WATCHED]
        self._crash_logs = CrashLogs(client, self._touch)
        self._version = 0
        self._started_at = clock.utc_now()
        self._looked_at = self._started_at
        self._seen_at: datetime | None = None
        self._silent_since: datetime | None = None
        self._generations: dict[WorkloadId, tuple[int, datetime]] = {}
        self._summaries: dict[WorkloadId, WorkloadSummary] = {}
        self._items: tuple[WorkloadSummary, ...] = ()
        self._details: dict[WorkloadId, WorkloadDetail] = {}
        self._touched: set[WorkloadId] = set()
        self._has_news = asyncio.Event()
        self._heard = heard
        self._told_health: object = None
        # What was listed is seen once it was told, and until then nobody may call it missing.
        self._is_complete = False

    def start(self) -> None:
        """Begin to watch. The first lists take a moment; until then the view is not complete."""
        self._client.thread.submit(self._supervise())

    def close(self) -> None:
        """End every watch and the thread. Idempotent."""
        self._client.close()

    def health(self) -> ClusterHealth:
        """Age and gaps of the view now."""
        now = clock.utc_now()
        with self._lock:
            return ClusterHealth(
                is_configured=True,
                is_complete=self._is_complete,
                version=self._version,
                seen_at=self._seen_at,
                unknown_since=self._unknown_since(now),
                problems=tuple(self._problems(now)),
                namespaces=self.namespaces,
            )

    def workloads(self) -> tuple[WorkloadSummary, ...]:
        """Every workload by namespace, kind and name."""
        return self._items

    def detail(self, wanted: WorkloadId) -> WorkloadDetail | None:
        """A workload with everything below it; the same object until something of it changes."""
        with self._lock:
            known = self._details.get(wanted)
            it, summary = self._index.workloads.get(wanted), self._summaries.get(wanted)
            if known is None and it and summary:
                known = self._details[wanted] = summaries.detail_of(self._index, it, summary)
            return known

    def pod(self, wanted: PodId) -> Pod | None:
        """A pod by its name."""
        with self._lock:
            return self._index.pod(wanted)

    def events(self, limit: int) -> tuple[ClusterEvent, ...]:
        """The newest events, newest first."""
        with self._lock:
            found = list(self._index.events.values())
        return tuple(summaries.merged_events(found)[:limit])

    def jobs(self) -> tuple[ClusterJob, ...]:
        """The Jobs, newest first."""
        with self._lock:
            return summaries.jobs_of(self._index)

    def replace(self, source: WatchedSource, fresh: list[ClusterNoun]) -> None:
        """Take these objects instead of all that were known of a source."""
        with self._lock:
            source.is_listed = True
            touched = self._index.replace(source.watched.kept, source.namespace, fresh)
        self.hear(source)
        self._touch(touched)

    def put(self, source: WatchedSource, one: ClusterNoun) -> None:
        """Take a new or changed object."""
        with self._lock:
            touched = self._index.put(one)
        self.hear(source)
        self._touch(touched)

    def remove(self, source: WatchedSource, one: ClusterNoun) -> None:
        """Forget an object."""
        with self._lock:
            touched = self._index.remove(one)
        self.hear(source)
        self._touch(touched)

    def hear(self, source: WatchedSource) -> None:
        """Note that the server spoke."""
        self._seen_at = clock.utc_now()
        source.lost_since, source.error = None, None

    def lose(self, source: WatchedSource, error: AppError) -> None:
        """Note that changes of a source are missed from now on."""
        source.lost_since = source.lost_since or clock.utc_now()
        source.error = error
        self._has_news.set()

    async def _supervise(self) -> None:
        await asyncio.gather(self._tell_forever(), self._watch_forever())

    async def _watch_forever(self) -> None:
        """Watch, and begin anew after a silence: a connection may be dead without a word."""
        while True:
            watches = [asyncio.create_task(keep(self._client, one, self)) for one in self._sources]
            try:
                await self._until_heard_again()
            finally:
                for task in watches:
                    task.cancel()
                await asyncio.gather(*watches, return_exceptions=True)

    async def _until_heard_again(self) -> None:
        """Ask for a sign of life every few seconds; returns when there was none and then one again."""
        missed = 0
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if await self._is_alive():
                self._silent_since = None
                self._has_news.set()
                if missed:
                    return
                continue
            missed += 1
            self._silent_since = self._silent_since or self._seen_at or self._started_at
            self._has_news.set()

    async def _is_alive(self) -> bool:
        try:
            async with asyncio.timeout(HEARTBEAT_TIMEOUT_S):
                await self._ask_for_life()
        except (AppError, TimeoutError) as error:
            # A cluster that does not let us ask has spoken all the same.
            if not isinstance(error, Refused) or error.data.get("reason") != FORBIDDEN:
                return False
        self._seen_at = clock.utc_now()
        return True

    async def _ask_for_life(self) -> None:
        subject = Subject(namespace=self.namespaces[0], group="apps", resource="deployments")
        try:
            await self._client.review_self("list", subject)
        except Unavailable as error:
            # The other side may have closed a kept connection just now, as servers and proxies do after a quiet while.
            if error.data.get("cause") != "connection":
                raise
            await self._client.review_self("list", subject)

    async def _tell_forever(self) -> None:
        """Work out what changed and tell it, at most every ``SHORTEST_GAP_S``."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._has_news.wait()
            self._has_news.clear()
            self._tell()
            await asyncio.sleep(SHORTEST_GAP_S)

    def _tell(self) -> None:
        now = clock.utc_now()
        with self._lock:
            changed, self._touched = self._touched, set()
            lines = [self._summarise(each, now) for each in changed | self._moving(now)]
            changed |= {each for each, is_new in lines if is_new}
            if any(is_new for _, is_new in lines):
                self._items = tuple(sorted(self._summaries.values(), key=lambda one: one.id))
            for each in changed:
                self._details.pop(each, None)
            self._is_complete = all(one.is_listed or one.is_refused for one in self._sources)
            health = (self._unknown_since(now), tuple(self._problems(now)), self._is_complete)
            is_health = repr(health) != self._told_health
            if not changed and not is_health:
                return
            self._told_health = repr(health)
            self._version += 1
            change = ClusterChange(version=self._version, workloads=frozenset(changed), is_health=is_health)
        self._heard(change)

    def _moving(self, now: datetime) -> set[WorkloadId]:
        """Workloads whose state may have changed by waiting, every now and then."""
        if now - self._looked_at < timedelta(seconds=LOOK_AGAIN_S):
            return set()
        self._looked_at = now
        moving = RolloutState.PROGRESSING
        return {each for each, one in self._summaries.items() if one.rollout.state is moving}

    def _summarise(self, each: WorkloadId, now: datetime) -> tuple[WorkloadId, bool]:
        """Work out a workload's line; whether it differs from the one before."""
        known, it = self._summaries.get(each), self._index.workloads.get(each)
        if it is None:
            self._generations.pop(each, None)
            return each, self._summaries.pop(each, None) is not None
        generation, seen_at = self._generations.get(each, (it.generation, it.created_at))
        if generation != it.generation:
            seen_at = now
        self._generations[each] = (it.generation, seen_at)
        fresh = summaries.summary_of(self._index, it, seen_at, now)
        fresh = self._with_last_lines(fresh)
        if fresh == known:
            return each, False
        self._summaries[each] = fresh
        return each, True

    def _with_last_lines(self, one: WorkloadSummary) -> WorkloadSummary:
        reason = one.rollout.reason
        pod = self._index.pod(PodId(namespace=one.id.namespace, name=reason.pod)) if reason else None
        if reason is None or pod is None:
            return one
        lines = self._crash_logs.last_lines(one.id, pod, reason)
        if not lines:
            return one
        return replace(one, rollout=replace(one.rollout, reason=replace(reason, last_lines=lines)))

    def _touch(self, touched: Iterable[WorkloadId]) -> None:
        self._touched.update(touched)
        self._has_news.set()

    def _unknown_since(self, now: datetime) -> datetime | None:
        """The earliest moment from which something may have been missed."""
        lost = [one.lost_since for one in self._sources if one.lost_since and not one.is_refused]
        if self._silent_since:
            lost.append(self._silent_since)
        since = min(lost, default=None)
        return since if since and now - since >= GRACE else None

    def _problems(self, now: datetime) -> Iterable[SourceProblem]:
        for one in self._sources:
            if one.error and one.lost_since and (one.is_refused or now - one.lost_since >= GRACE):
                yield SourceProblem(
                    resource=one.watched.resource,
                    namespace=one.namespace,
                    since=one.lost_since,
                    error=one.error,
                )
