"""The page for unknown addresses: a 404 with a heading and a link, in the reader's language, without any script."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import AppError, NotFound
from backend.i18n.catalog import text
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from portal import bridge, routes, session
from portal.http.plain_page import language_of, render
from portal.ids import uuid_of
from runbooks import service as runbooks

_NOT_FOUND = 404


class MissingPages:
    """Answers 404 in front of Reflex, which answers 200 for whatever looks like an invoice's or a runbook's address,
    and 404 in Persian only.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on existing pages; answer for the rest."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if await _names_no_invoice(request) or await _names_no_runbook(request):
            await _missing(request)(scope, receive, send)
            return
        is_missing = False

        async def in_words(message: Message) -> None:
            nonlocal is_missing
            if message["type"] == "http.response.start":
                is_page = Headers(raw=message["headers"]).get("content-type", "").startswith("text/html")
                is_missing = message["status"] == _NOT_FOUND and is_page
            if not is_missing:
                await send(message)

        await self._app(scope, receive, in_words)
        if is_missing:
            await _missing(request)(scope, receive, send)


async def _names_no_invoice(request: Request) -> bool:
    """Whether the address names an invoice that its reader cannot have. Who is no reader is told nothing here."""
    folder, _, named = request.url.path.rstrip("/").rpartition("/")
    if folder != routes.INVOICES:
        return False
    try:
        found = await session.of_cookies(request.headers.get("cookie", ""))
        await bridge.call(lambda: invoices.invoice(found.actor, InvoiceId(uuid_of(named))))
    except NotFound:
        return True
    except AppError:
        return False
    return False


async def _names_no_runbook(request: Request) -> bool:
    """Whether the address names a runbook that there is not. Who is no reader is told nothing here."""
    # A page that is built has its file named already.
    path = request.url.path.rstrip("/").removesuffix(".html")
    folder, _, named = path.rpartition("/")
    if folder != routes.RUNBOOKS or path == routes.ASK:
        return False
    try:
        found = await session.of_cookies(request.headers.get("cookie", ""))
        return named not in runbooks.names(found.actor)
    except AppError:
        return False


def _missing(request: Request) -> Response:
    lang = language_of(request)
    return render(
        request,
        "missing",
        status=_NOT_FOUND,
        title=text("page.not_found.heading", lang),
        explanation=text("page.not_found.explanation", lang),
        onward=routes.HOME,
        onward_name=text("page.not_found.home", lang),
    )
