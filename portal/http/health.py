"""Whether this process lives, and whether it can serve. For load balancers, and for pages that wait."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backend.accounts import service as accounts
from backend.config import settings
from backend.errors import AppError
from portal import bridge, ending, state_store

# As long as a token, so that the look-up really asks the database; it opens nothing.
_NOBODYS_TOKEN = "0" * 43


async def live(_request: Request) -> Response:
    """GET: the process answers, and names the commit that it was built from where that is known."""
    revision = settings().portal_revision
    told = {"status": "live", **({"revision": revision} if revision else {})}
    return JSONResponse(told, headers={"cache-control": "no-store"})


async def ready(_request: Request) -> Response:
    """GET: 200 when the database answers, and Redis where it is needed; else 503 naming the missing part.

    A process that is about to end wants nobody new.
    """
    if ending.is_under_way():
        return _waiting(ending.SERVICE)
    if state_store.is_lost():
        return _waiting(state_store.SERVICE)
    try:
        await bridge.call(accounts.session_of, _NOBODYS_TOKEN)
    except AppError as error:
        return _waiting(str(error.data.get("service", error.code)))
    return JSONResponse({"status": "ready"}, headers={"cache-control": "no-store"})


def _waiting(service: str) -> Response:
    return JSONResponse(
        {"status": "waiting", "for": service},
        status_code=503,
        headers={"cache-control": "no-store", "retry-after": "3"},
    )
