"""Whether a party can be reached at all: a connection is opened and closed, and nothing is said."""

import socket
from urllib.parse import urlsplit

from backend.clients.http import refuse_inside_transaction
from backend.errors import Unavailable

_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465, "redis": 6379, "rediss": 6379}


def open_and_close(url: str, service: str, timeout_s: float) -> None:
    """Open a TCP connection to an address and close it again. It proves that somebody listens there, and no more.

    Raises:
        Unavailable: with ``cause`` timeout or connection.
    """
    refuse_inside_transaction()
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 443)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", port), timeout_s).close()
    except TimeoutError:
        raise Unavailable(service=service, cause="timeout") from None
    except OSError:
        raise Unavailable(service=service, cause="connection") from None
