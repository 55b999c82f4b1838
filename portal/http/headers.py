"""Headers around every answer: the content security policy from the build's hashes, and how long things may be kept."""

import json
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.config import settings
from backend.payments import service as payments
from portal import ending
from portal.i18n import SANDBOX_COOKIE
from portal.plugins.csp import hashes_path
from portal.session import cookies_in

_IMMUTABLE = "public, max-age=31536000, immutable"
# The pages' policy is longer than many a file. A file that is opened by itself, such as a picture, may do nothing.
_POLICY_OF_FILES = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def content_security_policy() -> str:
    """The policy of our pages. Scripts need a hash of this build or come from our own files."""
    address = settings().public_url
    socket = address.replace("http", "ws", 1)
    hashes = " ".join(json.loads(hashes_path().read_text())) if hashes_path().exists() else ""
    policy = {
        "default-src": "'self'",
        "script-src": f"'self' {hashes}".strip(),
        "style-src": "'self' 'unsafe-inline'",  # emotion and the chart set styles on elements
        "img-src": "'self' data:",
        "font-src": "'self' data:",
        "connect-src": f"'self' {socket}",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "object-src": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in policy.items())


class SecurityHeaders:
    """Adds the headers to HTTP answers. Other traffic passes untouched, file answers included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._policy = content_security_policy()
        self._fixed = {
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "strict-origin-when-cross-origin",
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
        }
        self._is_sandbox_gateway = payments.is_sandbox_gateway()
        age = "31536000" if self._is_sandbox_gateway else "0"
        secure = "; Secure" if settings().is_https else ""
        # Told before anything is painted: a page whose banner comes later jumps.
        self._sandbox_cookie = f"{SANDBOX_COOKIE}=yes; Path=/; Max-Age={age}; SameSite=Lax{secure}"
        if settings().is_https:
            self._fixed["strict-transport-security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and mark its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_page = headers.get("content-type", "").startswith("text/html")
                # "Not modified" names no type, and its headers replace those that the browser keeps with the page.
                if message["status"] != HTTPStatus.NOT_MODIFIED:
                    headers.setdefault(
                        "content-security-policy", self._policy if is_page else _POLICY_OF_FILES
                    )
                for name, value in self._fixed.items():
                    headers.setdefault(name, value)
                if ending.is_under_way():
                    # The next request is to find a process that stays, perhaps of a newer build.
                    headers["connection"] = "close"
                kept = _IMMUTABLE if _is_hashed_file(scope, message) else "no-cache"
                headers.setdefault("cache-control", kept)
                if is_page and _knows_sandbox(scope) != self._is_sandbox_gateway:
                    headers.append("set-cookie", self._sandbox_cookie)
            await send(message)

        await self._app(scope, receive, marked)


def _knows_sandbox(scope: Scope) -> bool:
    return SANDBOX_COOKIE in cookies_in(Headers(scope=scope).get("cookie", ""))


def _is_hashed_file(scope: Scope, message: Message) -> bool:
    return str(scope["path"]).startswith("/assets/") and message["status"] in {200, 206, 304}
