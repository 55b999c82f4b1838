"""A server on a port that answers every request with what a test put there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True, kw_only=True)
class Answer:
    """The answer to every request from now on."""

    url: str = ""
    status: int = 200
    body: bytes = b""


@contextmanager
def answering() -> Iterator[Answer]:
    """A server until the block ends; set ``body`` and ``status`` to change what it says."""
    answer = Answer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            body = answer.body
            kind, length = "content-type: application/json", f"content-length: {len(body)}"
            head = f"HTTP/1.1 {answer.status} X\r\n{kind}\r\n{length}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        do_GET = do_POST = _answer  # noqa: N815 (named by the parent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by its parent)
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    answer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield answer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
