"""Pages that follow topics: whoever waits is woken by a change, and many tabs share one reading."""

import asyncio
from threading import Thread

import pytest

from backend.db.news import Topic
from portal import feeds
from portal.live import QueryCache

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
