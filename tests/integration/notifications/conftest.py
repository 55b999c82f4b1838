"""An SMTP server on a port that keeps what it takes and can be told how to misbehave."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from backend.sandbox.processes import free_port
from tests.conftest import forget_caches

RECIPIENT_GONE = "550 5.1.1 no such user"


class Fault(StrEnum):
    NONE = "none"
    BUSY = "451 4.3.0 come again"
    RELAY_DENIED = "554 5.7.1 relay access denied"
    DROP_BEFORE_DATA = "drop before data"
    DROP_AFTER_DATA = "drop after data"
    CLOSING = "421 4.3.2 shutting down"
    BAD_TEXT = "554 5.6.0 this looks like spam"


@dataclass
class PostOffice:
    """What the server took, what it is to do next, and how many connections there were."""

    port: int
    received: list[bytes] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    unknown_reply: str = RECIPIENT_GONE
    fault: Fault = Fault.NONE
    fault_for: str = ""
    connections: int = 0
    at_data: Callable[[], None] = lambda: None

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(content, policy=policy.default) for content in self.received]

    def faulty(self, recipient: str) -> Fault:
        return self.fault if self.fault_for in {"", recipient} else Fault.NONE

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return self.unknown_reply
        fault = self.faulty(address)
        if fault == Fault.DROP_BEFORE_DATA:
            _hang_up(server)
        if fault in {Fault.BUSY, Fault.RELAY_DENIED, Fault.CLOSING}:
            return fault
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        if self.fault == Fault.BAD_TEXT:
            return self.fault
        self.received.append(envelope.content)
        await asyncio.get_running_loop().run_in_executor(None, self.at_data)
        if self.faulty(envelope.rcpt_tos[0]) == Fault.DROP_AFTER_DATA:
            _hang_up(server)
        return "250 OK"


def _hang_up(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()


def start(office: PostOffice, **options: Any) -> Controller:
    controller = Controller(office, hostname="127.0.0.1", port=office.port, **options)
    controller.start()
    return controller


def use_mail_server(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    monkeypatch.setenv("MAIL_FROM", "DocuChat <billing@portal.example>")
    monkeypatch.setenv("PUBLIC_URL", "https://portal.example")
    forget_caches()


@pytest.fixture
def office(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    it = PostOffice(port=free_port())
    controller = start(it)
    use_mail_server(monkeypatch, f"smtp://127.0.0.1:{it.port}")
    try:
        yield it
    finally:
        controller.stop()


@pytest.fixture
def unused_port() -> int:
    return free_port()
