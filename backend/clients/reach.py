"""Whether a party answers at all: a connection is opened, the least is said, and whatever comes back is an answer."""

import socket
import ssl
import time
from urllib.parse import SplitResult, urlsplit

from backend.clients.http import refuse_inside_transaction
from backend.errors import Unavailable

_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465, "redis": 6379, "rediss": 6379}
_ENCRYPTED = {"https", "smtps", "rediss"}


def await_answer(url: str, service: str, timeout_s: float) -> None:
    """Open a connection to an address and wait for the first word. It proves that somebody answers, and no more.

    Nothing is asked for and no key is sent; a refusal is an answer, too. A server that hangs still takes connections,
    because its kernel does.

    Raises:
        Unavailable: with ``cause`` timeout or connection.
    """
    refuse_inside_transaction()
    try:
        _await_word(urlsplit(url), time.monotonic() + timeout_s)
    except TimeoutError:
        raise Unavailable(service=service, cause="timeout") from None
    except OSError:
        raise Unavailable(service=service, cause="connection") from None


def _await_word(address: SplitResult, deadline: float) -> None:
    host = address.hostname or "127.0.0.1"
    port = address.port or _PORTS.get(address.scheme, 443)
    with _connected(address.scheme, host, port, deadline) as line:
        line.settimeout(_left_s(deadline))
        line.sendall(_least(address.scheme, host))
        if not line.recv(1):
            raise ConnectionResetError


def _connected(scheme: str, host: str, port: int, deadline: float) -> socket.socket:
    plain = socket.create_connection((host, port), _left_s(deadline))
    if scheme not in _ENCRYPTED:
        return plain
    with plain:  # encrypting takes it over, or fails
        plain.settimeout(_left_s(deadline))
        return _tls().wrap_socket(plain, server_hostname=host)


def _least(scheme: str, host: str) -> bytes:
    """The shortest words that make a server of this kind answer; one of mails greets by itself."""
    if scheme.startswith("redis"):
        return b"PING\r\n"
    if scheme.startswith("http"):
        return f"HEAD / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode()
    return b""


def _tls() -> ssl.SSLContext:
    """Encryption without a look at the certificate: nothing is told that anybody could misuse."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _left_s(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError after it."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
