"""Refuses posts that another site made the browser send."""

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.config import settings
from backend.log import get_logger
from portal.notes import Notes

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_PATH = 200
_OWN_FETCHES = frozenset({"same-origin", "none"})

log = get_logger(__name__)


def is_own(headers: Headers, own_origin: str) -> bool:
    """Whether a request comes from our own pages. One without any browser header carries no browser's cookie either."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    return (origin is None or origin == own_origin) and (site is None or site in _OWN_FETCHES)


class OwnOriginOnly:
    """Answers 403 to a foreign post before any route sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._own_origin = settings().public_url
        self._notes = Notes(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on harmless requests and those of our own origin."""
        is_post = scope["type"] == "http" and scope["method"] not in _SAFE_METHODS
        if is_post and not is_own(Headers(scope=scope), self._own_origin):
            self._notes.warning("http.foreign_post_refused", path=scope["path"][:_LONGEST_PATH])
            await JSONResponse({"error": "foreign_origin"}, status_code=403)(scope, receive, send)
            return
        await self._app(scope, receive, send)
