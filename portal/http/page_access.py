"""Access to pages: strangers are redirected to sign-in, other roles to their own home, before a page is sent.

A courtesy and no protection: pages hold no data, and each event and service checks for itself.
"""

import re
from pathlib import Path

from reflex.utils.prerequisites import get_web_dir
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.accounts.types import UserSession
from backend.errors import AppError, SignInRequired
from portal import routes, session
from portal.http.forms import see_other
from portal.pages import roles_of_path

_PLAIN_NAME = re.compile(r"(?:/[a-z0-9-]+)+/?")


class PageAccess:
    """Redirects by session and role, and serves a page's file without a detour over a trailing slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._files = Path(get_web_dir()) / "build" / "client"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a redirect, or pass the request on."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        target = await _elsewhere(scope)
        if target is not None:
            await see_other(target)(scope, receive, send)
            return
        await self._app(self._to_file(scope), receive, send)

    def _to_file(self, scope: Scope) -> Scope:
        path = str(scope["path"])
        if not _PLAIN_NAME.fullmatch(path):
            return scope
        name = f"{path.rstrip('/')}.html"
        if not (self._files / name[1:]).is_file():
            return scope
        return {**scope, "path": name, "raw_path": name.encode()}


async def _elsewhere(scope: Scope) -> str | None:
    path = str(scope["path"]).rstrip("/") or routes.HOME
    roles = roles_of_path(path)
    if roles is None and path not in {routes.HOME, routes.SIGN_IN}:
        return None
    token = session.token_in(Headers(scope=scope).get("cookie", ""))
    try:
        found = await session.session_of(token)
    except AppError:
        return None  # the page itself says that the database is lost, and waits for it
    if found is None:
        return None if path == routes.SIGN_IN else _sign_in(path, scope, had_session=bool(token))
    return _home_unless_allowed(found, roles)


def _home_unless_allowed(found: UserSession, roles: frozenset[str] | None) -> str | None:
    if roles is not None and found.actor.role in roles:
        return None
    return routes.home_of(found.actor.role)


def _sign_in(path: str, scope: Scope, *, had_session: bool) -> str:
    query = scope["query_string"].decode("latin-1")
    if path == routes.HOME:
        return routes.SIGN_IN
    return routes.sign_in_again(path, query, error=SignInRequired.code if had_session else "")
