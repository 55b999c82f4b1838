"""What nobody's browser sends is dropped before anything of it is kept, waited for or written down."""

import asyncio
import json
import logging

import pytest

from backend.actor import Role
from portal import socket_filter
from portal.guard import HYDRATE
from portal.server import LARGEST_MESSAGE_BYTES
from tests.integration.portal.conftest import House, own_handlers
from tests.integration.portal.line import Exchange

CHOOSE_TAB = next(name for name in own_handlers() if name.endswith("billing_state.choose_tab"))
TELL = next(name for name in own_handlers() if name.endswith("visitor_state.tell_unexpected"))
FEW_LETTERS = 10_000


def test_what_a_page_claims_about_itself_is_kept_short(exchange: Exchange) -> None:
    async def steps() -> list[str]:
        line = await exchange.join()
        junk = {f"key{n}": "x" * 1_000 for n in range(30)}
        long = "/sign-in?next=/" + "x" * 30_000
        await line.send(HYDRATE, path=long, query=junk, **junk)
        await line.send(HYDRATE, query=["no", "names"], path="/nowhere", asPath={"deep": junk}, pathname=7)
        return [json.dumps(dict(state.router_data)) for state in exchange.kept]

    [kept] = exchange.run(steps)

    assert len(kept) < FEW_LETTERS
    assert "key29" not in kept


def test_a_page_is_known_by_its_path_and_its_query(exchange: Exchange) -> None:
    async def steps() -> list[object]:
        line = await exchange.join(path="/sign-in?next=%2Fusage&error=sign_in_required")
        [state] = exchange.kept
        first = (state.router.url.path, dict(state.router.url.query_parameters), state.router.route_id)
        await line.send(HYDRATE, path="/invoices/0123?x=1", query={"invoice_id": "0123"})
        [state] = exchange.kept
        return [
            first,
            (state.router.url.path, state.router.route_id, state.invoice_id),
            state.router.url.origin,
        ]

    first, second, origin = exchange.run(steps)

    assert first == ("/sign-in", {"next": "/usage", "error": "sign_in_required"}, "/sign-in")
    assert second == ("/invoices/0123", "/invoices/[invoice_id]", "0123")
    assert origin == "http://127.0.0.1:8000"


def test_an_event_that_nobody_handles_leaves_nothing_behind(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps() -> int:
        line = await exchange.join()
        for name in ["x.y", "", "reset", f"{CHOOSE_TAB}_", 7, None, ["x"], {"x": 1}] * 5:
            await line.send(name)
        return len(exchange.processor._futures)

    with caplog.at_level(logging.WARNING):
        left = exchange.run(steps)

    assert left == 0
    assert len(caplog.records) <= 1


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param('2/_event,["event",1]', id="a number"),
        pytest.param('2/_event,["event","{}"]', id="a text"),
        pytest.param('2/_event,["event"]', id="nothing"),
        pytest.param('2/_event,["event",{},{}]', id="two events"),
        pytest.param(f'2/_event,["event",{{"name":"{HYDRATE}","payload":[1]}}]', id="a list as arguments"),
        pytest.param(f'2/_event,["event",{{"name":"{TELL}","payload":{{"x":1}}}}]', id="wrong arguments"),
        pytest.param(f'2/_event,["event",{{"name":"{TELL}","payload":{{}}}}]', id="no arguments"),
        pytest.param(
            f'2/_event,["event",{{"name":"{TELL}","payload":{{"self":1,"reference":""}}}}]', id="self"
        ),
        pytest.param('2/_event,["client_error"]', id="a report without words"),
        pytest.param('2/_event,["ping",1]', id="a ping with words"),
        pytest.param('2/_event,["emit","x"]', id="another method"),
        pytest.param('2/_event,[{"a":1}]', id="a name that is none"),
        pytest.param("2/_event,[]", id="an empty list"),
        pytest.param("2/_event,{", id="no JSON"),
        pytest.param("2/_event," + "[" * 60_000, id="too deep"),
        pytest.param("2", id="no event"),
        pytest.param("4/_event,", id="an answer that only servers give"),
        pytest.param("9", id="an unknown kind"),
        pytest.param("", id="an empty frame"),
        pytest.param(b"bytes", id="bytes"),
    ],
)
def test_a_frame_that_no_page_sends_writes_one_line(
    exchange: Exchange, caplog: pytest.LogCaptureFixture, frame: str | bytes
) -> None:
    async def steps() -> tuple[int, str]:
        line = await exchange.join()
        for _ in range(10):
            await line.frame(frame)
        await exchange.settled()
        return len(exchange.processor._futures), await line.send(HYDRATE)

    with caplog.at_level(logging.WARNING):
        left, told = exchange.run(steps)

    assert left == 0
    assert len(caplog.records) <= 1
    assert not any(record.exc_info for record in caplog.records)
    assert "is_hydrated" in told


def test_no_frame_waits_for_bytes_that_follow(exchange: Exchange) -> None:
    async def steps() -> int:
        line = await exchange.join()
        await line.frame('599999-/_event,["event",{"_placeholder":true,"num":0}]')
        await line.frame(b"x" * 1_000)
        return len(exchange.socket._binary_packet)

    assert exchange.run(steps) == 0


def test_an_event_that_is_named_like_a_connection_makes_and_ends_none(exchange: Exchange) -> None:
    forged = {"QUERY_STRING": "token=another", "asgi.scope": {"client": ["192.0.2.66", 1]}}

    async def steps() -> tuple[list[str], str]:
        line = await exchange.join()
        await line.frame(f"2/_event,{json.dumps(['connect', forged])}")
        await line.frame(f"2/_event,{json.dumps(['connect', forged, {'event': {'name': HYDRATE}}])}")
        await line.frame('2/_event,["disconnect"]')
        told = await line.send(HYDRATE)
        return [state.router.session.client_ip for state in exchange.kept], told

    addresses, told = exchange.run(steps)

    assert addresses == ["127.0.0.1"]
    assert "is_hydrated" in told


def test_a_connection_without_a_tab_or_with_a_huge_handshake_is_refused(exchange: Exchange) -> None:
    async def steps() -> int:
        for query in ("x=1", "token=", f"token={'x' * 5_000}"):
            await (await exchange.dial(query=query)).join()
        await (await exchange.dial(headers={"x-junk": "x" * 30_000})).join()
        await exchange.settled()
        return len(exchange.kept)

    assert exchange.run(steps) == 0


def test_an_honest_tab_may_leave_and_come_back(exchange: Exchange, house: House) -> None:
    cookie = house.people[Role.OPERATOR].cookie

    async def steps() -> list[str]:
        told = []
        for _ in range(3):
            line = await exchange.join(cookie=cookie, query="token=the-same-tab")
            told.append(await line.send(CHOOSE_TAB, {"name": "held"}))
            await line.frame("1/_event,")
            await exchange.settled()
        return told

    first, *_ = told = exchange.run(steps)

    assert '"held"' in first
    assert len(told) == 3


def test_who_does_not_join_in_time_or_leaves_is_ended(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> tuple[list[str], list[str]]:
        ended: asyncio.Queue[str] = asyncio.Queue()
        monkeypatch.setattr(exchange.socket_filter, "_end", ended.put)
        joined, leaving = await exchange.join(), await exchange.join()
        monkeypatch.setattr(socket_filter, "JOIN_WITHIN_S", 0.0)
        silent = await exchange.dial()
        first = await asyncio.wait_for(ended.get(), 20)
        exchange.socket_filter._end_unless_joined(joined.browser)
        await leaving.frame("1/_event,")
        return [first, await asyncio.wait_for(ended.get(), 20)], [silent.browser, leaving.browser]

    told, expected = exchange.run(steps)

    assert told == expected


@pytest.fixture
def few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three connections at once, and none for who waits."""
    monkeypatch.setattr(socket_filter, "_CONNECTIONS_AT_ONCE", 3.0)
    monkeypatch.setattr(socket_filter, "_CONNECTIONS_PER_S", 0.0)


def test_an_address_leaves_no_more_states_behind_than_it_may_open_connections(
    exchange: Exchange, few_connections: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps() -> int:
        for n in range(4):
            await exchange.join(address=f"2001:db8:0:7::{n}")
        line = await exchange.dial(address="2001:db8:0:7::ffff")
        for _ in range(4):
            await line.join()
            await line.frame("1/_event,")
        await exchange.settled()
        return len(exchange.kept)

    with caplog.at_level(logging.WARNING):
        kept = exchange.run(steps)

    assert kept == 3
    assert [record.getMessage() for record in caplog.records] == ["socket.connection_refused"]


def test_strangers_take_no_connection_from_another_address_or_from_who_is_signed_in(
    exchange: Exchange, house: House, few_connections: None
) -> None:
    async def steps() -> list[str]:
        for _ in range(4):
            await exchange.join()
        neighbour = await exchange.join(address="192.0.2.7")
        member = await exchange.join(cookie=house.people[Role.OPERATOR].cookie)
        return [neighbour.told, member.told]

    for told in exchange.run(steps):
        assert "is_hydrated" in told


def test_the_largest_frame_is_as_large_as_a_page_needs(exchange: Exchange) -> None:
    assert exchange.socket.eio.max_http_buffer_size == LARGEST_MESSAGE_BYTES
