"""Background tasks stop telling when whoever sent them has lost the right to be told."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from reflex.istate.manager.token import BaseStateToken
from sqlalchemy import text as sql_text

from backend import clock
from backend.accounts import service as accounts
from backend.actor import Role
from backend.db.engine import read, transaction
from backend.errors import SignInRequired
from backend.invoices.types import BillingRun
from backend.pricing.types import Amount
from portal import session
from portal.features.billing import queries
from portal.features.billing import state as billing_state
from portal.features.billing.queries import PlanView
from portal.features.billing.state import BillingState
from portal.features.usage import state as usage_state
from portal.features.usage.rows import TodayView
from portal.features.usage.state import Today
from tests.integration.portal.conftest import SEED, Delta, House, Person, Pipeline, Tab, own_handlers, shown


def handler(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(ending))


class Work:
    """What a background task waits for."""

    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()

    def until_released(self) -> None:
        self.begun.set()
        self.released.wait(60)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Runs, plans and measurements that last until they are released; the tab stays on its connection."""
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    work = Work()

    def run(*_: object) -> list[BillingRun]:
        work.until_released()
        return []

    def plan(*_: object) -> PlanView:
        work.until_released()
        return PlanView(rows=[], plan_hash="of a plan that nobody may see")

    def today(*_: object) -> Today:
        work.until_released()
        return Today(
            day=clock.billing_day(clock.utc_now()), view=TodayView(tokens="987,654"), amount=Amount()
        )

    monkeypatch.setattr(queries, "run", run)
    monkeypatch.setattr(queries, "plan", plan)
    monkeypatch.setattr(usage_state, "today_view", today)
    monkeypatch.setattr(billing_state, "PROGRESS_S", 0.01)
    monkeypatch.setattr(usage_state, "REFRESH_S", 0.01)
    monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(token_to_sid={"tab": "none"}))
    return work


def disable(person: Person) -> None:
    assert person.actor.user_id is not None
    accounts.disable_user(SEED, person.actor.user_id)
    session.forget_everybody()


async def soon(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - it happens in a thread, or is told to a browser
            await asyncio.sleep(0.01)


async def begin_run(tab: Tab, cookie: str, told: list[Delta]) -> "asyncio.Future[list[Delta]]":
    """A run at work, of which the tab was told at least once."""
    await tab.open(cookie=cookie)
    async with tab.manager.modify_state(BaseStateToken(ident="tab", cls=BillingState)) as root:
        state = await root.get_state(BillingState)
        state._chosen_day, state._plan_hash = "all", "x"
    at_work = asyncio.ensure_future(tab.send(handler("billing_state.run_plan"), cookie=cookie, told=told))
    await soon(lambda: '"is_running_rx_state_": true' in shown(told))
    return at_work


def test_a_run_tells_nothing_more_once_its_operator_is_disabled(
    house: House, pipeline: Pipeline, work: Work
) -> None:
    operator = house.people[Role.OPERATOR]

    async def steps(tab: Tab) -> tuple[list[Delta], list[Delta]]:
        told: list[Delta] = []
        at_work = await begin_run(tab, operator.cookie, told)
        disable(operator)
        await tab.send(handler("billing_state.choose_tab"), {"name": "held"}, cookie=operator.cookie)
        before = len(told)
        work.released.set()
        with suppress(SignInRequired):
            await at_work
        return told[before:], await tab.open(cookie="")

    after, stolen = pipeline.run(steps)

    assert "billing_state" not in shown(after)
    assert '"phase_rx_state_": "ready"' not in shown(stolen)


def test_a_run_stops_telling_at_the_revocation_and_not_at_its_end(
    house: House, pipeline: Pipeline, work: Work
) -> None:
    operator = house.people[Role.OPERATOR]

    async def steps(tab: Tab) -> None:
        at_work = await begin_run(tab, operator.cookie, [])
        disable(operator)
        try:
            async with asyncio.timeout(60):
                await at_work
        finally:
            work.released.set()

    with pytest.raises(SignInRequired):
        pipeline.run(steps)


@pytest.mark.parametrize(
    ("role", "ending", "payload", "secret"),
    [
        pytest.param(
            Role.OPERATOR, "billing_state.make_plan", {"form": {"day": "all"}}, '"plan_phase_rx_state_": "ready"',
            id="a plan",
        ),
        pytest.param(Role.TENANT_VIEWER, "usage_state.measure_again", {}, "987,654", id="a measurement"),
        pytest.param(Role.TENANT_VIEWER, "usage_state.follow", {}, "987,654", id="a page that asks by itself"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("comes_back", [True, False])
def test_what_comes_too_late_is_told_to_nobody(
    house: House,
    pipeline: Pipeline,
    work: Work,
    *,
    role: Role,
    ending: str,
    payload: dict[str, Any],
    secret: str,
    comes_back: bool,
) -> None:
    person = house.people[role]

    async def steps(tab: Tab) -> list[Delta]:
        told: list[Delta] = []
        await tab.open(cookie=person.cookie)
        asked = asyncio.ensure_future(tab.send(handler(ending), payload, cookie=person.cookie, told=told))
        await soon(work.begun.is_set)
        disable(person)
        if comes_back:
            await tab.open(cookie="")
        work.released.set()
        with suppress(SignInRequired):
            await asked
        return [*told, *await tab.open(cookie="")]

    assert secret not in shown(pipeline.run(steps))


def test_a_page_that_asks_by_itself_is_no_visit(
    house: House, pipeline: Pipeline, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    viewer = house.people[Role.TENANT_VIEWER]
    monkeypatch.setattr(session, "REMEMBERED_S", 0.0)
    work.released.set()
    asked: list[str] = []
    own = accounts.session_of

    def counted(token: str, **how: Any) -> Any:
        asked.append(token)
        return own(token, **how)

    async def steps(tab: Tab) -> None:
        await tab.open(cookie=viewer.cookie)
        told: list[Delta] = []
        following = asyncio.ensure_future(
            tab.send(handler("usage_state.follow"), cookie=viewer.cookie, told=told)
        )
        await soon(lambda: "987,654" in shown(told))
        age_sessions()
        monkeypatch.setattr(accounts, "session_of", counted)
        await soon(lambda: len(asked) > 3)
        app._event_namespace.token_to_sid.clear()
        await following

    pipeline.run(steps)

    with read() as connection:
        idle = connection.execute(
            sql_text("SELECT min(now() - last_seen_at) > '4 minutes' FROM user_session")
        )
        assert idle.scalar_one()


def age_sessions() -> None:
    with transaction() as connection:
        connection.execute(
            sql_text("UPDATE user_session SET last_seen_at = last_seen_at - interval '5 minutes'")
        )
