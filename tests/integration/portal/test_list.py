"""The list of invoices, turned faster than it can be read."""

from typing import Any

from backend.actor import Role
from tests.integration.payments import payer
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers


def handler(name: str) -> str:
    return next(each for each in own_handlers() if each.endswith(f"invoices_state.{name}"))


def shown_by(told: list[Delta]) -> dict[str, Any]:
    """What the tab shows of the list by now."""
    shown: dict[str, Any] = {}
    for delta in told:
        for state, changes in delta.items():
            if state.endswith("invoices_state"):
                shown |= changes
    return shown


def test_turning_past_the_end_stays_on_the_last_page(house: House, pipeline: Pipeline) -> None:
    for _ in range(25):
        payer.invoice(house.own.id, 50_000)
    cookie = house.people[Role.TENANT_VIEWER].cookie

    async def steps(tab: Tab) -> dict[str, Any]:
        told: list[Delta] = []
        await tab.open(cookie=cookie)
        for name in ("load", "older", "older", "older", "load_again"):
            await tab.send(handler(name), cookie=cookie, told=told)
        return shown_by(told)

    shown = pipeline.run(steps)

    assert len(shown["rows_rx_state_"]) == 5
    assert shown["shown_rx_state_"] == "21 to 25 of 25"
    assert (shown["has_previous_rx_state_"], shown["has_next_rx_state_"]) == (True, False)


def test_turning_an_empty_list_leaves_it_empty(house: House, pipeline: Pipeline) -> None:
    cookie = house.people[Role.TENANT_VIEWER].cookie

    async def steps(tab: Tab) -> dict[str, Any]:
        told: list[Delta] = []
        await tab.open(cookie=cookie)
        for name in ("load", "older", "newer"):
            await tab.send(handler(name), cookie=cookie, told=told)
        return shown_by(told)

    shown = pipeline.run(steps)

    assert shown["phase_rx_state_"] == "ready"
    assert not shown.get("rows_rx_state_")
    assert shown["shown_rx_state_"] == "0 to 0 of 0"
    assert not shown.get("has_previous_rx_state_")
