"""Client address of a request: as the outermost trusted proxy saw it, in a normal form."""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.config import settings

_FORWARDED = b"x-forwarded-for"
# Some proxies add the port, which a client changes with each connection.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](:\d{1,5})?|(?P<v4>[0-9.]+):\d{1,5}")


class ClientAddress:
    """Makes the client's address the ``client`` of every request and socket, so that nothing else reads headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._hops = settings().trusted_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its address."""
        if scope["type"] in {"http", "websocket"}:
            peer, port = scope.get("client") or ("", 0)
            lines = Headers(scope=scope).getlist("x-forwarded-for")
            kept = [pair for pair in scope["headers"] if pair[0] != _FORWARDED]
            client = (client_address(lines, peer=peer, hops=self._hops), port)
            scope = {**scope, "client": client, "headers": kept}
        await self._app(scope, receive, send)


def client_address(forwarded: Sequence[str], *, peer: str, hops: int) -> str:
    """The address as the outermost of ``hops`` trusted proxies saw it, never the client's claim; else the peer's
    address.

    A client may send a line of its own, and a proxy may add another one instead of appending to it. A word that is no
    address counts as none: otherwise each such word would be another client.
    """
    words = ",".join(forwarded).split(",")
    seen = words[-hops] if 0 < hops <= len(words) else ""
    return _plain_address(seen) or _plain_address(peer) or peer


def _plain_address(word: str) -> str:
    """An address without port, brackets and zone; an IPv4 one that is written as IPv6 in its own form."""
    bare = word.strip().strip('"')
    if found := _WITH_PORT.fullmatch(bare):
        bare = found["v6"] or found["v4"] or ""
    try:
        parsed = ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)
