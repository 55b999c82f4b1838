"""Where one is in a list stands in the address; what was ticked stays ticked while one turns its pages."""

from typing import Any

import pytest

from backend.actor import Role
from portal.features.invoices.list_state import InvoicesState
from portal.guard import FRAMEWORK, HYDRATE
from tests.integration.payments import payer
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers

KEEPS = next(name for name in FRAMEWORK if name.endswith(".update_vars_internal"))
TICKED = f"{InvoicesState.get_full_name()}.ticked_rx_state_"


def handler(name: str) -> str:
    return next(each for each in own_handlers() if each.endswith(f"____invoices_state.{name}"))


def shown_by(told: list[Delta]) -> dict[str, Any]:
    """What the tab shows of the list by now."""
    shown: dict[str, Any] = {}
    for delta in told:
        for state, changes in delta.items():
            if state.endswith("____invoices_state"):
                shown |= {name.removesuffix("_rx_state_"): value for name, value in changes.items()}
    return shown


def shown_at(pipeline: Pipeline, cookie: str, *paths: str) -> dict[str, Any]:
    """What a tab shows that goes from address to address."""

    async def steps(tab: Tab) -> dict[str, Any]:
        told: list[Delta] = []
        await tab.open(cookie=cookie)
        for path in paths:
            await tab.send(handler("load"), cookie=cookie, path=path, told=told)
        return shown_by(told)

    return pipeline.run(steps)


@pytest.fixture
def many(house: House) -> list[str]:
    """Twenty-five invoices that wait for money, the newest day first."""
    made = [str(payer.invoice(house.own.id, 50_000)) for _ in range(25)]
    return made[::-1]


ADDRESSES = {
    # address: (what is shown, the page before, the page after)
    "/invoices": ("1 to 20 of 25", "", "/invoices?page=2"),
    "/invoices?page=2": ("21 to 25 of 25", "/invoices", ""),
    "/invoices?page=9": ("21 to 25 of 25", "/invoices", ""),
    "/invoices?page=-1": ("1 to 20 of 25", "", "/invoices?page=2"),
    "/invoices?page=2&status=pending&error=forbidden&x=1": ("21 to 25 of 25", "/invoices?status=pending", ""),
    "/invoices?status=paid": ("0 to 0 of 0", "", ""),
    "/invoices?status=zzz": ("1 to 20 of 25", "", "/invoices?page=2"),
}


def test_an_address_names_the_page_and_what_the_list_is_narrowed_to(
    house: House, pipeline: Pipeline, many: list[str]
) -> None:
    cookie = house.people[Role.TENANT_VIEWER].cookie

    async def steps(tab: Tab) -> dict[str, dict[str, Any]]:
        await tab.open(cookie=cookie)
        return {
            address: shown_by(await tab.send(handler("load"), cookie=cookie, path=address))
            for address in ADDRESSES
        }

    found = pipeline.run(steps)

    assert len(many) == 25
    pagers = {address: page["view"].pager for address, page in found.items()}
    assert {
        address: (pager.shown, pager.previous, pager.following) for address, pager in pagers.items()
    } == ADDRESSES
    narrowed = found["/invoices?page=2&status=pending&error=forbidden&x=1"]["view"].choices
    assert [(each.title, each.url, each.is_chosen) for each in narrowed] == [
        ("All", "/invoices", False),
        ("Under review", "/invoices?status=held", False),
        ("Waiting for payment", "/invoices?status=pending", True),
        ("Paid", "/invoices?status=paid", False),
        ("Void", "/invoices?status=void", False),
    ]


def test_ticks_survive_turning_the_page_and_add_up(house: House, pipeline: Pipeline, many: list[str]) -> None:
    cookie = house.people[Role.TENANT_ADMIN].cookie

    async def steps(tab: Tab) -> dict[str, Any]:
        told: list[Delta] = []
        await tab.open(cookie=cookie)
        for page, key in (("/invoices", many[3]), ("/invoices?page=2", many[22]), ("/invoices?page=1", "")):
            await tab.send(handler("load"), cookie=cookie, path=page, told=told)
            await tab.send(handler("toggle"), {"key": key}, cookie=cookie, path=page, told=told)
        return shown_by(told)

    page = pipeline.run(steps)

    # The oldest day first, as they are paid.
    assert page["ticked"] == f"{many[22]},{many[3]}"
    assert page["ticked_sum"].endswith("10,000 Toman")


def test_a_line_that_drops_loses_neither_the_page_nor_the_ticks(
    house: House, pipeline: Pipeline, many: list[str]
) -> None:
    cookie = house.people[Role.TENANT_ADMIN].cookie
    where = {"cookie": cookie, "path": "/invoices?page=2"}

    async def steps(tab: Tab) -> tuple[str, list[dict[str, Any]]]:
        await tab.open(cookie=cookie)
        await tab.send(handler("load"), **where)
        ticked = shown_by(await tab.send(handler("toggle"), {"key": many[21]}, **where))["ticked"]
        found = []
        # When the line is there again a browser brings what it keeps; the server may know the tab no more.
        for name in ("tab", "another"):
            again = await tab.send(HYDRATE, {"vars": {TICKED: ticked}}, tab=name, **where)
            again += await tab.send(handler("load"), tab=name, **where)
            found.append(shown_by(again))
        return ticked, found

    ticked, found = pipeline.run(steps)

    assert ticked == many[21]
    for page in found:
        assert (page["ticked"], page["view"].pager.shown) == (many[21], "21 to 25 of 25")
        assert page["ticked_sum"].endswith("5,000 Toman")


def test_a_tick_that_comes_before_the_list_is_read_again_counts(
    house: House, pipeline: Pipeline, many: list[str]
) -> None:
    where = {"cookie": house.people[Role.TENANT_ADMIN].cookie, "path": "/invoices"}
    strange = str(payer.invoice(house.other.id, 70_000))

    async def steps(tab: Tab) -> list[dict[str, Any]]:
        # The line was away, and somebody clicked on as soon as it came back.
        await tab.send(HYDRATE, {"vars": {TICKED: many[3]}}, **where | {"path": "/nowhere"})
        return [
            shown_by(await tab.send(handler("toggle"), {"key": key}, **where))
            for key in (many[4], strange, 7)
        ]

    ticked, other, nothing = pipeline.run(steps)

    assert ticked["ticked"] == f"{many[4]},{many[3]}"
    assert "ticked" not in other | nothing


def test_a_page_that_is_turned_before_the_tick_is_answered_keeps_it(
    house: House, pipeline: Pipeline, many: list[str]
) -> None:
    where = {"cookie": house.people[Role.TENANT_ADMIN].cookie, "path": "/invoices"}

    async def steps(tab: Tab) -> dict[str, Any]:
        told = await tab.send(HYDRATE, {"vars": {TICKED: ""}}, **where)
        told += await tab.send(handler("toggle"), {"key": many[3]}, **where)
        # A browser that goes to another page sends what it keeps, which may be older than what it was not yet told.
        told += await tab.send(KEEPS, {"vars": {TICKED: ""}}, **where)
        told += await tab.send(handler("load"), **where | {"path": "/invoices?page=2"})
        return shown_by(told)

    page = pipeline.run(steps)

    assert page["ticked"] == many[3]
    assert page["ticked_sum"].startswith("1 ")


def test_ticks_that_a_browser_made_up_are_none(house: House, pipeline: Pipeline, many: list[str]) -> None:
    cookie = house.people[Role.TENANT_ADMIN].cookie
    strange = str(payer.invoice(house.other.id, 70_000))
    paid = str(payer.invoice(house.own.id, 70_000, status="held"))

    async def steps(tab: Tab) -> list[str]:
        left = []
        for kept in (strange, "x,y", f"{many[0]},{paid}", ",".join([many[0]] * 500)):
            told = await tab.send(
                HYDRATE, {"vars": {TICKED: kept}}, cookie=cookie, path="/invoices", tab=kept
            )
            told += await tab.send(handler("load"), cookie=cookie, path="/invoices", tab=kept)
            left.append(shown_by(told)["ticked"])
        return left

    assert pipeline.run(steps) == ["", "", many[0], ""]


def test_an_empty_list_has_no_pages(house: House, pipeline: Pipeline) -> None:
    page = shown_at(pipeline, house.people[Role.TENANT_VIEWER].cookie, "/invoices?page=3")

    pager = page["view"].pager
    assert (page["phase"], page["view"].rows) == ("ready", [])
    assert (pager.previous, pager.following, pager.is_narrowed) == ("", "", False)
