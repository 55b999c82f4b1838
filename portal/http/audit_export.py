"""The audit trail as JSON lines, for the staff. The right is asked for again at each thousand entries."""

from collections.abc import AsyncIterator

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from backend.actor import Actor
from backend.audit import service as audit
from backend.audit.types import AuditEntry, AuditKey, AuditSearch
from backend.clock import utc_now
from backend.errors import AppError, Forbidden, SignInRequired, Unavailable
from portal import bridge, routes, session
from portal.audit_search import key_of, search_in
from portal.http.forms import see_other, token_of

_STATUS = {Forbidden: 403, Unavailable: 503}


async def export(request: Request) -> Response:
    """GET: every entry of the search that the address names, oldest first, as an attachment."""
    token = token_of(request)
    try:
        actor = await _reader(token)
        wanted = search_in(request.query_params)
        await bridge.call(audit.begin_export, actor, wanted)
    except SignInRequired:
        return see_other(routes.sign_in_again(routes.AUDIT, request.url.query))
    except AppError as error:
        return JSONResponse({"error": error.code}, status_code=_STATUS.get(type(error), 400))
    name = f"audit-{utc_now():%Y%m%d-%H%M%S}.jsonl"
    return StreamingResponse(
        _lines(token, wanted),
        media_type="application/x-ndjson",
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


async def _lines(token: str, wanted: AuditSearch) -> AsyncIterator[bytes]:
    place: AuditKey | None = None
    # A session that ends meanwhile breaks the answer off, so that nobody takes a part for the whole.
    while found := await bridge.call(audit.export_next, await _reader(token), wanted, place):
        yield b"".join(map(_line, found))
        place = key_of(found[-1])


async def _reader(token: str) -> Actor:
    found = await session.session_of(token, notes_visit=False)
    if found is None:
        raise SignInRequired
    return found.actor


def _line(entry: AuditEntry) -> bytes:
    event = entry.event
    told = {
        "id": entry.id,
        "at": event.at.isoformat(timespec="microseconds"),
        "actor": event.actor,
        "action": event.action,
        "target": event.target,
        "detail": event.detail,
        "previous_hash": entry.previous_hash.hex(),
        "hash": entry.hash.hex(),
    }
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)
