"""The layers around everything: whose address it is, which host is asked, and how many sockets are open."""

import asyncio
import logging
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from backend.config import settings
from portal.http import socket_limit
from portal.http.client_address import ClientAddress
from portal.http.own_host import OwnHostOnly
from portal.http.socket_limit import SocketLimit

PUBLIC_URL = "https://portal.example.ir"


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A portal behind one proxy."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1/x")
    monkeypatch.setenv("PUBLIC_URL", PUBLIC_URL)
    monkeypatch.setenv("PROXY_HOPS", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


class Inside:
    """An application that keeps what reached it, each socket until it is let go."""

    def __init__(self) -> None:
        self.seen: list[Scope] = []
        self.let_go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        self.seen.append(scope)
        if scope["type"] == "websocket":
            await self.let_go.wait()


def scope_of(kind: str = "http", *, path: str = "/usage", address: str = "192.0.2.1", **named: str) -> Scope:
    headers = {
        "host": "portal.example.ir",
        **{name.replace("_", "-"): value for name, value in named.items()},
    }
    return {
        "type": kind,
        "path": path,
        "scheme": "http",
        "client": (address, 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "extensions": {"websocket.http.response": {}},
    }


async def ask(app: Any, scope: Scope) -> int:
    """The status that the layer itself answered with, 0 when it passed the request on."""
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    await app(scope, asyncio.Queue().get, send)
    return int(told[0]["status"]) if told else 0


@pytest.mark.parametrize(
    ("named", "status"),
    [
        pytest.param({}, 0, id="our own"),
        pytest.param({"host": "portal.example.ir:443"}, 0, id="with the usual port"),
        pytest.param({"host": "Portal.Example.IR"}, 0, id="in capitals"),
        pytest.param({"host": "evil.example"}, 421, id="another"),
        pytest.param({"host": "portal.example.ir:8443"}, 421, id="another port"),
        pytest.param({"host": "portal.example.ir.evil.example"}, 421, id="one that begins alike"),
        pytest.param({"host": "portal.example.ir@evil.example"}, 421, id="one with a person in it"),
        pytest.param({"host": ""}, 421, id="none"),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_only_the_own_host_is_answered_for(kind: str, named: dict[str, str], status: int) -> None:
    inside = Inside()
    inside.let_go.set()

    assert asyncio.run(ask(OwnHostOnly(inside), scope_of(kind, **named))) == status
    assert (
        [scope["scheme"] for scope in inside.seen] == [] if status else ["https" if kind == "http" else "wss"]
    )


def test_two_hosts_are_none() -> None:
    scope = scope_of()
    scope["headers"].append((b"host", b"evil.example"))

    assert asyncio.run(ask(OwnHostOnly(Inside()), scope)) == 421


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/v1/metrics"])
def test_probes_may_name_the_machine(path: str) -> None:
    assert asyncio.run(ask(OwnHostOnly(Inside()), scope_of(path=path, host="10.0.0.7:8000"))) == 0


def test_what_is_inside_knows_the_forwarded_address_and_reads_no_header_for_it() -> None:
    inside = Inside()
    asyncio.run(ask(ClientAddress(inside), scope_of(x_forwarded_for="6.6.6.6, 203.0.113.51:40001")))

    [scope] = inside.seen
    assert scope["client"][0] == "203.0.113.51"
    assert b"x-forwarded-for" not in dict(scope["headers"])


async def statuses(limit: SocketLimit, inside: Inside, addresses: list[str]) -> list[int]:
    """Sockets that stay open until all have been tried, each with the layer's own answer."""
    tries = [asyncio.ensure_future(ask(limit, scope_of("websocket", address=each))) for each in addresses]
    for _ in range(10):
        await asyncio.sleep(0)
    inside.let_go.set()
    found = await asyncio.gather(*tries)
    inside.let_go.clear()
    inside.seen.clear()
    return found


@pytest.mark.parametrize(
    ("limit", "addresses", "expected"),
    [
        pytest.param("MOST_OF_ONE", ["192.0.2.1"] * 4, [0, 0, 429, 429], id="of one address"),
        pytest.param(
            "MOST_OF_ONE",
            [f"2001:db8::{n}" for n in range(3)],
            [0, 0, 429],
            id="of one line with many addresses",
        ),
        pytest.param("MOST_OF_STRANGERS", [f"192.0.2.{n}" for n in range(3)], [0, 0, 429], id="of strangers"),
        pytest.param("MOST_IN_ALL", [f"192.0.2.{n}" for n in range(3)], [0, 0, 429], id="in all"),
    ],
)
def test_one_socket_too_many_is_refused_and_room_comes_back(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limit: str,
    addresses: list[str],
    expected: list[int],
) -> None:
    monkeypatch.setattr(socket_limit, limit, 2)

    async def steps() -> list[list[int]]:
        inside = Inside()
        layer = SocketLimit(inside)
        return [await statuses(layer, inside, addresses) for _ in range(2)]

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(steps()) == [expected, expected]
    assert [record.getMessage() for record in caplog.records] == ["socket.refused"]
