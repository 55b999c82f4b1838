"""Pages that follow topics: whoever waits is woken by a change, and many tabs share one reading."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Thread

import pytest

from backend.actor import Actor, Role
from backend.db.news import Topic
from portal import feeds, live
from portal.bridge import Problem, ThreadPool
from portal.live import LivePage, Query, QueryCache

LONG_S = 30.0


def test_a_change_that_any_thread_announces_wakes_who_follows_the_topic() -> None:
    async def steps() -> bool:
        seen = feeds.versions([Topic.ALERTS])
        waiting = asyncio.ensure_future(feeds.moved(seen, LONG_S))
        await asyncio.sleep(0)
        thread = Thread(target=feeds.announce, args=[Topic.ALERTS])
        thread.start()
        now = await waiting
        thread.join()
        return now != seen

    assert asyncio.run(steps())


def test_a_change_since_the_last_look_is_not_waited_for() -> None:
    async def steps() -> bool:
        seen = feeds.versions([Topic.JOBS])
        feeds.announce(Topic.JOBS)
        return await feeds.moved(seen, LONG_S) != seen

    assert asyncio.run(steps())


def test_another_topic_wakes_nobody() -> None:
    async def steps() -> bool:
        seen = feeds.versions([Topic.JOBS])
        feeds.announce(Topic.ALERTS)
        return await feeds.moved(seen, 0.01) == seen

    assert asyncio.run(steps())


def test_tabs_that_ask_for_the_same_share_one_reading_until_it_changes() -> None:
    readings: list[int] = []

    async def read() -> int:
        readings.append(1)
        await asyncio.sleep(0)
        return len(readings)

    async def steps() -> list[int]:
        shared = QueryCache((Topic.CLUSTER,), keep_s=LONG_S)
        first = await asyncio.gather(*(shared.get("page", read) for _ in range(50)))
        feeds.announce(Topic.CLUSTER)
        return [*first, await shared.get("page", read)]

    assert asyncio.run(steps()) == [1] * 50 + [2]


def test_a_failure_is_told_to_all_who_wait_and_asked_again_after() -> None:
    async def read() -> str:
        if not tried:
            tried.append(1)
            raise LookupError
        return "found"

    async def steps() -> str:
        shared = QueryCache((Topic.CLUSTER,), keep_s=LONG_S)
        both = await asyncio.gather(
            shared.get("page", read), shared.get("page", read), return_exceptions=True
        )
        assert [type(outcome) for outcome in both] == [LookupError, LookupError]
        return str(await shared.get("page", read))

    tried: list[int] = []
    assert asyncio.run(steps()) == "found"


@pytest.mark.parametrize("topic", list(Topic))
def test_each_topic_has_a_version(topic: Topic) -> None:
    before = feeds.versions([topic])[topic]
    feeds.announce(topic)
    assert feeds.versions([topic])[topic] == before + 1


class FollowingPage:
    """As much of a page's state as following needs; it reads the answers that it was given, one by one."""

    FOLLOWS = (Topic.CLUSTER,)
    LOOK_AGAIN_S = 0.001
    POOL = ThreadPool.DATABASE
    phase = "ready"

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.taken: list[object] = []

    def _query(self) -> Query:
        return lambda _actor, _lang: self.answers.pop(0)

    async def _take(self, outcome: object) -> None:
        self.taken.append(outcome)


class PresentOwner:
    """The owner of a page that stays until everything was read."""

    actor = Actor(name="reza@example.com", role=Role.OPERATOR)

    def is_here(self, page: FollowingPage) -> bool:
        return bool(page.answers)

    async def confirmed(self, _page: FollowingPage, outcome: object) -> object:
        return outcome

    @asynccontextmanager
    async def holding(self, _page: FollowingPage) -> AsyncIterator[bool]:
        yield True


def test_a_look_that_finds_nothing_new_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def owner_of(_page: FollowingPage) -> PresentOwner:
        return PresentOwner()

    async def attempt(_lang: str, work: Callable[[], object], **_pool: object) -> object:
        return work()

    monkeypatch.setattr(live, "SHORTEST_GAP_S", 0)
    monkeypatch.setattr(live, "LOOK_GAP_S", 0)
    monkeypatch.setattr(live, "language", lambda _page: "en")
    monkeypatch.setattr(live.task_owner, "of", owner_of)
    monkeypatch.setattr(live.bridge, "attempt", attempt)
    lost = Problem(text="the database is away")
    page = FollowingPage("a", "a", "b", lost, lost, "b", "b", "a")

    async def follow() -> None:
        async for _event in LivePage._followed(page):
            pass

    asyncio.run(follow())

    assert page.taken == ["a", "b", lost, lost, "b", "a"]
