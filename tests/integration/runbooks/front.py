"""A server before another one, which a test can let die: it drops calls, answers 500 or nothing at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import urlsplit

LONGEST_SILENCE_S = 30.0
_OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}


class Way(StrEnum):
    """Ways in which a server is dead."""

    DROPS = "drops"
    BROKEN = "broken"
    SILENT = "silent"


class Front(ThreadingHTTPServer):
    """Hands each call to the server behind it, unless it is dead: for the next calls, or until it is alive again."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(behind)
        self.dead: Way | None = None
        self.plagues: list[Way] = []
        self.is_over = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def way_of_next(self) -> Way | None:
        """How the next call fails; None for one that does not."""
        return self.plagues.pop(0) if self.plagues else self.dead

    def handle_error(self, *_call: object) -> None:
        """Nothing: who called is dead."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""

    def _hand_over(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self.server.way_of_next():
            case Way.BROKEN:
                self._answer(500, [("Content-Type", "text/plain")], b"broken")
            case Way.DROPS:
                self.close_connection = True
            case Way.SILENT:
                self.server.is_over.wait(LONGEST_SILENCE_S)
                self.close_connection = True
            case None:
                self._answer(*self._asked(body))

    def _asked(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        behind = HTTPConnection(self.server.behind.hostname or "", self.server.behind.port, timeout=60)
        try:
            behind.request(self.command, self.path, body=body or None, headers=dict(self.headers.items()))
            answer = behind.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            behind.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in {*_OF_A_CONNECTION, "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _hand_over  # noqa: N815 - the names that the server calls


@contextmanager
def front(behind: str) -> Iterator[Front]:
    """A front in threads of this process, ended on leaving."""
    server = Front(behind)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()
