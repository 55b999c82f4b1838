"""A bug, wherever it strikes: the reader sees a reference, the log has the same one and the trace."""

import asyncio
import logging
import re
from contextlib import suppress

import psycopg
import pytest

from backend.actor import Role
from backend.i18n.catalog import text
from portal import session
from tests.integration.portal.conftest import House, Pipeline, Sockets, Tab, own_handlers, replaced, shown


def handler(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(ending))


def references(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Those in the log, each with its trace."""
    found = [record for record in caplog.records if record.msg == "portal.unexpected_error"]
    assert all(record.exc_info for record in found)
    return [record.__dict__["fields"]["reference"] for record in found]


def test_a_handler_that_fails_shows_the_reference_of_its_trace(
    house: House, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    cookie, name = house.people[Role.OPERATOR].cookie, handler("billing_state.choose_tab")
    sockets = Sockets()

    def fail() -> None:
        raise ZeroDivisionError("a secret detail")

    async def steps(tab: Tab) -> None:
        await tab.open(cookie=cookie)
        with replaced(name, fail), suppress(ZeroDivisionError):
            await tab.send(name, {"name": "held"}, cookie=cookie)
        for _ in range(200):
            if sockets.told:
                return
            await asyncio.sleep(0.02)

    with caplog.at_level(logging.ERROR):
        pipeline.run(steps, sockets=sockets)

    (reference,) = references(caplog)
    assert re.search(rf'"unexpected_rx_state_": "[^"]*{reference}', shown(sockets.told))
    assert "secret detail" not in shown(sockets.told)
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("page", "path"),
    [("account_state", "/account"), ("sign_in_state", "/sign-in"), ("invoices_state", "/invoices")],
)
def test_an_address_puts_no_words_of_its_own_into_the_sentence(
    house: House, pipeline: Pipeline, page: str, path: str
) -> None:
    person = house.people[Role.TENANT_ADMIN] if page == "invoices_state" else house.people[Role.OPERATOR]

    async def steps(tab: Tab) -> list[str]:
        await tab.open(cookie=person.cookie)
        load = handler(f"{page}.load")
        asked = [f"{path}?error=unknown&reference={each}" for each in ("0123abcd", "Call09121234567")]
        return [shown(await tab.send(load, cookie=person.cookie, path=each)) for each in asked]

    ours, forged = pipeline.run(steps)

    assert text("error.unknown", "en", reference="0123abcd") in ours
    assert text("error.unknown", "en", reference="?") in forged
    assert text("error.unknown", "en", reference="Call09121234567") not in forged


def test_a_guard_that_fails_refuses_once_and_says_so(
    house: House, pipeline: Pipeline, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    cookie = house.people[Role.OPERATOR].cookie
    sockets = Sockets()

    async def steps(tab: Tab) -> str:
        await tab.open(cookie=cookie)
        session.forget_everybody()
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute("ALTER TABLE user_session RENAME TO user_session_of_yesterday")
        told = shown(await tab.send(handler("billing_state.load"), cookie=cookie))
        # Long enough for an answer that fails to be answered again and again.
        await asyncio.sleep(0.5)
        return told

    with caplog.at_level(logging.ERROR):
        told = pipeline.run(steps, sockets=sockets)

    (reference,) = references(caplog)
    assert f'"failure_rx_state_": "{reference}"' in told
    assert "billing_state" not in told + shown(sockets.told)
