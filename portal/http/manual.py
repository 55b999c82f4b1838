"""The manual: the site that `make docs` builds from `docs/`, for who is signed in.

Its pages have scripts that the portal's policy knows nothing of, so each is sent with the hashes of its own.
"""

import asyncio
import mimetypes
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from backend.errors import AppError, SignInRequired
from backend.i18n.catalog import text
from portal import bridge, routes, session
from portal.http.forms import see_other
from portal.http.plain_page import language_of, render
from portal.plugins.csp import inline_script_hashes

# Beside the packages, in the repository and in an image.
SITE = Path(__file__).parents[2] / "site"
_TYPES = {".js": "text/javascript", ".map": "application/json", ".webp": "image/webp", ".woff2": "font/woff2"}
# Who has signed out since must not find it in a cache on the way.
_KEPT = {"cache-control": "private, no-cache"}
_POLICY = {
    "default-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # the theme sets widths and heights on elements
    "img-src": "'self' data:",
    "worker-src": "'self'",  # the search
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}
# A worker obeys the policy that its own script came with: the search fetches its index and its words.
_POLICY_OF_SCRIPTS = "default-src 'self'; frame-ancestors 'none'"


async def read(request: Request) -> Response:
    """GET: a file of the site; the page of a folder where the address ends with a slash."""
    try:
        await session.of_cookies(request.headers.get("cookie", ""))
    except SignInRequired:
        return see_other(routes.sign_in_again(request.url.path, ""))
    except AppError as error:
        lang = language_of(request)
        problem = bridge.problem_of(error, lang).text
        return _told(request, 503, text("page.manual.nav", lang), problem)
    return await asyncio.to_thread(_answer, request)


def _answer(request: Request) -> Response:
    found = _file_of(request.url.path.removeprefix(routes.MANUAL).removeprefix("/"))
    if request.url.path == routes.MANUAL or (found is not None and found.is_dir()):
        return RedirectResponse(f"{request.url.path}/", status_code=308)
    if found is None:
        return _missing(request)
    return _sent(found)


def _file_of(name: str) -> Path | None:
    """The file or folder of the site that an address names; never one outside of it."""
    try:
        found = (SITE / name).resolve()
        if not found.is_relative_to(SITE.resolve()):
            return None
        if found.is_dir() and (not name or name.endswith("/")):
            found /= "index.html"
        return found if found.exists() else None
    except (OSError, ValueError):  # a name that no file can have
        return None


def _sent(path: Path) -> Response:
    if path.suffix == ".html":
        content, policy = _page(path, path.stat().st_mtime_ns)
        return Response(content, media_type="text/html", headers={**_KEPT, "content-security-policy": policy})
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    own = {"content-security-policy": _POLICY_OF_SCRIPTS} if path.suffix == ".js" else {}
    return Response(path.read_bytes(), media_type=media_type, headers={**_KEPT, **own})


@lru_cache(maxsize=64)
def _page(path: Path, _changed_at: int) -> tuple[bytes, str]:
    """A page and its policy."""
    content = path.read_bytes()
    scripts = " ".join(sorted(inline_script_hashes(content)))
    policy = {**_POLICY, "script-src": f"'self' {scripts}".strip()}
    return content, "; ".join(f"{name} {value}" for name, value in policy.items())


def _missing(request: Request) -> Response:
    lang = language_of(request)
    title, said = text("page.not_found.heading", lang), text("page.not_found.explanation", lang)
    if not SITE.is_dir():
        title, said = text("page.manual.not_built", lang), text("page.manual.how_to_build", lang)
    return _told(request, 404, title, said)


def _told(request: Request, status: int, title: str, explanation: str) -> Response:
    home = text("page.not_found.home", language_of(request))
    return render(
        request,
        "missing",
        status=status,
        title=title,
        explanation=explanation,
        onward=routes.HOME,
        onward_name=home,
    )
