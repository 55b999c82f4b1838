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
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.sandbox.processes import free_port
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.server import running
from portal import bridge, routes, session
from portal.http import hand_off, open_payments, payments
from portal.payment_words import refusal_in
from portal.rate_limiter import RateLimiter
from tests.conftest import forget_caches
from tests.integration.payments import payer
from tests.integration.portal.conftest import House

APP = Starlette(
    routes=[
        Route(routes.POST_PAY, payments.start, methods=["POST"]),
        Route(routes.PAY_RETURN, payments.come_back),
        Route(routes.PAY_OPEN, open_payments.tell),
        Route(routes.HAND_OFF, hand_off.lead_to_bank),
        Route(routes.TO_BANK, hand_off.go_to_bank),
    ]
)


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A gateway on a port, and nobody who asked too often before."""
    monkeypatch.setattr(payments, "_returns", RateLimiter())
    monkeypatch.setattr(payments, "_starts", RateLimiter())
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


def test_opening_payments_is_limited_for_each_company(
    house: House, bank: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is, nothing is filled up again meanwhile.
    monkeypatch.setattr(payments, "STARTS_AT_ONCE", 3.0)
    monkeypatch.setattr(payments, "STARTS_PER_S", 0.0)
    admin, neighbour = house.people[Role.TENANT_ADMIN], house.neighbour
    invoice_id = payer.invoice(house.own.id, 50_000)

    answers = start(admin.cookie, invoice_id, times=4)
    [other] = start(neighbour.cookie, payer.invoice(house.other.id, 50_000))

    assert all(each.headers["location"].startswith("/pay/") for each in answers[:3])
    assert answers[-1].headers["location"] == f"/invoices/{invoice_id}?error=too_many_attempts.payments"
    assert other.headers["location"].startswith("/pay/")
    assert len(bank.calls("request")) == 2
    query = dict(httpx.URL(answers[-1].headers["location"]).params)
    assert refusal_in(query, "en") == text("error.too_many_attempts.payments", "en")


def test_a_refusal_leads_back_to_the_page_of_the_list(house: House, bank: Driver) -> None:
    invoice_id = payer.invoice(house.own.id, 50_000)
    places = ("/invoices?status=pending&page=2", "//evil.example", "")

    answers = ask(
        *[("POST", routes.POST_PAY, {"invoices": str(invoice_id), "back": back}) for back in places],
        cookie=house.people[Role.TENANT_VIEWER].cookie,
    )
    [stranger] = ask(("POST", routes.POST_PAY, {"invoices": str(invoice_id), "back": places[0]}))

    own = f"/invoices/{invoice_id}?error=forbidden"
    assert [each.headers["location"] for each in answers] == [f"{places[0]}&error=forbidden", own, own]
    assert httpx.URL(stranger.headers["location"]).params["next"] == places[0]


def test_a_viewer_costs_the_admins_no_start(
    house: House, bank: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments, "STARTS_AT_ONCE", 3.0)
    monkeypatch.setattr(payments, "STARTS_PER_S", 0.0)
    invoice_id = payer.invoice(house.own.id, 50_000)

    refused = start(house.people[Role.TENANT_VIEWER].cookie, invoice_id, times=4)
    [opened] = start(house.people[Role.TENANT_ADMIN].cookie, invoice_id)

    assert {each.headers["location"] for each in refused} == {f"/invoices/{invoice_id}?error=forbidden"}
    assert opened.headers["location"].startswith("/pay/")


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_the_first_part_says_what_is_left_and_leads_to_paying_it(
    house: House, bank: Driver, monkeypatch: pytest.MonkeyPatch, lang: Lang
) -> None:
    monkeypatch.setenv("ZIBAL_MAX_RIAL", "200000")
    settings.cache_clear()
    cookie = house.people[Role.TENANT_ADMIN].cookie.replace("lang=en", f"lang={lang}")
    invoice_id = payer.invoice(house.own.id, 350_000)
    start(cookie, invoice_id)
    [session_of_bank] = bank.sessions()
    bank.pay(session_of_bank["track_id"])

    page = come_back(bank, session_of_bank["track_id"], cookie=f"lang={lang}").text
    strange = come_back(bank, session_of_bank["track_id"], cookie=f"lang={lang}", nonce=False).text
    start(cookie, invoice_id)
    rest = bank.sessions()[0]["track_id"]
    bank.pay(rest)
    last = come_back(bank, rest, cookie=cookie).text

    left = text("payment.still_to_pay", lang, amount=fmt.toman(150_000, lang))
    assert left in page
    assert f'href="/invoices/{invoice_id}">{text("payment.pay_rest", lang)}</a>' in page
    assert text("payment.nothing_left", lang) not in page
    assert (left in strange, str(invoice_id) in strange) == (False, False)
    assert text("payment.nothing_left", lang) in last
    assert text("payment.pay_rest", lang) not in last


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_the_banks_reason_stands_on_the_payers_page_only(house: House, bank: Driver, lang: Lang) -> None:
    start(house.people[Role.TENANT_ADMIN].cookie, payer.invoice(house.own.id, 50_000))
    [opened] = bank.sessions()
    bank.fail(opened["track_id"], 5)

    own = come_back(bank, opened["track_id"], cookie=f"lang={lang}").text
    strange = come_back(bank, opened["track_id"], cookie=f"lang={lang}", nonce=False).text

    reason = text("payment.refused.status_5", lang).replace("'", "&#39;")
    assert (reason in own, reason in strange) == (True, False)


def test_with_the_database_away_a_payer_gets_a_plain_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "_returns", RateLimiter())
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


def test_a_line_with_many_addresses_comes_back_as_often_as_one(
    house: House, bank: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    del house, bank
    monkeypatch.setattr(payments, "CALLBACKS_AT_ONCE", 3.0)
    monkeypatch.setattr(payments, "CALLBACKS_PER_S", 0.0)

    async def status_for(address: str) -> int:
        transport = httpx.ASGITransport(APP, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as browser:
            return (await browser.get(routes.PAY_RETURN)).status_code

    flood = [asyncio.run(status_for(f"2001:db8:0:1::{n}")) for n in range(4)]

    assert flood == [200, 200, 200, 429]
    assert asyncio.run(status_for("2001:db8:0:2::1")) == 200


def test_a_gateway_that_hangs_for_strangers_holds_up_no_other_company(house: House, bank: Driver) -> None:
    start(house.people[Role.TENANT_ADMIN].cookie, payer.invoice(house.own.id, 50_000))
    [opened] = bank.sessions()
    query = f"{routes.PAY_RETURN}?trackId={opened['track_id']}&success=1&status=2"
    bank.fault("inquiry", "delay", 5, track_id=opened["track_id"])
    theirs = {"invoices": str(payer.invoice(house.other.id, 50_000))}

    async def crowd() -> tuple[str, int, set[int]]:
        transport = httpx.ASGITransport(APP)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000", timeout=60
        ) as browser:
            returns = [asyncio.create_task(browser.get(query)) for _ in range(28)]
            await asyncio.wait(returns, return_when=asyncio.FIRST_COMPLETED)
            click = await browser.post(
                routes.POST_PAY, data=theirs, headers={"cookie": house.neighbour.cookie}
            )
            hanging = sum(not each.done() for each in returns)
            return click.headers["location"], hanging, {(await each).status_code for each in returns}

    location, hanging, statuses = asyncio.run(crowd())

    assert location.startswith("/pay/")
    assert (hanging >= 1, statuses) == (True, {200})
    assert len(bank.calls("inquiry", opened["track_id"])) == 1


def test_one_company_keeps_threads_for_the_others_while_the_gateway_hangs(house: House, bank: Driver) -> None:
    own = [payer.invoice(house.own.id, 50_000) for _ in range(payments.STARTS_UNDER_WAY + 1)]
    bank.fault("request", "delay", 1)

    async def crowd() -> list[str]:
        transport = httpx.ASGITransport(APP)
        cookie = house.people[Role.TENANT_ADMIN].cookie
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000", timeout=60, headers={"cookie": cookie}
        ) as browser:
            clicks = [browser.post(routes.POST_PAY, data={"invoices": str(each)}) for each in own]
            return [each.headers["location"] for each in await asyncio.gather(*clicks)]

    refused = [each for each in asyncio.run(crowd()) if "too_many_attempts.payments" in each]

    assert len(refused) == 1


def test_returns_that_would_only_wait_are_told_to_look_again_later(
    house: House, bank: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    del house, bank
    monkeypatch.setattr(bridge, "MOST_RETURNS", 0)

    [answer] = ask(("GET", f"{routes.PAY_RETURN}?trackId=12345", {}), cookie="lang=en")

    assert (answer.status_code, text("payment.returned_later", "en") in answer.text) == (200, True)


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_a_second_tab_is_warned_may_go_on_or_replace_and_the_first_tab_is_told(
    house: House, bank: Driver, lang: Lang
) -> None:
    cookie = house.people[Role.TENANT_ADMIN].cookie.replace("lang=en", f"lang={lang}")
    invoice_id = payer.invoice(house.own.id, 50_000)
    [opened] = start(cookie, invoice_id)
    first = opened.headers["location"]
    [page, left] = ask(("GET", first, {}), ("GET", f"{first}/bank", {}), cookie=cookie)
    track_id = bank.sessions()[0]["track_id"]

    [warned] = start(cookie, invoice_id)
    [warning] = ask(("GET", warned.headers["location"], {}), cookie=cookie)
    [strange] = ask(("GET", warned.headers["location"], {}), cookie=house.neighbour.cookie)
    form = {"invoices": str(invoice_id), "replaces": first.rpartition("/")[2]}
    [replaced] = ask(("POST", routes.POST_PAY, form), cookie=cookie)
    old = ask(("GET", first, {}), ("GET", f"{first}/bank", {}), cookie=cookie)
    back = come_back(bank, track_id, cookie=cookie).text

    assert f'href="{first}/bank"' in page.text
    assert left.headers["location"] == f"{bank.url}/start/{track_id}"
    assert text("page.open_payments.at_bank", lang) in warning.text
    assert str(track_id) in warning.text
    assert f'href="{first}"' in warning.text
    assert f'name="replaces" value="{form["replaces"]}"' in warning.text
    assert (strange.status_code, str(track_id) in strange.text) == (404, False)
    assert replaced.headers["location"].startswith("/pay/")
    for answer in old:
        assert (answer.status_code, text("error.conflict.payment_replaced", lang) in answer.text) == (
            409,
            True,
        )
    assert text("payment.returned.replaced.text", lang) in back


def test_a_warning_that_is_over_leads_back_to_the_invoice(house: House, bank: Driver) -> None:
    cookie = house.people[Role.TENANT_ADMIN].cookie
    invoice_id = payer.invoice(house.own.id, 50_000)
    [opened] = start(cookie, invoice_id)
    ask(("GET", f"{opened.headers['location']}/bank", {}), cookie=cookie)
    [warned] = start(cookie, invoice_id)
    track_id = bank.sessions()[0]["track_id"]
    bank.pay(track_id)
    come_back(bank, track_id, cookie=cookie)

    [over, junk] = ask(
        ("GET", warned.headers["location"], {}), ("GET", f"{routes.PAY_OPEN}?attempts=x", {}), cookie=cookie
    )

    assert over.headers["location"] == f"/invoices/{invoice_id}"
    assert junk.status_code == 404
