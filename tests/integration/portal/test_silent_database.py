"""A database that takes connections and says nothing: pages say so and since when, and all comes back by itself."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from backend.actor import Role
from backend.config import settings
from backend.db import outage, pulse
from backend.db.engine import read, transaction
from backend.db.listening import SESSION_NEWS, Listener
from backend.errors import Unavailable
from backend.overview.repository import ask
from portal import bridge, routes, session
from portal.bridge import Problem, ThreadPool
from portal.features.jobs.state import JobsState
from tests.conftest import forget_caches
from tests.integration.portal.conftest import House, Pipeline, Tab, shown
from tests.integration.portal.gate import Gate, gate_to
from tests.waiting import until

NAME = JobsState.get_full_name()
LOST = '"is_database_lost_rx_state_": true'
# So that a test of a page that never answers fails instead of waiting with it.
GIVEN_UP_AFTER_S = 20


@pytest.fixture
def gate(house: House, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate between this process, which looks whether its database answers, and the house's database."""
    del house
    with gate_to(database.rpartition("/")[0]) as gate:
        monkeypatch.setenv("DATABASE_URL", database.replace(f":{urlsplit(database).port}/", f":{gate.port}/"))
        forget_caches()
        with pulse.beating():
            yield gate
            gate.open()
        bridge.close()


async def told(tab: Tab, cookie: str) -> str:
    """What a tab is told when it loads a page."""
    async with asyncio.timeout(GIVEN_UP_AFTER_S):
        await tab.open(cookie=cookie)
        return shown(await tab.send(f"{NAME}.load", cookie=cookie, path=routes.JOBS))


def test_a_page_answers_while_the_database_hangs_says_since_when_and_comes_back(
    house: House, gate: Gate, pipeline: Pipeline
) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> list[str]:
        before = await told(tab, cookie)
        gate.shut()
        session.forget_everybody()
        # The gate is shut until this answer is there, so it has not waited for the database's.
        meanwhile = await told(tab, cookie)
        gate.open()
        await asyncio.to_thread(until, lambda: outage.since() is None)
        return [before, meanwhile, await told(tab, cookie)]

    before, meanwhile, after = pipeline.run(steps)

    assert [LOST in each for each in (before, meanwhile, after)] == [False, True, False]
    assert '"database_lost_s_rx_state_": 0' not in meanwhile
    assert ['"phase_rx_state_": "ready"' in each for each in (before, meanwhile, after)] == [
        True,
        False,
        True,
    ]


def test_a_page_that_knows_its_reader_answers_while_the_database_hangs(
    house: House, gate: Gate, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "REMEMBERED_S", 600.0)
    monkeypatch.setattr(session, "REMEMBERED_WITHOUT_NEWS_S", 600.0)
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> str:
        await told(tab, cookie)
        gate.shut()
        return await told(tab, cookie)

    meanwhile = pipeline.run(steps)

    assert '"phase_rx_state_": "problem"' in meanwhile
    assert "The database is not answering" in meanwhile
    assert '"since_s": 0' not in meanwhile


def test_while_the_database_hangs_no_thread_waits_for_it(gate: Gate) -> None:
    async def crowd() -> list[Any]:
        asked = [bridge.attempt("en", ask) for _ in range(3 * settings().database_pool_size)]
        answers = await asyncio.gather(*asked)
        return [*answers, await bridge.attempt("en", lambda: "alone", pool=ThreadPool.NETWORK)]

    gate.shut()
    *refused, other = asyncio.run(crowd())

    assert all(isinstance(each, Problem) and each.passes and each.since_s for each in refused)
    assert other == "alone"
    for block in (read, transaction):
        with pytest.raises(Unavailable), block():
            pass


def test_connections_that_are_never_answered_again_are_cut_and_new_ones_serve(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "HANG_UP_S", 0.5)
    heard: list[str] = []
    listener = Listener(SESSION_NEWS, heard.append)
    listener.start()
    until(lambda: listener.works)
    ask()

    async def crowd() -> object:
        gate.shut()
        hanging = [bridge.attempt("en", ask) for _ in range(2 * settings().database_pool_size)]
        await asyncio.gather(*hanging)
        gate.lose()
        await asyncio.to_thread(until, lambda: outage.since() is None)
        return await bridge.attempt("en", lambda: ask() or "answered")

    assert asyncio.run(crowd()) == "answered"
    until(lambda: listener.works)
    listener.stop()


def test_a_web_process_looks_whether_its_database_answers(house: House) -> None:
    from portal.portal import _watching  # noqa: PLC0415 (a test that needs no portal should not build it)

    del house

    async def life() -> tuple[bool, bool]:
        async with _watching():
            pulse.suspect()
            is_suspected = outage.since() is not None
            await asyncio.to_thread(until, lambda: outage.since() is None)
        pulse.suspect()
        return is_suspected, outage.since() is not None

    assert asyncio.run(life()) == (True, False)


def test_a_database_that_is_stopped_is_lost_since_then_and_comes_back(gate: Gate) -> None:
    assert asyncio.run(bridge.attempt("en", ask)) is None

    gate.stop()
    problem = asyncio.run(bridge.attempt("en", ask))
    again = asyncio.run(bridge.attempt("en", ask))
    gate.start()

    assert isinstance(problem, Problem)
    assert problem.since_s
    assert again == problem
    until(lambda: outage.since() is None)
    assert asyncio.run(bridge.attempt("en", ask)) is None
