"""A stand-in for a measuring server: it answers what it was told, and remembers what it was asked."""

import gzip
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import httpx
import orjson
import pytest

WHOLE = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}}

Reply = tuple[int, bytes]
Answering = Callable[[str, str], Reply]
"""The answer to a path, and to the fields of a form."""


class StandIn(ThreadingHTTPServer):
    """Answers every request with what it was told, and remembers what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            # The handshake is left to the thread of the exchange.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.headers: list[Mapping[str, str]] = []
        self.location = ""
        self.reply: Callable[[], Reply] = lambda: (200, orjson.dumps(WHOLE))
        self.answer: Answering = lambda _path, _fields: self.reply()
        self.asked: list[tuple[str, str, dict[str, list[str]], str]] = []
        self.drip_s = 0.0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_request: object) -> None:
        """A client that gave up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        encoding = self.headers.get("accept-encoding", "")
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.asked.append((self.command, self.path, parse_qs(body), encoding))
        status, told = self.server.answer(self.path, body)
        packed = gzip.compress(told)
        self.send_response(status)
        if self.server.location:
            self.send_header("location", self.server.location)
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(packed)))
        self.end_headers()
        if not self.server.drip_s:
            self.wfile.write(packed)
            return
        for byte in packed:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(self.server.drip_s)  # a server that only drips is what is being shown

    do_GET = do_POST  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_parts: object) -> None:
        """Tests speak for themselves."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None, *, port: int = 0) -> Iterator[StandIn]:
    """A stand-in that serves, with or without encryption, on a port or on any."""
    server = StandIn(tls, port=port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def passed_on(client: httpx.Client, path: str, fields: str) -> Reply:
    """The answer of the real server that a client talks to."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    told = client.post(path, content=fields, headers=form) if fields else client.get(path)
    return told.status_code, told.content


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with serving() as server:
        yield server
