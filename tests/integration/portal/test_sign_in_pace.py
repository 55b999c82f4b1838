"""Right passwords are paced too: each costs the server as much as a wrong one."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from backend.actor import Role
from portal import routes
from portal.http import sign_in
from portal.rate_limiter import RateLimiter
from tests.integration.portal.conftest import PASSWORD, House

APP = Starlette(routes=[Route(routes.POST_SIGN_IN, sign_in.sign_in, methods=["POST"])])


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sign-ins for an account from one address, three from the address."""
    monkeypatch.setattr(sign_in, "_attempts", RateLimiter())
    monkeypatch.setattr(sign_in, "ACCOUNT_AT_ONCE", 2.0)
    monkeypatch.setattr(sign_in, "ADDRESS_AT_ONCE", 3.0)


async def outcomes(*tries: tuple[str, str]) -> list[bool]:
    """Whether each sign-in, to an account from an address, was let in."""
    found = []
    for email, address in tries:
        transport = httpx.ASGITransport(APP, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as browser:
            answer = await browser.post(routes.POST_SIGN_IN, data={"email": email, "password": PASSWORD})
        found.append("set-cookie" in answer.headers)
        assert found[-1] or "too_many_attempts" in answer.headers["location"]
    return found


def test_an_account_is_signed_in_to_only_so_often_from_one_place(house: House) -> None:
    email = house.people[Role.OPERATOR].email
    tries = [(email, "192.0.2.1"), (email.upper(), "192.0.2.1"), (email, "192.0.2.1"), (email, "192.0.2.2")]

    assert asyncio.run(outcomes(*tries)) == [True, True, False, True]


def test_an_address_signs_in_only_so_often_to_all_accounts(house: House) -> None:
    people = [person.email for person in house.people.values()][:4]

    assert asyncio.run(outcomes(*((email, "192.0.2.1") for email in people))) == [True] * 3 + [False]
