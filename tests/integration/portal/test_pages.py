"""Pages that are opened again, or for something else than before."""

from typing import Any

from backend.actor import Role
from portal import routes
from tests.integration.payments import payer
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers


def handler(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(ending))


def changes_of(deltas: list[Delta], state: str) -> list[dict[str, Any]]:
    """What each change told a page about one state."""
    return [
        {name.removesuffix("_rx_state_"): value for name, value in changes.items()}
        for delta in deltas
        for full_name, changes in delta.items()
        if full_name.endswith((f".{state}", f"___{state}"))
    ]


def test_a_billing_page_that_is_loaded_again_asks_nothing(house: House, pipeline: Pipeline) -> None:
    held = payer.invoice(house.own.id, 50_000, status="held")
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> list[list[Delta]]:
        await tab.open(cookie=cookie)
        await tab.send(handler("billing_state.load"), cookie=cookie)
        asked = await tab.send(handler("billing_state.ask_release"), {"key": str(held)}, cookie=cookie)
        return [asked, await tab.send(handler("billing_state.load"), cookie=cookie)]

    asked, again = pipeline.run(steps)

    assert changes_of(asked, "billing_state")[-1]["chosen_key"] == str(held)
    assert changes_of(again, "billing_state")[-1]["chosen_key"] == ""


def test_another_invoice_is_never_shown_under_this_ones_address(house: House, pipeline: Pipeline) -> None:
    first, second = (payer.invoice(house.own.id, amount) for amount in (50_000, 70_000))
    cookie = house.people[Role.TENANT_VIEWER].cookie

    async def steps(tab: Tab) -> list[list[Delta]]:
        await tab.open(cookie=cookie)
        load = handler("invoice_state.load")
        return [
            await tab.send(load, cookie=cookie, path=routes.invoice(each)) for each in (first, second, second)
        ]

    of_first, of_second, again = pipeline.run(steps)

    before, after = changes_of(of_second, "invoice_state")
    assert changes_of(of_first, "invoice_state")[-1]["phase"] == "ready"
    assert before["phase"] == "loading"
    assert before["view"].invoice.title == ""
    assert (after["phase"], after["view"].invoice.total) == ("ready", "7,000.0 Toman")
    # The same one again is shown as it was while it loads.
    assert "loading" not in [change.get("phase") for change in changes_of(again, "invoice_state")]
