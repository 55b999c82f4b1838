"""SMTP: a connection for a batch, a result for each mail. RFC 5321 defines the reply codes.

A reply of 2xx takes responsibility for the mail, 4xx asks to come again, 5xx refuses;
only a refusal that is about the recipient is final.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from backend.clients.http import refuse_inside_transaction
from backend.clients.mail_replies import is_about_the_recipient
from backend.config import settings
from backend.errors import Unavailable

TIMEOUT_S = 20.0
_PORTS = {"smtp": 25, "smtps": 465}
_DONE = 250
_WILL_FORWARD = 251
_CLOSING = 421
_REFUSED = 5
_REPLY_MAX_LENGTH = 500


class DeliveryStatus(StrEnum):
    """The server's decision on a mail."""

    ACCEPTED = "accepted"
    REFUSED_FOR_NOW = "refused_for_now"  # 4xx: come again
    REFUSED_US = (
        "refused_us"  # 5xx that is about us, our text or our provider's limits, or that nobody understands
    )
    REFUSED_FOR_GOOD = "refused_for_good"  # 5xx that says that the recipient takes no mail


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """The server's decision on a mail and its reply, for example ``550 no such user``."""

    status: DeliveryStatus
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A finished mail with its sender and recipient."""

    sender: str
    recipient: str
    content: bytes


class MailConnection:
    """An open conversation with the mail server."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self._smtp = smtp

    def send(self, envelope: Envelope) -> DeliveryResult:
        """Hand over one mail.

        Only a recipient that clearly does not exist is refused for good. Everything else that is refused with 5xx may
        be our own or the server's mistake, such as a relay that does not know us, and another try may succeed.

        Raises:
            Unavailable: the connection broke or the server is closing. Whether it took the mail is unknown.
        """
        refuse_inside_transaction()
        with _translated():
            return self._send(envelope)

    def _send(self, envelope: Envelope) -> DeliveryResult:
        code, words = self._smtp.mail(envelope.sender)
        if code != _DONE:
            return self._refused(code, words, of_recipient=False)
        code, words = self._smtp.rcpt(envelope.recipient)
        if code not in {_DONE, _WILL_FORWARD}:
            return self._refused(code, words)
        try:
            code, words = self._smtp.data(envelope.content)
        except smtplib.SMTPDataError as refused:
            code, words = refused.smtp_code, _bytes(refused.smtp_error)
        if code != _DONE:
            return self._refused(code, words)
        return DeliveryResult(status=DeliveryStatus.ACCEPTED)

    def _refused(self, code: int, words: bytes, *, of_recipient: bool = True) -> DeliveryResult:
        if code in {_CLOSING, -1}:
            raise smtplib.SMTPServerDisconnected
        self._smtp.rset()
        said = words.decode("utf-8", "replace")
        return DeliveryResult(
            status=_status(code, said, of_recipient=of_recipient),
            reply=f"{code} {said}"[:_REPLY_MAX_LENGTH],
        )


def _status(code: int, said: str, *, of_recipient: bool) -> DeliveryStatus:
    if of_recipient and is_about_the_recipient(code, said):
        return DeliveryStatus.REFUSED_FOR_GOOD
    return DeliveryStatus.REFUSED_US if code // 100 == _REFUSED else DeliveryStatus.REFUSED_FOR_NOW


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode()


@contextmanager
def mail_connection(local_name: str) -> Iterator[MailConnection]:
    """A connection to the server of SMTP_URL, encrypted whenever the server offers it; ``local_name`` is how we greet.

    Credentials in the address are sent over an encrypted or a loopback connection only.

    Raises:
        Unavailable: the server cannot be reached, does not speak SMTP, or refuses our credentials.
    """
    refuse_inside_transaction()
    with _translated():
        smtp = _connected(urlsplit(settings().smtp_url.get_secret_value()), local_name)
    try:
        yield MailConnection(smtp)
    finally:
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def _connected(url: SplitResult, local_name: str) -> smtplib.SMTP:
    host, port = url.hostname or "127.0.0.1", url.port or _PORTS[url.scheme]
    smtp: smtplib.SMTP
    if url.scheme == "smtps":
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(host, port, local_hostname=local_name, timeout=TIMEOUT_S, context=context)
    else:
        smtp = smtplib.SMTP(host, port, local_hostname=local_name, timeout=TIMEOUT_S)
    try:
        _introduce(smtp, url)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _introduce(smtp: smtplib.SMTP, url: SplitResult) -> None:
    smtp.ehlo_or_helo_if_needed()
    is_encrypted = url.scheme == "smtps"
    if not is_encrypted and smtp.has_extn("starttls"):
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
        is_encrypted = True
    if not url.username:
        return
    if not is_encrypted and not _is_loopback(url.hostname or ""):
        raise Unavailable(service="mail", cause="unencrypted")
    smtp.login(unquote(url.username), unquote(url.password or ""))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPAuthenticationError as refused:
        raise Unavailable(service="mail", cause="credentials", status=refused.smtp_code) from None
    except smtplib.SMTPResponseException as refused:
        raise Unavailable(service="mail", cause="refused", status=refused.smtp_code) from None
    except TimeoutError:
        raise Unavailable(service="mail", cause="timeout") from None
    except (smtplib.SMTPException, OSError):
        # The cause is dropped on purpose: its text may quote what was said to the server.
        raise Unavailable(service="mail", cause="connection") from None
