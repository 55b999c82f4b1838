"""Tells every page whether this is no production, so that the boot script can say so before the first paint."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.config import settings
from portal.i18n import DEVELOPMENT, ENVIRONMENT_COOKIE


class EnvironmentMark:
    """Sets a cookie of the browser's session in development, and removes it in production."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the answer to one for a page carries the mark when the browser lacks it."""
        mark = _mark(Headers(scope=scope)) if scope["type"] == "http" else ""
        if not mark:
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", mark)
            await send(message)

        await self._app(scope, receive, marked)


def _mark(headers: Headers) -> str:
    """The cookie to be set, or nothing."""
    # "Not modified" names no type, so the request tells what is a page.
    if "text/html" not in headers.get("accept", ""):
        return ""
    told = cookie_parser(headers.get("cookie", "")).get(ENVIRONMENT_COOKIE, "")
    if settings().is_production:
        return f"{ENVIRONMENT_COOKIE}=; Path=/; Max-Age=0; SameSite=Lax" if told else ""
    return "" if told == DEVELOPMENT else f"{ENVIRONMENT_COOKIE}={DEVELOPMENT}; Path=/; SameSite=Lax"
