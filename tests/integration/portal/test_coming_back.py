"""Who has to sign in again comes back to the page where the session ended, with its place in the list."""

import pytest

from backend.accounts import service as accounts
from backend.actor import Role
from portal import routes, session
from tests.integration.portal.conftest import House, own_handlers
from tests.integration.portal.line import Exchange

HERE = "/invoices?page=2&status=paid"
BACK = "/sign-in?next=%2Finvoices%3Fpage%3D2%26status%3Dpaid"


def handler(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(ending))


def test_every_way_to_sign_in_again_leads_back_to_the_whole_address(exchange: Exchange, house: House) -> None:
    person = house.people[Role.TENANT_VIEWER]

    async def steps() -> list[str]:
        line = await exchange.join(cookie=person.cookie, path=HERE)
        accounts.sign_out(person.token)
        session.forget_everybody()
        ended = await line.send(handler("invoices_state.load"), path=HERE)
        # The session is gone for the guard already; it ends under a handler; a stranger opens the page.
        names = ("invoices_state.load", "visitor_state.sign_in_again", "visitor_state.enter")
        return [ended, *[await line.send(handler(name), path=HERE) for name in names]]

    ended, gone, under_a_handler, stranger = exchange.run(steps)

    assert f"{BACK}&error=sign_in_required" in ended
    assert f"{BACK}&error=sign_in_required" in under_a_handler
    assert BACK in gone
    assert BACK in stranger


@pytest.mark.parametrize("path", ["//evil.example/invoices", "/sign-in?next=/usage", "/"])
def test_no_other_address_comes_along(exchange: Exchange, path: str) -> None:
    async def steps() -> str:
        line = await exchange.join()
        return await line.send(handler("visitor_state.sign_in_again"), path=path)

    told = exchange.run(steps)

    assert '"/sign-in?' in told
    assert "%2Fevil" not in told
    assert "next=%2Fsign-in" not in told


def test_a_search_is_an_address_and_nothing_else(exchange: Exchange, house: House) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps() -> list[str]:
        line = await exchange.join(cookie=cookie)
        forms: list[object] = [
            {"q": "  آلفا و بتا ", "status": "", "page": "7"},
            {"q": "x" * 1000, "a": {"b": 1}},
            ["x"],
        ]
        return [
            await line.send(handler("place_state.seek"), {"form": form}, path="/payments?page=3")
            for form in forms
        ]

    words, long, nothing = exchange.run(steps)

    search = routes.with_query("/payments", {"q": "آلفا و بتا"})
    assert f'"{search}"' in words
    assert routes.own_path(search) == search
    assert f'"/payments?q={"x" * 60}"' in long
    assert '"/payments"' in nothing
