"""A portal on a port that answers as a healthy one does, breaks on demand, and keeps what its ledger is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE = '<form><input id="email"><input id="password"></form>'
POLICY = "default-src 'self'; script-src 'self' 'sha256-x'; frame-ancestors 'none'"
SAFE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
}


@dataclass(slots=True, kw_only=True)
class Portal:
    """What it does, and what it was told."""

    url: str = ""
    revision: str = ""
    broken: set[str] = field(default_factory=set)
    """Addresses that answer 503."""
    unsafe: bool = False
    refuses: list[int] = field(default_factory=list)
    """Codes by which the ledger's door answers next, before it takes messages."""
    told: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, dict[str, str], str]:
        """Code, headers and body for a GET."""
        path, _, _ = path.partition("?")
        headers = {} if self.unsafe else SAFE
        if path in self.broken:
            return 503, headers, "{}"
        if path.startswith("/lang/"):
            return 303, {"set-cookie": f"lang={path[-2:]}", "location": "/sign-in"}, ""
        pages = {
            "/healthz": (200, json.dumps({"status": "live", "revision": self.revision})),
            "/readyz": (200, '{"status": "ready"}'),
            "/sign-in": (200, PAGE),
            "/api/v1/metrics": (200 if self.unsafe else 401, ""),
        }
        if path not in pages:
            return 303, {"location": "/sign-in?next=x"}, ""
        code, body = pages[path]
        return code, headers, body


@contextmanager
def stand_in_portal() -> Iterator[Portal]:
    """A portal that serves until the block ends."""
    portal = Portal()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, headers, body = portal.answer(self.path)
            self._send(code, headers, body)

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if portal.refuses:
                self._send(portal.refuses.pop(0), {}, "refused")
                return
            portal.told.append(message)
            portal.tokens.append(self.headers["authorization"])
            self._send(200, {}, "{}")

        def _send(self, code: int, headers: dict[str, str], body: str) -> None:
            self.send_response(code)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by its parent)
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    portal.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield portal
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
