"""Answers only for the portal's own address, so that nothing is built from a name that a client made up."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.config import settings
from portal import routes
from portal.http import openapi

# Probes, scrapes and doors may name the machine, not the site; their answers name nothing.
_ANY_HOST = frozenset(
    {routes.LIVE, routes.READY, routes.METRICS, routes.OPENAPI, *(door.path for door in openapi.DOORS)}
)


class OwnHostOnly:
    """Answers 421 to another host's name. What passes carries the public scheme, which a proxy may have taken off."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        own = urlsplit(settings().public_url)
        self._scheme = {"http": own.scheme, "websocket": own.scheme.replace("http", "ws", 1)}
        self._hosts = {own.netloc, f"{own.hostname}:{own.port or (443 if settings().is_https else 80)}"}
        self._refusal = PlainTextResponse(f"This is {settings().public_url}\n", status_code=421)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on requests for this host."""
        if scope["type"] not in self._scheme or scope["path"] in _ANY_HOST:
            await self._app(scope, receive, send)
        elif self._is_own(scope):
            await self._app({**scope, "scheme": self._scheme[scope["type"]]}, receive, send)
        else:
            await self._refusal(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        hosts = Headers(scope=scope).getlist("host")
        return len(hosts) == 1 and hosts[0].lower() in self._hosts
