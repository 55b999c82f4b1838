"""Feeds: a number for each topic that grows with every change, and pages that wait for it to grow."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from threading import Lock

from backend.actor import Actor
from backend.db.listening import Listener
from backend.db.news import PORTAL_NEWS, Topic
from backend.deploys import service as deploys
from backend.overview import service as overview

Versions = Mapping[Topic, int]


class _Board:
    """The versions of all topics, and the tabs that wait. Any thread may announce a change."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._versions = dict.fromkeys(Topic, 0)
        self._waiting: set[_Waiter] = set()

    def versions(self, topics: Iterable[Topic]) -> Versions:
        with self._lock:
            return {topic: self._versions[topic] for topic in topics}

    def announce(self, topics: Iterable[Topic]) -> None:
        changed = frozenset(topics)
        with self._lock:
            for topic in changed:
                self._versions[topic] += 1
            woken = [waiter for waiter in self._waiting if waiter.topics & changed]
        for waiter in woken:
            waiter.wake()

    def enter(self, waiter: "_Waiter") -> None:
        with self._lock:
            self._waiting.add(waiter)

    def leave(self, waiter: "_Waiter") -> None:
        with self._lock:
            self._waiting.discard(waiter)


class _Waiter:
    """A tab that waits in its event loop."""

    def __init__(self, topics: frozenset[Topic]) -> None:
        self.topics = topics
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._woken.set)

    async def woken(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout_s)


_board = _Board()


def announce(*topics: Topic) -> None:
    """Wake every tab of this process that follows one of these topics. Any thread may call it."""
    _board.announce(topics)


def versions(topics: Iterable[Topic]) -> Versions:
    """The versions of these topics now."""
    return _board.versions(topics)


async def moved(seen: Versions, timeout_s: float) -> Versions:
    """Wait until one of the topics has another version than the one that was seen, or the time is over."""
    waiter = _Waiter(frozenset(seen))
    _board.enter(waiter)
    try:
        if _board.versions(seen) == seen:
            await waiter.woken(timeout_s)
    finally:
        _board.leave(waiter)
    return _board.versions(seen)


@asynccontextmanager
async def told_by_database() -> AsyncIterator[None]:
    """Inside the block a change that any process tells (``backend.db.news``) is announced here."""

    def heard(news: str) -> None:
        # News without a topic say that some may have been missed.
        announce(*([Topic(news)] if news in set(Topic) else Topic))

    listener = Listener(PORTAL_NEWS, heard)
    listener.start()
    try:
        yield
    finally:
        await asyncio.to_thread(listener.stop)


@asynccontextmanager
async def told_by_overview() -> AsyncIterator[None]:
    """Inside the block a change of this process's overview is announced; after it nothing is read any more."""
    actor = Actor.process_named("overview")
    end = overview.listen(actor, lambda: announce(Topic.OVERVIEW))
    try:
        yield
    finally:
        end()
        await asyncio.to_thread(overview.close, actor)


@asynccontextmanager
async def told_by_cluster() -> AsyncIterator[None]:
    """Inside the block a change of the cluster is announced, as this process's own view of it hears of it."""
    actor = Actor.process_named("cluster_view")
    end = await asyncio.to_thread(deploys.follow_cluster, actor, lambda _change: announce(Topic.CLUSTER))
    try:
        yield
    finally:
        end()
        await asyncio.to_thread(deploys.close_cluster, actor)
