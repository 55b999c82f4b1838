"""Posted forms as short strings, and the check of their origin."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal import session

_MAX_BODY_BYTES = 16_384
_MAX_FIELDS = 12
# The ids of 200 chosen invoices.
_MAX_VALUE = 8_192


class UnreadableFormError(Exception):
    """More was posted than any form of ours holds, or something else than a form."""


async def fields_of(request: Request) -> dict[str, str]:
    """The form's fields, cut to a sane length. Raises UnreadableFormError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise UnreadableFormError
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as wrong:
        raise UnreadableFormError from wrong
    return {name: value[:_MAX_VALUE] for name, value in pairs}


def address_of(request: Request) -> str:
    """The client's address, which ``ClientAddress`` has read."""
    return request.client.host if request.client else ""


def token_of(request: Request) -> str:
    """The session token of a request, or an empty string."""
    return session.token_in(request.headers.get("cookie", ""))


def is_inline(request: Request) -> bool:
    """Whether the page itself posted the form (assets/portal.js), and not the browser."""
    return request.headers.get("accept") == "application/json"


def go_on(request: Request, path: str) -> Response:
    """Send the browser on after a form, whether the page's script or the browser posted it."""
    if not is_inline(request):
        return see_other(path)
    return JSONResponse({"to": path}, headers={"cache-control": "no-store"})


def at_field(field: str, sentence: str) -> Response:
    """Answer with the error of a form's field, or of the form as a whole when ``field`` is empty."""
    return JSONResponse({"field": field, "text": sentence}, headers={"cache-control": "no-store"})


def see_other(path: str) -> RedirectResponse:
    """Go on with a plain GET, which a reload repeats without harm."""
    return RedirectResponse(path, status_code=303, headers={"cache-control": "no-store"})
