"""The way of a secret into a run: a plain post over HTTPS, so that it passes no event, no state and no parameter."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backend.actor import OPERATOR_ROLES, Actor, require_role
from backend.errors import AppError, Forbidden, Invalid, SignInRequired, TooManyAttempts, Unavailable
from backend.i18n.catalog import text
from backend.run_inputs import service as run_inputs
from portal import bridge, session
from portal.http.forms import UnreadableFormError, fields_of
from portal.i18n import language_in
from portal.rate_limiter import RateLimiter

FIELD = "secret"
AT_ONCE = 20.0
PER_S = 0.1
_STATUS: dict[type[AppError], HTTPStatus] = {
    SignInRequired: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_given = RateLimiter()


async def give(request: Request) -> Response:
    """POST: keep the field ``secret`` for a run, and answer with the name to ask with: ``{"name": "run-input-..."}``.

    A refusal is ``{"field": "secret", "text": "..."}`` with its status. The secret is never sent back.
    """
    lang = language_in(request.headers.get("cookie", ""))
    try:
        actor = (await session.of_cookies(request.headers.get("cookie", ""))).actor
        require_role(actor, *OPERATOR_ROLES)
        _keep_pace(actor)
        fields = await fields_of(request)
        name = await bridge.call_network(run_inputs.keep, actor, fields.get(FIELD, ""))
    except AppError as error:
        words = bridge.problem_of(error, lang).text
        return _answer({"field": FIELD, "text": words}, _STATUS.get(type(error), HTTPStatus.CONFLICT))
    except UnreadableFormError:
        raise
    except Exception as error:  # noqa: BLE001 - a process edge: the person gets a reference, the log the trace
        problem = bridge.unexpected(error, lang)
        words = text("error.unknown", lang, reference=problem.reference)
        return _answer({"field": FIELD, "text": words}, HTTPStatus.INTERNAL_SERVER_ERROR)
    return _answer({"name": name}, HTTPStatus.CREATED)


def _keep_pace(actor: Actor) -> None:
    """Raise TooManyAttempts for a person who gives more secrets than runs need."""
    if not _given.try_acquire(str(actor.user_id), at_once=AT_ONCE, per_s=PER_S):
        raise TooManyAttempts(reason="run_inputs")


def _answer(told: dict[str, str], status: HTTPStatus) -> Response:
    return JSONResponse(told, status, headers={"cache-control": "no-store"})
