"""What one process changes, the web process that shows it hears after the commit."""

import asyncio

import pytest

from backend.db import news
from backend.db.engine import transaction
from backend.db.news import Topic
from portal import feeds
from tests.integration.portal.conftest import House

LONG_S = 20.0


def test_what_is_told_in_a_transaction_is_heard_when_it_commits_and_never_if_not(house: House) -> None:
    del house

    def change(*, fails: bool) -> None:
        with transaction():
            news.tell(Topic.DEPLOYMENTS if fails else Topic.JOBS)
            if fails:
                raise LookupError

    async def steps() -> tuple[bool, bool]:
        start = feeds.versions(Topic)
        async with feeds.told_by_database():
            # The first news say that some may have been missed: everything counts as changed.
            seen = await feeds.moved(start, LONG_S)
            with pytest.raises(LookupError):
                await asyncio.to_thread(change, fails=True)
            await asyncio.to_thread(change, fails=False)
            now = await feeds.moved(seen, LONG_S)
        return now[Topic.JOBS] > seen[Topic.JOBS], now[Topic.DEPLOYMENTS] == seen[Topic.DEPLOYMENTS]

    assert asyncio.run(steps()) == (True, True)
