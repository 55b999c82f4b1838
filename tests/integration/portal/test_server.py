"""What a connection leaves unfinished costs the server little, and not for long."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from portal import server
from portal.http.endless import mark_endless
from tests.integration.portal.frames import CONTINUED, LAST, PING, TEXT, TOO_BIG, dial, frame, websocket

LARGE = b"x" * 30_000_000


async def _echo(connection: WebSocket) -> None:
    await connection.accept()
    try:
        while True:
            await connection.send_text(await connection.receive_text())
    except WebSocketDisconnect:
        return


async def _length(request: Request) -> Response:
    return Response(str(len(await request.body())))


async def _large(_request: Request) -> Response:
    return Response(LARGE)


async def _endless(request: Request) -> Response:
    async def lines() -> AsyncIterator[bytes]:
        while True:
            yield b"3 more\n"
            await asyncio.sleep(0.01)

    mark_endless(request.scope)
    return StreamingResponse(lines())


APP = Starlette(
    routes=[
        WebSocketRoute("/", _echo),
        Route("/", _length, methods=["POST"]),
        Route("/large", _large),
        Route("/endless", _endless),
    ]
)


@pytest.fixture
def port() -> Iterator[int]:
    """A server with our limits in front of a small application."""
    running = uvicorn.Server(uvicorn.Config(APP, host="127.0.0.1", port=0, **server.limits()))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        running.should_exit = True
        thread.join()


def test_a_stream_without_an_end_does_not_hold_up_the_end_of_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    patient = server.limits() | {"timeout_graceful_shutdown": None}
    running = uvicorn.Server(uvicorn.Config(APP, host="127.0.0.1", port=0, **patient))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=running.run, args=([listener],), daemon=True)
    thread.start()
    with socket.create_connection(listener.getsockname()[:2], timeout=20) as dialled:
        dialled.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert dialled.recv(1_000).startswith(b"HTTP/1.1 200")

        running.should_exit = True
        thread.join(20)

    assert not thread.is_alive()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def _all_of(dialled: socket.socket) -> bytes:
    """All that arrives until the server ends the connection."""
    told = b""
    try:
        while part := dialled.recv(65_536):
            told += part
    except ConnectionError:
        pass
    return told


def _read_answers(dialled: socket.socket, count: int) -> bytes:
    told = b""
    while told.count(b"\r\n\r\n3") < count:
        part = dialled.recv(4_096)
        assert part
        told += part
    return told


def _send(dialled: socket.socket, data: bytes) -> None:
    with suppress(ConnectionError):
        dialled.sendall(data)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([frame(TEXT, b"x" * 1_048_576)], id="one large fragment"),
        pytest.param([frame(TEXT, b"x" * 40_000), frame(CONTINUED, b"x" * 40_000)], id="two together"),
        pytest.param([frame(TEXT, b"x")] + [frame(CONTINUED, b"")] * 1_000, id="many empty ones"),
        pytest.param([frame(TEXT | LAST, b"x" * 65_537)], id="a whole message"),
    ],
)
def test_a_message_that_grows_too_large_ends_its_connection(port: int, frames: list[bytes]) -> None:
    with closing(websocket(port)) as dialled:
        _send(dialled, b"".join(frames))
        assert TOO_BIG in _all_of(dialled)


def test_a_message_in_a_few_fragments_arrives(port: int) -> None:
    with closing(websocket(port)) as dialled:
        dialled.sendall(frame(TEXT, b"ab") + frame(CONTINUED, b"cd") + frame(CONTINUED | LAST, b"ef"))
        assert dialled.recv(100) == b"\x81\x06abcdef"


@pytest.mark.parametrize(
    ("begun", "told"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"GET / HTT", b"", id="half a head"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", b"408", id="half a body"),
        pytest.param(
            b"GET /no HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", b"404", id="not waited for"
        ),
    ],
)
def test_a_request_that_does_not_arrive_in_time_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch, begun: bytes, told: bytes
) -> None:
    monkeypatch.setattr(server, "REQUEST_DEADLINE_S", 0.2)
    with closing(dial(port, begun)) as dialled:
        assert told in _all_of(dialled)


def test_a_request_may_follow_another_on_the_same_connection(port: int) -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    with closing(dial(port, request)) as dialled:
        assert b"200 OK" in _read_answers(dialled, 1)
        dialled.sendall(request + request)
        assert _read_answers(dialled, 2).count(b"200 OK") == 2


def test_who_reads_nothing_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STALLED_READER_S", 0.2)
    left = threading.Event()
    end = server.DeadlineHTTP.connection_lost

    def note(self: server.DeadlineHTTP, exc: Exception | None) -> None:
        end(self, exc)
        left.set()

    monkeypatch.setattr(server.DeadlineHTTP, "connection_lost", note)
    with closing(dial(port, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")) as dialled:
        assert left.wait(20)
        assert len(_all_of(dialled)) < len(LARGE)


def test_pings_whose_answers_nobody_reads_are_not_read_either(port: int) -> None:
    pings = frame(PING | LAST, b"x" * 125) * 1_000_000
    with closing(websocket(port)) as dialled:
        dialled.settimeout(3)
        with pytest.raises(TimeoutError):
            dialled.sendall(pings)
