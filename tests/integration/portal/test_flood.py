"""Who sends too much is refused, nobody else is, and what was refused comes back by itself."""

import logging
import time

import pytest
from reflex_base.utils.format import json_dumps

from backend.actor import Role
from portal import guard
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers, shown

REPORT = next(name for name in guard.FRAMEWORK if name.endswith(".handle_frontend_exception"))
CHOOSE_TAB = "billing___state____billing_state.choose_tab"


def handler(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(f"portal___{ending}"))


@pytest.fixture
def few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five events at once, and none for who waits."""
    monkeypatch.setattr(guard, "_EVENTS_AT_ONCE", 5.0)
    monkeypatch.setattr(guard, "_EVENTS_PER_S", 0.0)


def test_a_flood_of_events_is_dropped_and_a_patient_tab_is_served_again(
    house: House, pipeline: Pipeline, few_events: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie, tab="flood")
        answers = []
        for n in range(8):
            name = "held" if n % 2 else "plan"
            answers += await tab.send(handler(CHOOSE_TAB), {"name": name}, cookie=cookie, tab="flood")
        monkeypatch.setattr(guard, "_EVENTS_PER_S", 1e6)
        return [
            len(answers),
            await tab.send(handler(CHOOSE_TAB), {"name": "unknown"}, cookie=cookie, tab="flood"),
        ]

    answered, patient = pipeline.run(steps)

    assert answered <= 5
    assert patient


def test_a_page_counts_once_whatever_it_loads(house: House, pipeline: Pipeline, few_events: None) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> list[list[Delta]]:
        return [await tab.open(cookie=cookie, tab=f"tab-{n}", path="/billing") for n in range(5)]

    for told in pipeline.run(steps):
        assert '"phase_rx_state_": "ready"' in shown(told)


def test_a_page_that_was_refused_is_told_to_come_back(
    house: House, pipeline: Pipeline, few_events: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> list[list[Delta]]:
        told = [await tab.open(cookie=cookie, tab=f"tab-{n}", path="/billing") for n in range(6)]
        monkeypatch.setattr(guard, "_EVENTS_PER_S", 1e6)
        return [told[-1], await tab.open(cookie=cookie, tab="tab-5", path="/billing")]

    refused, again = pipeline.run(steps)

    assert '"is_rushed_rx_state_": true' in shown(refused)
    assert "billing_state" not in shown(refused)
    assert '"phase_rx_state_": "ready"' in shown(again)
    assert '"is_rushed_rx_state_": true' not in shown(again)


def test_strangers_are_counted_by_their_address_and_not_by_the_tab_they_claim(
    house: House, pipeline: Pipeline, few_events: None
) -> None:
    async def steps(tab: Tab) -> list[list[Delta]]:
        flood = [await tab.open(cookie="", tab=f"tab-{n}", path="/sign-in") for n in range(6)]
        neighbour = await tab.open(cookie="", tab="another", path="/sign-in", address="192.0.2.7")
        member = await tab.open(cookie=house.people[Role.OPERATOR].cookie, tab="third", path="/billing")
        return [*flood, neighbour, member]

    *flood, neighbour, member = pipeline.run(steps)

    assert ["is_rushed_rx_state_" in shown(told) and "sign_in_state" not in shown(told) for told in flood] == [
        False, False, False, False, False, True,
    ]  # fmt: skip
    assert "sign_in_state" in shown(neighbour)
    assert '"phase_rx_state_": "ready"' in shown(member)


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
