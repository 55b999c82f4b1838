"""Who sits behind a cookie. Asked at every event, so the answer is kept for a few seconds in this process."""

import time
from hashlib import sha256

import reflex as rx
from starlette.requests import cookie_parser

from backend.accounts import service as accounts
from backend.accounts.types import Session
from backend.config import settings
from backend.errors import SignInRequired
from portal import bridge

REMEMBERED_S = 5.0
_MOST_REMEMBERED = 5_000
_MAX_HEADER = 8_192

_known: dict[bytes, tuple[float, Session | None]] = {}


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


async def session_of(token: str) -> Session | None:
    """The living session of a token.

    Raises:
        Unavailable: the database cannot say; whoever asks must then refuse.
    """
    if not token:
        return None
    key = _key(token)
    now = time.monotonic()
    if (known := _known.get(key)) and known[0] > now:
        return known[1]
    found = await bridge.call(accounts.session_of, token)
    if len(_known) >= _MOST_REMEMBERED:
        _known.clear()
    _known[key] = (now + REMEMBERED_S, found)
    return found


async def current(state: rx.State) -> Session:
    """The session that an event acts for. Raises SignInRequired when it has ended meanwhile."""
    return await of_cookies(state.router.headers.cookie)


async def of_cookies(cookie_header: str) -> Session:
    """The living session of a cookie header. Raises SignInRequired when there is none."""
    found = await session_of(token_in(cookie_header))
    if found is None:
        raise SignInRequired
    return found


def forget(token: str) -> None:
    """Make the next question about this token go to the database."""
    _known.pop(_key(token), None)


def forget_everybody() -> None:
    """Make every next question go to the database: after a revocation, whoever was revoked is out at once."""
    _known.clear()


def _key(token: str) -> bytes:
    return sha256(token.encode()).digest()
