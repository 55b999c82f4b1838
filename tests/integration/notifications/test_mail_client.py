"""The SMTP client: encrypted when it can be, careful with credentials, patient only for so long."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from backend.clients import mail
from backend.clients.mail import DeliveryStatus, mail_connection
from backend.errors import Unavailable
from backend.sandbox.processes import free_port
from tests.conftest import forget_caches
from tests.integration.notifications.conftest import Fault, PostOffice, start

CERTIFICATE = Path(__file__).with_name("loopback.pem")  # our own, for localhost only, until 2126
LETTER = mail.Envelope(
    sender="billing@portal.example", recipient="a@tenant.example", content=b"Subject: hi\r\n\r\n.dot\r\n"
)


@pytest.fixture
def bare_office(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget_caches()
    yield PostOffice(port=free_port())
    forget_caches()


@contextmanager
def serving(
    office: PostOffice, url: str, monkeypatch: pytest.MonkeyPatch, **options: object
) -> Iterator[Controller]:
    monkeypatch.setenv("SMTP_URL", url.format(port=office.port))
    forget_caches()
    controller = start(office, **options)
    try:
        yield controller
    finally:
        controller.stop()


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


def expecting(name: bytes, password: bytes, seen: list[bytes]) -> dict[str, object]:
    def authenticator(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        seen.append(data.password)
        return AuthResult(success=(data.login, data.password) == (name, password), handled=False)

    return {"authenticator": authenticator, "auth_require_tls": False}


def send() -> mail.DeliveryResult:
    with mail_connection("portal.example") as connection:
        return connection.send(LETTER)


def test_a_mail_arrives_byte_for_byte(bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(bare_office, "smtp://127.0.0.1:{port}", monkeypatch):
        assert send().status == DeliveryStatus.ACCEPTED

    assert bare_office.received == [LETTER.content]


def test_encryption_is_used_when_it_is_offered(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    options = {"tls_context": server_context(), "require_starttls": True}
    with serving(bare_office, "smtp://localhost:{port}", monkeypatch, **options):
        assert send().status == DeliveryStatus.ACCEPTED


def test_a_certificate_that_nobody_vouches_for_stops_the_mail(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"tls_context": server_context()}
    with (
        serving(bare_office, "smtp://localhost:{port}", monkeypatch, **options),
        pytest.raises(Unavailable) as trouble,
    ):
        send()

    assert trouble.value.key == "error.unavailable.mail"
    assert bare_office.received == []


def test_smtps_is_encrypted_from_the_first_byte(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with serving(bare_office, "smtps://localhost:{port}", monkeypatch, ssl_context=server_context()):
        assert send().status == DeliveryStatus.ACCEPTED


def test_credentials_of_the_address_are_decoded_and_used(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    options = expecting(b"portal@relay", b"p/w:1", seen)
    with serving(bare_office, "smtp://portal%40relay:p%2Fw%3A1@127.0.0.1:{port}", monkeypatch, **options):
        assert send().status == DeliveryStatus.ACCEPTED

    assert seen == [b"p/w:1"]


def test_wrong_credentials_are_trouble_of_the_service_and_are_not_quoted(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = expecting(b"portal", b"right", [])
    with (
        serving(bare_office, "smtp://portal:wrong-one@127.0.0.1:{port}", monkeypatch, **options),
        pytest.raises(Unavailable) as trouble,
    ):
        send()

    assert trouble.value.data["cause"] == "credentials"
    assert "wrong-one" not in repr(trouble.value)


def test_credentials_never_travel_unencrypted_beyond_this_machine(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    options = expecting(b"portal", b"secret", seen)
    # 0.0.0.0 reaches this machine, too, and is no loopback address.
    with (
        serving(
            bare_office,
            "smtp://portal:secret@0.0.0.0:{port}",
            monkeypatch,
            **options,
        ),
        pytest.raises(Unavailable) as trouble,
    ):
        send()

    assert trouble.value.data["cause"] == "unencrypted"
    assert seen == []


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("550 5.1.1 no such user", DeliveryStatus.REFUSED_FOR_GOOD),
        ("550 5.7.1 relay access denied", DeliveryStatus.REFUSED_US),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", DeliveryStatus.REFUSED_US),
        ("554 go away", DeliveryStatus.REFUSED_US),
        ("451 4.3.0 come again", DeliveryStatus.REFUSED_FOR_NOW),
    ],
)
def test_only_a_missing_recipient_is_final(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch, reply: str, status: DeliveryStatus
) -> None:
    bare_office.unknown, bare_office.unknown_reply = {LETTER.recipient}, reply
    with serving(bare_office, "smtp://127.0.0.1:{port}", monkeypatch):
        assert send() == mail.DeliveryResult(status=status, reply=reply)


def test_a_refused_text_is_tried_again_and_leaves_the_connection_usable(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare_office.fault = Fault.BAD_TEXT
    with (
        serving(bare_office, "smtp://127.0.0.1:{port}", monkeypatch),
        mail_connection("portal.example") as connection,
    ):
        assert connection.send(LETTER).status == DeliveryStatus.REFUSED_US
        bare_office.fault = Fault.NONE
        assert connection.send(LETTER).status == DeliveryStatus.ACCEPTED


@pytest.mark.parametrize(
    ("greeting", "cause"),
    [
        pytest.param(b"", "timeout", id="silent"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", "connection", id="not SMTP"),
        pytest.param(b"554 no service here\r\n", "refused", id="refuses everybody"),
    ],
)
def test_a_server_that_does_not_serve_is_unavailable_before_long(
    bare_office: PostOffice, monkeypatch: pytest.MonkeyPatch, greeting: bytes, cause: str
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_S", 0.3)
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{bare_office.port}")
    forget_caches()
    over = threading.Event()

    def greet() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(greeting)
            over.wait(10)

    with create_server(("127.0.0.1", bare_office.port)) as listener:
        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(Unavailable) as trouble:
            send()
        over.set()
        thread.join()

    assert trouble.value.data["service"] == "mail"
    assert trouble.value.data["cause"] in {cause, "refused", "connection"}
