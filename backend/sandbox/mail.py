"""The laptop's mail box: an SMTP server that keeps every message on disk and shows it on a page.

    python -m backend.sandbox.mail --smtp-port 1025 --port 8025 --folder .local/demo/mail

`GET /` lists, `GET /messages/1` shows one, `GET /api/messages` is the same as JSON, `DELETE /api/messages` forgets,
and `PUT /api/mode` with `refuse`, `reject`, `lose-answer` or `accept` makes the server misbehave.
"""

import argparse
import asyncio
import html
import json
import sys
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from backend.sandbox.pages import page


class Mode(StrEnum):
    """Treatment of the next messages."""

    ACCEPT = "accept"
    REFUSE = "refuse"  # temporarily: try again later
    REJECT = "reject"  # for good
    LOSE_ANSWER = "lose-answer"  # the message is kept, but the sender never hears so


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as its reader sees it."""

    id: int
    received_at: str
    sender: str
    to: str
    subject: str
    message_id: str
    text: str
    html: str


class MailBox:
    """The messages on disk and the present mode."""

    def __init__(self, folder: Path) -> None:
        """Keep messages in a folder, which is made when missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self.mode = Mode.ACCEPT
        self._folder = folder
        self._lock = threading.Lock()

    def keep(self, content: bytes) -> None:
        """Store a message as it came."""
        with self._lock:
            number = max((int(path.stem) for path in self._folder.glob("*.eml")), default=0) + 1
            (self._folder / f"{number:06d}.eml").write_bytes(content)

    def messages(self) -> list[Message]:
        """Every message, newest first."""
        return [_read(path) for path in sorted(self._folder.glob("*.eml"), reverse=True)]

    def message(self, number: int) -> Message | None:
        """The message with this number; None without it."""
        path = self._folder / f"{number:06d}.eml"
        return _read(path) if path.is_file() else None

    def forget(self) -> None:
        """Delete every message."""
        for path in self._folder.glob("*.eml"):
            path.unlink()


def _read(path: Path) -> Message:
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    received = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return Message(
        id=int(path.stem),
        received_at=received.isoformat(timespec="seconds"),
        sender=str(mail["From"] or ""),
        to=str(mail["To"] or ""),
        subject=str(mail["Subject"] or ""),
        message_id=str(mail["Message-ID"] or ""),
        text=_part(mail, "plain"),
        html=_part(mail, "html"),
    )


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


class _SMTPHandler:
    """Answers one SMTP session after the box's mode."""

    def __init__(self, box: MailBox) -> None:
        self._box = box

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        match self._box.mode:
            case Mode.REFUSE:
                return "451 4.3.0 the sandbox was told to refuse for now"
            case Mode.REJECT:
                return "550 5.7.1 the sandbox was told to reject"
            case Mode.LOSE_ANSWER:
                self._box.keep(content)
                if isinstance(server.transport, asyncio.WriteTransport):
                    server.transport.abort()
            case Mode.ACCEPT:
                self._box.keep(content)
        return "250 OK"


def _list_page(box: MailBox) -> str:
    rows = "".join(
        f"<tr><td>{message.received_at}</td><td dir=auto>{html.escape(message.to)}</td>"
        f'<td dir=auto><a href="/messages/{message.id}">{html.escape(message.subject) or "(no subject)"}</a></td></tr>'
        for message in box.messages()
    )
    table = f"<table><tr><th>received</th><th>to</th><th>subject</th></tr>{rows}</table>"
    return page("Mail", table if rows else "<p>No message has arrived yet.</p>", refresh_s=5)


def _message_page(message: Message) -> str:
    fields = {
        "from": message.sender,
        "to": message.to,
        "id": message.message_id,
        "received": message.received_at,
    }
    head = "".join(
        f"<tr><th>{name}</th><td dir=auto>{html.escape(value)}</td></tr>" for name, value in fields.items()
    )
    # A message is a stranger's document: it runs in a frame that may do nothing but open links in a new tab.
    frame = f'<iframe sandbox="allow-popups" srcdoc="{html.escape(message.html)}" title="HTML part"></iframe>'
    return page(
        message.subject,
        f'<p><a href="/">all mail</a></p><table>{head}</table>'
        f"<h2>HTML</h2>{frame if message.html else '<p>none</p>'}"
        f"<h2>Text</h2><pre dir=auto>{html.escape(message.text) or 'none'}</pre>",
    )


class _WebHandler(BaseHTTPRequestHandler):
    """Answers one HTTP request from the box."""

    def __init__(
        self, box: MailBox, connection: socket, address: tuple[str, int], server: ThreadingHTTPServer
    ) -> None:
        self._box = box
        super().__init__(connection, address, server)

    def do_GET(self) -> None:
        if self.path == "/":
            return self._answer(_list_page(self._box))
        if self.path == "/api/messages":
            return self._answer_json([asdict(message) for message in self._box.messages()])
        number = self.path.removeprefix("/messages/")
        message = self._box.message(int(number)) if number.isdecimal() else None
        if message is None:
            return self._answer("not found", HTTPStatus.NOT_FOUND)
        return self._answer(_message_page(message))

    def do_DELETE(self) -> None:
        if self.path != "/api/messages":
            return self._answer("not found", HTTPStatus.NOT_FOUND)
        self._box.forget()
        return self._answer_json([])

    def do_PUT(self) -> None:
        wanted = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode().strip()
        if self.path != "/api/mode" or wanted not in {mode.value for mode in Mode}:
            return self._answer("not found", HTTPStatus.NOT_FOUND)
        self._box.mode = Mode(wanted)
        return self._answer_json({"mode": self._box.mode})

    def _answer_json(self, content: object) -> None:
        self._answer(json.dumps(content, ensure_ascii=False), kind="application/json")

    def _answer(self, body: str, status: HTTPStatus = HTTPStatus.OK, *, kind: str = "text/html") -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Stay silent: the page refreshes itself every few seconds."""


def main(argv: list[str]) -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.mail", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--port", type=int, default=8025)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args(argv)
    box = MailBox(options.folder)
    Controller(_SMTPHandler(box), hostname=options.host, port=options.smtp_port).start()
    ThreadingHTTPServer((options.host, options.port), partial(_WebHandler, box)).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
