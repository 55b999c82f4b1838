"""Slow work of some people never takes the threads of others."""

import asyncio
import threading
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from reflex.istate.manager.token import BaseStateToken
from starlette.applications import Starlette

from backend.actor import Role
from backend.db.engine import read
from backend.sandbox.processes import free_port
from portal import bridge, routes
from portal.bridge import ThreadPool
from portal.features.billing.state import BillingState
from portal.http.app import plain_routes
from tests.conftest import forget_caches
from tests.integration.portal.conftest import (
    PASSWORD,
    Delta,
    House,
    Pipeline,
    Tab,
    own_handlers,
    shown,
)

SIGN_INS = 60


@pytest.fixture
def quick_hashes() -> None:
    """Hashing is as slow here as in production."""


def test_many_sign_ins_at_once_leave_room_for_everybody_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "2")
    forget_caches()
    bridge.close()
    form = {"email": house.people[Role.OPERATOR].email, "password": PASSWORD}

    async def crowd() -> tuple[int, int, set[str]]:
        transport = httpx.ASGITransport(Starlette(routes=plain_routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://portal", timeout=60) as browser:
            crowd = [
                asyncio.create_task(browser.post(routes.POST_SIGN_IN, data=form)) for _ in range(SIGN_INS)
            ]
            await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
            ready = await browser.get(routes.READY)
            waiting = sum(not task.done() for task in crowd)
            return ready.status_code, waiting, {(await task).headers["location"] for task in crowd}

    status, waiting, led_to = asyncio.run(crowd())

    assert status == 200
    assert waiting > SIGN_INS / 2
    assert led_to == {routes.OVERVIEW}


def test_measurements_that_hang_leave_operators_their_billing(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    monkeypatch.setenv("PROMETHEUS_URL", f"http://127.0.0.1:{free_port()}")
    forget_caches()
    monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(token_to_sid={"tab": "none"}))
    cookie, released = house.people[Role.OPERATOR].cookie, threading.Event()

    async def steps(tab: Tab) -> list[Delta]:
        waiting = [
            asyncio.ensure_future(bridge.attempt("en", released.wait, pool=ThreadPool.NETWORK))
            for _ in range(9)
        ]
        try:
            await tab.open(cookie=cookie)
            plan = await soon(tab.send(handler("make_plan"), {"form": {"day": "all"}}, cookie=cookie))
            async with tab.manager.modify_state(BaseStateToken(ident="tab", cls=BillingState)) as root:
                billing = await root.get_state(BillingState)
                billing._chosen_day, billing._plan_hash = "all", "x"
            return plan + await soon(tab.send(handler("run_plan"), cookie=cookie))
        finally:
            released.set()
            await asyncio.gather(*waiting)

    told = shown(pipeline.run(steps))

    assert told.count('"plan_phase_rx_state_": "problem"') == 2
    assert "Prometheus" in told


async def soon(work: Coroutine[Any, Any, list[Delta]]) -> list[Delta]:
    async with asyncio.timeout(30):
        return await work


def handler(name: str) -> str:
    return next(each for each in own_handlers() if each.endswith(f"billing_state.{name}"))


def test_payers_who_wait_for_the_database_leave_connections_to_everybody_else(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "1")
    forget_caches()
    bridge.close()
    released = threading.Event()
    pools = [pool for pool in ThreadPool if pool is not ThreadPool.DATABASE]

    def hold() -> None:
        with read():
            released.wait()

    def ask() -> str:
        with read(), read():
            return "answered"

    async def crowd() -> list[object]:
        waiting = [
            asyncio.ensure_future(bridge.attempt("en", hold, pool=pool)) for pool in pools for _ in range(16)
        ]
        try:
            return [await bridge.attempt("en", ask) for _ in range(3)]
        finally:
            released.set()
            assert await asyncio.gather(*waiting) == [None] * len(waiting)

    assert asyncio.run(crowd()) == ["answered"] * 3
