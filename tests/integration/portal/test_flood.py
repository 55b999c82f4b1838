"""Who sends too much is refused, nobody else is, and what was refused comes back by itself."""

import logging
import time

import pytest
from reflex_base.utils.format import json_dumps

from backend.actor import Role
from portal import guard, socket_filter
from tests.integration.portal.conftest import House, Pipeline, Tab, own_handlers
from tests.integration.portal.line import Exchange

REPORT = next(name for name in guard.FRAMEWORK if name.endswith(".handle_frontend_exception"))
CHOOSE_TAB = "features___billing___state____billing_state.choose_tab"
READY = '"phase_rx_state_":"ready"'
RUSHED = '"is_rushed_rx_state_":true'


def handler(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(f"portal___{ending}"))


@pytest.fixture
def few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five events at once, and none for who waits."""
    monkeypatch.setattr(socket_filter, "_EVENTS_AT_ONCE", 5.0)
    monkeypatch.setattr(socket_filter, "_EVENTS_PER_S", 0.0)


def test_a_flood_of_events_is_dropped_and_a_patient_tab_is_served_again(
    house: House,
    exchange: Exchange,
    few_events: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps() -> tuple[list[str], str]:
        line = await exchange.join(cookie=cookie)
        flood = [
            await line.send(handler(CHOOSE_TAB), {"name": "held" if n % 2 else "plan"}) for n in range(8)
        ]
        monkeypatch.setattr(socket_filter, "_EVENTS_PER_S", 1e6)
        return flood, await line.send(handler(CHOOSE_TAB), {"name": "runs"})

    with caplog.at_level(logging.WARNING):
        flood, patient = exchange.run(steps)

    assert [bool(told) for told in flood] == [True] * 4 + [False] * 4
    assert '"runs"' in patient
    assert [record.getMessage() for record in caplog.records] == ["socket.event_dropped"]


def test_a_page_counts_once_whatever_it_loads(house: House, exchange: Exchange, few_events: None) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps() -> list[str]:
        return [(await exchange.join(cookie=cookie, path="/billing")).told for _ in range(5)]

    for told in exchange.run(steps):
        assert READY in told


def test_a_page_that_was_refused_is_told_to_come_back(
    house: House, exchange: Exchange, few_events: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps() -> list[str]:
        told = [(await exchange.join(cookie=cookie, path="/billing")).told for _ in range(6)]
        monkeypatch.setattr(socket_filter, "_EVENTS_PER_S", 1e6)
        return [told[-1], (await exchange.join(cookie=cookie, path="/billing")).told]

    refused, again = exchange.run(steps)

    assert RUSHED in refused
    assert "billing_state" not in refused
    assert READY in again
    assert RUSHED not in again


def test_strangers_are_counted_by_their_address_and_not_by_the_tab_they_claim(
    house: House, exchange: Exchange, few_events: None
) -> None:
    async def steps() -> list[str]:
        flood = [await exchange.join(path="/sign-in") for _ in range(6)]
        neighbour = await exchange.join(path="/sign-in", address="192.0.2.7")
        member = await exchange.join(path="/billing", cookie=house.people[Role.OPERATOR].cookie)
        return [line.told for line in [*flood, neighbour, member]]

    *flood, neighbour, member = exchange.run(steps)

    assert [RUSHED in told and "sign_in_state" not in told for told in flood] == [False] * 5 + [True]
    assert "sign_in_state" in neighbour
    assert READY in member


def test_a_line_with_many_addresses_is_counted_as_one(exchange: Exchange, few_events: None) -> None:
    async def steps() -> list[str]:
        flood = [await exchange.join(path="/sign-in", address=f"2001:db8:0:1::{n}") for n in range(6)]
        neighbour = await exchange.join(path="/sign-in", address="2001:db8:0:2::1")
        return [line.told for line in [*flood, neighbour]]

    *flood, neighbour = exchange.run(steps)

    assert [RUSHED in told for told in flood] == [False] * 5 + [True]
    assert RUSHED not in neighbour


@pytest.mark.parametrize(
    "info",
    [
        pytest.param("x" * 1_000_000, id="long"),
        # Reflex looks for this with a pattern that takes the square of its length.
        pytest.param("TypeError: can't access property \"" * 29_000, id="slow to search"),
        pytest.param({"deep": ["x" * 10_000]}, id="no text"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_browsers_report_costs_and_writes_little(
    house: House, pipeline: Pipeline, caplog: pytest.LogCaptureFixture, info: object
) -> None:
    async def steps(tab: Tab) -> float:
        await tab.open(cookie="")
        started = time.monotonic()
        await tab.send(REPORT, {"info": info, "component_stack": info}, cookie="")
        return time.monotonic() - started

    with caplog.at_level(logging.WARNING):
        took_s = pipeline.run(steps)

    written = [
        (record.getMessage(), record.__dict__.get("fields"), record.exc_text) for record in caplog.records
    ]
    assert len(json_dumps(written)) < 5_000
    assert "portal.unexpected_error" not in caplog.text
    assert took_s < 1
