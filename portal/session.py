"""Sessions by cookie. Asked at every event, so answers are cached for a few seconds in this process.

PostgreSQL tells every process when a session ends or an account changes, and then nothing is kept. Where it cannot
tell, behind a pooler, an answer is kept for less than a second.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

import reflex as rx
from starlette.requests import cookie_parser

from backend.accounts import service as accounts
from backend.accounts.types import UserSession
from backend.config import settings
from backend.db.listening import SESSION_NEWS, Listener
from backend.errors import SignInRequired
from portal import bridge

REMEMBERED_S = 5.0
REMEMBERED_WITHOUT_NEWS_S = 0.8
_MOST_REMEMBERED = 5_000
_MAX_HEADER = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class _CachedSession:
    """Cached answer of the database about a token, and whether the visit was recorded."""

    session: UserSession | None
    until: float
    noted_visit: bool


class _SessionCache:
    """The answers of the last seconds. ``age`` grows whenever one is forgotten."""

    def __init__(self) -> None:
        self.answers: dict[bytes, _CachedSession] = {}
        self.age = 0
        self.listener: Listener | None = None


_memory = _SessionCache()


def cookies_in(header: str) -> dict[str, str]:
    """The cookies of a request header; a huge one holds none.

    Read as browsers send them. The standard library's reader gives up at the first cookie that breaks its rules,
    and whoever carries one of another program's would be sent to sign in for ever.
    """
    if not header or len(header) > _MAX_HEADER:
        return {}
    return cookie_parser(header)


def token_in(cookie_header: str) -> str:
    """The session token of a cookie header, or an empty string."""
    return cookies_in(cookie_header).get(settings().cookie_name, "")


async def session_of(token: str, *, notes_visit: bool = True) -> UserSession | None:
    """The living session of a token. A page that asks by itself notes no visit, so that it keeps no session alive.

    Raises:
        Unavailable: the database cannot say; whoever asks must then refuse.
    """
    if not token:
        return None
    key, now = _key(token), time.monotonic()
    known = _memory.answers.get(key)
    if known is not None and known.until > now and (known.noted_visit or not notes_visit):
        return known.session
    age = _memory.age
    found = await bridge.call(accounts.session_of, token, notes_visit=notes_visit)
    # What was read before somebody signed out or was revoked must not outlive that.
    if age == _memory.age:
        if len(_memory.answers) >= _MOST_REMEMBERED:
            _memory.answers.clear()
        _memory.answers[key] = _CachedSession(
            session=found, until=now + _remembered_s(), noted_visit=notes_visit
        )
    return found


async def current(state: rx.State, *, notes_visit: bool = True) -> UserSession:
    """The session that an event acts for. Raises SignInRequired when it has ended meanwhile."""
    return await of_cookies(state.router.headers.cookie, notes_visit=notes_visit)


async def of_cookies(cookie_header: str, *, notes_visit: bool = True) -> UserSession:
    """The living session of a cookie header. Raises SignInRequired when there is none."""
    found = await session_of(token_in(cookie_header), notes_visit=notes_visit)
    if found is None:
        raise SignInRequired
    return found


def forget(token: str) -> None:
    """Make the next question about this token go to the database."""
    _memory.age += 1
    _memory.answers.pop(_key(token), None)


def forget_everybody() -> None:
    """Empty the cache of sessions: after a revocation, the revoked user is out at once."""
    _memory.age += 1
    _memory.answers.clear()


@asynccontextmanager
async def told_of_changes() -> AsyncIterator[None]:
    """Listen inside the block to sessions that other processes end or change."""
    loop = asyncio.get_running_loop()

    def heard(_news: str) -> None:
        loop.call_soon_threadsafe(forget_everybody)

    listener = Listener(SESSION_NEWS, heard)
    _memory.listener = listener
    listener.start()
    try:
        yield
    finally:
        _memory.listener = None
        await asyncio.to_thread(listener.stop)


def _remembered_s() -> float:
    is_told = _memory.listener is not None and _memory.listener.works
    return REMEMBERED_S if is_told else min(REMEMBERED_S, REMEMBERED_WITHOUT_NEWS_S)


def _key(token: str) -> bytes:
    return sha256(token.encode()).digest()
