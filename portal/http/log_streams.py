"""Parts of every log that is followed: who may, how many at once, the answer, and its end in words."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from backend.accounts.types import UserSession
from backend.errors import (
    AppError,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    SignInRequired,
    TooManyAttempts,
    Unavailable,
)
from backend.i18n.catalog import Lang
from portal import bridge, session
from portal.guard import STAFF
from portal.http.endless import mark_endless
from portal.http.log_frames import event

FRAME_S = 0.1
# A reader without news: so often is its right asked again.
QUIET_S = 1.0
# A proxy ends what says nothing for a minute, often for half of one.
HEARTBEAT_S = 15.0
HEARTBEAT = b": still here\n\n"
# A browser has six connections; a person has a second one, and a phone.
MOST_OF_ONE = 12
MOST_IN_ALL = 100

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_STATUS: list[tuple[type[AppError], HTTPStatus]] = [
    (SignInRequired, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Invalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TooManyAttempts, HTTPStatus.TOO_MANY_REQUESTS),
    (Refused, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
]


class OpenLogs:
    """Counts the streams of this process, for each session and in all."""

    def __init__(self) -> None:
        self._open: Counter[object] = Counter()

    def take(self, reader: object) -> Callable[[], None]:
        """Count one more stream; returns what ends it. Raises TooManyAttempts."""
        if self._open[reader] >= MOST_OF_ONE or self._open.total() >= MOST_IN_ALL:
            raise TooManyAttempts(reason="logs", wait_s=int(HEARTBEAT_S))
        self._open[reader] += 1
        is_open = True

        def give_back() -> None:
            nonlocal is_open
            if is_open:
                is_open = False
                self._open[reader] -= 1
                # A reader without a stream is not remembered: sessions come and go for months.
                if not self._open[reader]:
                    del self._open[reader]

        return give_back


open_logs = OpenLogs()


class LogStream(StreamingResponse):
    """The answer; whatever ends it, its place is free again, also when nothing of it was sent."""

    def __init__(self, frames: AsyncIterator[bytes], *, at_end: Callable[[], None]) -> None:
        super().__init__(frames, media_type="text/event-stream", headers=HEADERS)
        self._at_end = at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the frames until one side ends it."""
        mark_endless(scope)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._at_end()


async def reader_of(token: str) -> UserSession:
    """The session that reads. Raises SignInRequired when it has ended, and Forbidden when its role may not."""
    found = await session.session_of(token, notes_visit=False)
    if found is None:
        raise SignInRequired
    if found.actor.role not in STAFF:
        raise Forbidden
    return found


def end(error: AppError, lang: Lang) -> bytes:
    """The last event of a stream: why it ends, and whether to open it again."""
    return event("end", {"why": error.code, **_told(error, lang)})


def _told(error: AppError, lang: Lang) -> dict[str, Any]:
    return {
        "text": bridge.problem_of(error, lang).text,
        "again": isinstance(error, Unavailable | TooManyAttempts),
    }


def refusal(error: AppError, lang: Lang) -> Response:
    """The answer to who may not follow, or to what cannot be followed: JSON with a sentence."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
    return JSONResponse(_told(error, lang), status, headers=HEADERS)


def failure(words: str) -> Response:
    """The answer when a bug of ours keeps a stream from its beginning."""
    return JSONResponse({"text": words, "again": True}, HTTPStatus.INTERNAL_SERVER_ERROR, headers=HEADERS)
