"""The page for unknown addresses: a 404 with a heading and a link, in the reader's language, without any script."""

from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.actor import Actor
from backend.errors import AppError, NotFound
from backend.i18n.catalog import text
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.runbooks import service as runs
from backend.runbooks.types import RunId
from portal import bridge, routes, session
from portal.http.plain_page import language_of, render
from portal.ids import uuid_of
from runbooks import asking_service as asking
from runbooks import service as runbooks

_NOT_FOUND = 404
# By the folder of an address: reads what its last part names, or raises NotFound.
_LOOK_UPS: Mapping[str, Callable[[Actor, str], object]] = {
    routes.INVOICES: lambda actor, named: invoices.invoice(actor, InvoiceId(uuid_of(named))),
    routes.RUNBOOKS: lambda actor, named: runbooks.page(actor, named, "en"),
    routes.ACTIONS: asking.card,
    routes.RUNS: lambda actor, named: runs.run(actor, RunId(uuid_of(named))),
}
# Pages whose own address lies in such a folder.
_PAGES = frozenset({routes.ASK})


class MissingPages:
    """Answers 404 in front of Reflex, which answers 200 for whatever looks like the address of an invoice, a runbook,
    an action or a run, and 404 in Persian only.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on existing pages; answer for the rest."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if await _names_nothing(request):
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


async def _names_nothing(request: Request) -> bool:
    """Whether the address names something that its reader cannot have. Who is no reader is told nothing here."""
    # A page that is built has its file named already.
    folder, _, named = request.url.path.rstrip("/").removesuffix(".html").rpartition("/")
    look_up = _LOOK_UPS.get(folder)
    if look_up is None or f"{folder}/{named}" in _PAGES:
        return False
    try:
        found = await session.of_cookies(request.headers.get("cookie", ""))
        await bridge.call(lambda: look_up(found.actor, named))
    except NotFound:
        return True
    except AppError:
        return False
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
