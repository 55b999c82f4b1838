"""Language and theme: stored in a cookie for the browser and, for signed-in users, with the account."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from backend.accounts import service as accounts
from backend.accounts.types import as_theme
from backend.i18n.catalog import LANGUAGES, as_language
from portal import bridge, routes, session
from portal.http import cookies
from portal.http.forms import see_other, token_of


async def language(request: Request) -> Response:
    """GET: show pages in the language, and go back to where the visitor was. An unknown one changes nothing."""
    response = see_other(routes.own_path(request.query_params.get("next")))
    code = request.path_params["code"]
    if code not in LANGUAGES:
        return response
    lang = as_language(code)
    cookies.set_language(response, lang)
    found = await bridge.attempt(lang, partial(accounts.session_of, token_of(request)))
    if isinstance(found, bridge.Problem) or found is None:
        cookies.note_choice(response)
        return response
    if request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}:
        await bridge.attempt(lang, partial(accounts.set_language, found.actor, lang))
        session.forget(token_of(request))
    return response


async def theme(request: Request) -> Response:
    """POST: keep the theme. The page has changed itself already."""
    chosen = as_theme(request.path_params["code"])
    response = Response(status_code=204)
    cookies.set_theme(response, chosen)
    found = await bridge.attempt("fa", partial(accounts.session_of, token_of(request)))
    if found is not None and not isinstance(found, bridge.Problem):
        await bridge.attempt("fa", partial(accounts.set_theme, found.actor, chosen))
    return response
