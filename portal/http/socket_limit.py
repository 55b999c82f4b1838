"""Counts open websockets, and refuses one too many before it is a websocket: a refusal costs no memory."""

from collections import Counter

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.log import get_logger
from portal import ending
from portal.notes import Notes
from portal.rate_keys import STRANGER, rate_key

# An office without sessions shares one address; a person has fewer tabs.
MOST_OF_ONE = 200
# One worker serves 1,000 tabs of people. Strangers, who only need the page to sign in, never take all the room.
MOST_OF_STRANGERS = 1_000
MOST_IN_ALL = 2_500
_ENDING = PlainTextResponse("This process ends.", status_code=503, headers={"retry-after": "1"})
_REFUSED = PlainTextResponse("Too many open pages.", status_code=429, headers={"retry-after": "10"})

log = get_logger(__name__)


class SocketLimit:
    """Answers 429 to a websocket of a client that has too many, or when there are too many in all, 503 at the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: Counter[str] = Counter()
        self._notes = Notes(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the socket on and count it while it is open."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        if not ending.takes_sockets():
            await _ENDING(scope, receive, send)
            return
        key = await rate_key(Headers(scope=scope).get("cookie", ""), scope["client"][0])
        if reason := self._refusal(key):
            self._notes.warning("socket.refused", kind=reason, reason=reason, key=key)
            await _REFUSED(scope, receive, send)
            return
        self._open[key] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    def _refusal(self, key: str) -> str:
        if self._open[key] >= MOST_OF_ONE:
            return "too_many_of_one"
        if self._open.total() >= MOST_IN_ALL:
            return "too_many"
        strangers = sum(count for other, count in self._open.items() if other.startswith(STRANGER))
        is_crowded = key.startswith(STRANGER) and strangers >= MOST_OF_STRANGERS
        return "too_many_strangers" if is_crowded else ""
