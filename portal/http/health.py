"""Whether this process lives, and whether it can serve. For load balancers, and for pages that wait."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backend.accounts import service as accounts
from backend.errors import AppError
from portal import bridge

# As long as a token, so that the look-up really asks the database; it opens nothing.
_NOBODYS_TOKEN = "0" * 43


async def live(_request: Request) -> Response:
    """GET: the process answers."""
    return JSONResponse({"status": "live"}, headers={"cache-control": "no-store"})


async def ready(_request: Request) -> Response:
    """GET: 200 when the database answers, else 503 with what is missing."""
    try:
        await bridge.call(accounts.session_of, _NOBODYS_TOKEN)
    except AppError as error:
        return JSONResponse(
            {"status": "waiting", "for": str(error.data.get("service", error.code))},
            status_code=503,
            headers={"cache-control": "no-store", "retry-after": "3"},
        )
    return JSONResponse({"status": "ready"}, headers={"cache-control": "no-store"})
