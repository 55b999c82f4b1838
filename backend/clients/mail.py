"""SMTP: one connection for a batch, one verdict for each mail. RFC 5321 says what the reply codes mean.

A reply of 2xx takes responsibility for the mail, 4xx asks to come again, 5xx refuses;
only a refusal that is about the recipient is final.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from backend.clients.http import refuse_inside_transaction
from backend.config import settings
from backend.errors import Unavailable

TIMEOUT_S = 20.0
_PORTS = {"smtp": 25, "smtps": 465}
_DONE = 250
_WILL_FORWARD = 251
_CLOSING = 421
_NO_SUCH_RECIPIENT = {550, 551, 553}
# RFC 3463: 5.1.x is about the address, 5.2.1 a mailbox that is closed; 5.7.x is about us, such as "relay denied".
_ABOUT_THE_RECIPIENT = re.compile(r"5\.(1\.\d+|2\.1)\b")
_ENHANCED = re.compile(r"[245]\.\d+\.\d+\b")


class Outcome(StrEnum):
    """What the server did with a mail."""

    ACCEPTED = "accepted"
    REFUSED_FOR_NOW = "refused_for_now"
    REFUSED_FOR_GOOD = "refused_for_good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the server did with a mail, and its words for it, for example ``550 no such user``."""

    outcome: Outcome
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A finished mail and between whom it travels."""

    sender: str
    recipient: str
    content: bytes


class MailConnection:
    """An open conversation with the mail server."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self._smtp = smtp

    def send(self, envelope: Envelope) -> Verdict:
        """Hand over one mail.

        A recipient that does not exist is refused for good. Everything else that is refused, even with 5xx, may be our
        own or the server's mistake, such as a relay that does not know us, and so is refused for now.

        Raises:
            Unavailable: the connection broke or the server is closing. Whether it took the mail is unknown.
        """
        refuse_inside_transaction()
        with _translated():
            return self._send(envelope)

    def _send(self, envelope: Envelope) -> Verdict:
        code, words = self._smtp.mail(envelope.sender)
        if code != _DONE:
            return self._refused(Outcome.REFUSED_FOR_NOW, code, words)
        code, words = self._smtp.rcpt(envelope.recipient)
        if code not in {_DONE, _WILL_FORWARD}:
            return self._refused(_outcome_of_recipient(code, words), code, words)
        try:
            code, words = self._smtp.data(envelope.content)
        except smtplib.SMTPDataError as refused:
            return self._refused(Outcome.REFUSED_FOR_NOW, refused.smtp_code, refused.smtp_error)
        if code != _DONE:
            return self._refused(Outcome.REFUSED_FOR_NOW, code, words)
        return Verdict(outcome=Outcome.ACCEPTED)

    def _refused(self, outcome: Outcome, code: int, words: bytes | str) -> Verdict:
        if code in {_CLOSING, -1}:
            raise smtplib.SMTPServerDisconnected
        self._smtp.rset()
        return Verdict(outcome=outcome, reply=f"{code} {_text(words)}"[:500])


def _outcome_of_recipient(code: int, words: bytes | str) -> Outcome:
    reply = _text(words)
    is_final = _ABOUT_THE_RECIPIENT.match(reply) if _ENHANCED.match(reply) else code in _NO_SUCH_RECIPIENT
    return Outcome.REFUSED_FOR_GOOD if is_final else Outcome.REFUSED_FOR_NOW


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


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
