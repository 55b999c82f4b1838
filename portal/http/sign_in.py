"""Signing in and out, and changing one's password: plain form posts, so that no password passes an event."""

from math import ceil

from starlette.requests import Request
from starlette.responses import Response

from backend.accounts import service as accounts
from backend.accounts.rules import address_group, sign_in_name
from backend.accounts.types import SignedIn
from backend.errors import AppError, Invalid, SignInFailed, SignInRequired, TooManyAttempts
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from portal import bridge, routes, session
from portal.bridge import Problem
from portal.http import cookies
from portal.http.forms import address_of, at_field, fields_of, go_on, is_inline, see_other, token_of
from portal.i18n import THEME_COOKIE, language_in
from portal.rate_limiter import RateLimiter

_MAX_USER_AGENT = 300
# Each sign-in costs a tenth of a second of a whole core, also with the right password. Wrong ones wait besides.
ACCOUNT_AT_ONCE = 60.0
ACCOUNT_PER_S = 0.2
ADDRESS_AT_ONCE = 200.0
ADDRESS_PER_S = 1.0

_attempts = RateLimiter()


async def sign_in(request: Request) -> Response:
    """POST: open a session and go on to where the visitor wanted to, or back to the form with a reason."""
    fields = await fields_of(request)
    wanted = routes.own_path(fields.get("next"), otherwise="")
    try:
        _pace(fields.get("email", ""), address_of(request))
        signed_in = await bridge.call_hashing(
            accounts.sign_in,
            fields.get("email", ""),
            fields.get("password", ""),
            address=address_of(request),
            user_agent=request.headers.get("user-agent", "")[:_MAX_USER_AGENT],
        )
        language = await _agreed_language(request, signed_in)
    except AppError as error:
        return _not_signed_in(request, error, wanted)
    except Exception as error:  # noqa: BLE001 - a process edge: the visitor gets a reference, the log the trace
        problem = bridge.unexpected(error, "fa")
        if is_inline(request):
            return at_field("", _unknown(request, problem))
        return see_other(routes.sign_in({"next": wanted, "error": "unknown", "reference": problem.reference}))
    response = go_on(request, wanted or routes.home_of(signed_in.session.actor.role))
    cookies.set_session(response, signed_in.token)
    cookies.set_language(response, language)
    if THEME_COOKIE not in request.cookies and signed_in.session.theme != "system":
        cookies.set_theme(response, signed_in.session.theme)
    cookies.drop_choice(response)
    return response


async def sign_out(request: Request) -> Response:
    """POST: end this browser's session, at once and in the database; or say that it was not done."""
    token = token_of(request)
    try:
        if token:
            await bridge.call(accounts.sign_out, token)
    except Exception as error:  # noqa: BLE001 - a process edge: the visitor gets a reference, the log the trace
        return _still_signed_in(error)
    session.forget(token)
    return _signed_out()


async def sign_out_everywhere(request: Request) -> Response:
    """POST: end all sessions of this person, this one too; or say that it was not done."""
    try:
        if (found := await session.session_of(token_of(request))) is not None:
            await bridge.call(accounts.sign_out_everywhere, found.actor)
    except Exception as error:  # noqa: BLE001 - a process edge: the visitor gets a reference, the log the trace
        return _still_signed_in(error)
    session.forget_everybody()
    return _signed_out()


async def change_password(request: Request) -> Response:
    """POST: replace the password, end all other sessions and give this one a new token."""
    fields = await fields_of(request)
    try:
        found = await session.of_cookies(request.headers.get("cookie", ""))
        renewed = await bridge.call_hashing(
            accounts.change_password,
            found.actor,
            fields.get("old", ""),
            fields.get("new", ""),
            keep=found.id,
        )
    except SignInRequired as error:
        return go_on(request, routes.sign_in({"next": routes.ACCOUNT, **_reason(error)}))
    except AppError as error:
        return _not_changed(request, error)
    except Exception as error:  # noqa: BLE001 - a process edge: the visitor gets a reference, the log the trace
        problem = bridge.unexpected(error, "fa")
        if is_inline(request):
            return at_field("", _unknown(request, problem))
        return see_other(routes.account({"error": "unknown", "reference": problem.reference}))
    session.forget_everybody()
    response = go_on(request, routes.account({"done": "password"}))
    if renewed:
        cookies.set_session(response, renewed)
    return response


def _not_signed_in(request: Request, error: AppError, wanted: str) -> Response:
    """The reason at its field where the page posted, else the form again. It says not which of the two was wrong."""
    if not is_inline(request):
        return see_other(routes.sign_in({"next": wanted, **_reason(error)}))
    words = bridge.problem_of(error, _lang(request)).text
    return at_field("password" if isinstance(error, SignInFailed) else "", words)


def _not_changed(request: Request, error: AppError) -> Response:
    """The reason at the field that it is about where the page posted, else the account page with it."""
    if not is_inline(request):
        return see_other(routes.account(_reason(error)))
    if isinstance(error, SignInFailed):
        return at_field("old", error_text(Invalid(reason="wrong_password"), _lang(request)))
    words = bridge.problem_of(error, _lang(request)).text
    return at_field("new" if isinstance(error, Invalid) else "", words)


def _unknown(request: Request, problem: Problem) -> str:
    return text("error.unknown", _lang(request), reference=problem.reference)


def _lang(request: Request) -> Lang:
    return language_in(request.headers.get("cookie", ""))


def _pace(email: str, address: str) -> None:
    """Count a sign-in to this account from this address, right or wrong. Raises TooManyAttempts."""
    place = address_group(address)
    own = f"{place} {sign_in_name(email)}"
    if not _attempts.try_acquire(own, at_once=ACCOUNT_AT_ONCE, per_s=ACCOUNT_PER_S):
        raise TooManyAttempts(wait_s=ceil(1 / ACCOUNT_PER_S))
    if not _attempts.try_acquire(place, at_once=ADDRESS_AT_ONCE, per_s=ADDRESS_PER_S):
        raise TooManyAttempts(wait_s=ceil(1 / ADDRESS_PER_S))


def _signed_out() -> Response:
    response = see_other(routes.SIGN_IN)
    cookies.drop_session(response)
    # Whoever sits down next must not find the pages with Back.
    response.headers["clear-site-data"] = '"cache"'
    return response


def _still_signed_in(error: Exception) -> Response:
    """The account page with the error. The sign-in page would hide that the sessions live."""
    if isinstance(error, AppError):
        bridge.problem_of(error, "en")
        reason = _reason(error)
    else:
        reason = {"error": "unknown", "reference": bridge.unexpected(error, "fa").reference}
    return see_other(routes.account({**reason, "undone": "sign_out"}))


async def _agreed_language(request: Request, signed_in: SignedIn) -> Lang:
    """The account's language, unless the visitor chose another one right before signing in; then that is kept."""
    header = request.headers.get("cookie", "")
    kept, chosen = signed_in.session.language, language_in(header)
    if cookies.CHOSEN_COOKIE not in session.cookies_in(header) or chosen == kept:
        return kept
    await bridge.call(accounts.set_language, signed_in.session.actor, chosen)
    return chosen


def _reason(error: AppError) -> dict[str, str | int]:
    """The error's code and numbers for the page's address; the page makes the sentence."""
    return {
        "error": error.reason_key,
        **{k: v for k, v in error.data.items() if isinstance(v, int)},
    }
