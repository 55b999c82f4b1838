"""The plain pages of payments, without a server: what they say, and how often somebody may ask."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from backend.actor import Role
from backend.clients import zibal as zibal_client
from backend.config import settings
from backend.i18n.catalog import text
from backend.sandbox.processes import free_port
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.server import running
from portal import bridge, routes, session
from portal.buckets import Buckets
from portal.http import payments
from tests.conftest import forget_caches
from tests.integration.payments import payer
from tests.integration.portal.conftest import House

APP = Starlette(
    routes=[
        Route(routes.POST_PAY, payments.start, methods=["POST"]),
        Route(routes.PAY_RETURN, payments.come_back),
    ]
)


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A gateway on a port, and nobody who asked too often before."""
    monkeypatch.setattr(payments, "_returns", Buckets())
    monkeypatch.setattr(payments, "_starts", Buckets())
    with running() as driver:
        monkeypatch.setenv("ZIBAL_URL", driver.url)
        monkeypatch.setenv("ZIBAL_MERCHANT", "docuchat-live")
        settings.cache_clear()
        yield driver
        zibal_client.gateway().close()
        zibal_client._gateway.cache_clear()


def ask(*requests: tuple[str, str, dict[str, str]], cookie: str = "") -> list[httpx.Response]:
    """The answers to requests, one after the other."""

    async def within() -> list[httpx.Response]:
        transport = httpx.ASGITransport(APP)
        headers = {"cookie": cookie} if cookie else {}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000", headers=headers
        ) as browser:
            return [
                await browser.request(method, path, data=fields or None) for method, path, fields in requests
            ]

    return asyncio.run(within())


def start(cookie: str, *invoice_ids: object, times: int = 1) -> list[httpx.Response]:
    form = {"invoices": ",".join(map(str, invoice_ids))}
    return ask(*[("POST", routes.POST_PAY, form)] * times, cookie=cookie)


def come_back(bank: Driver, track_id: int, *, cookie: str = "", nonce: bool = True) -> httpx.Response:
    query = dict(payer.callback_of(bank, track_id))
    if not nonce:
        del query["n"]
    [answer] = ask(("GET", f"{routes.PAY_RETURN}?{httpx.QueryParams(query)}", {}), cookie=cookie)
    return answer


def test_opening_payments_is_limited_for_each_company(house: House, bank: Driver) -> None:
    admin, neighbour = house.people[Role.TENANT_ADMIN], house.neighbour
    invoice_id = payer.invoice(house.own.id, 50_000)

    answers = start(admin.cookie, invoice_id, times=int(payments.STARTS_AT_ONCE) + 5)
    [other] = start(neighbour.cookie, payer.invoice(house.other.id, 50_000))

    assert answers[0].headers["location"].startswith("/pay/")
    assert answers[-1].headers["location"] == f"/invoices/{invoice_id}?error=too_many_attempts.payments"
    assert other.headers["location"].startswith("/pay/")
    assert len(bank.calls("request")) == 2
    for lang in ("fa", "en"):
        assert payment_words_of(answers[-1], lang)


def payment_words_of(answer: httpx.Response, lang: str) -> str:
    from portal.payment_words import refusal_in  # noqa: PLC0415 - the page that it leads to

    query = dict(httpx.URL(answer.headers["location"]).params)
    return refusal_in(query, "fa" if lang == "fa" else "en")


def test_with_the_database_away_a_payer_gets_a_plain_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "_returns", Buckets())
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    forget_caches()
    session.forget_everybody()
    try:
        answers = ask(
            ("GET", f"{routes.PAY_RETURN}?trackId=12345&success=1&status=2", {}), cookie="lang=en; portal=x"
        )
    finally:
        bridge.close()
        forget_caches()

    assert [each.status_code for each in answers] == [200]
    assert text("payment.returned_later", "en") in answers[0].text
    assert "Traceback" not in answers[0].text
    assert "psycopg" not in answers[0].text
