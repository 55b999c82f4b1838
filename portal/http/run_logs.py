"""The log of a run: followed by server-sent events, and whole as a text file. For the staff; the right is asked again.

The end of a stream is never the end of a run: the page of the run alone says how the run stands.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from backend.errors import AppError, Forbidden, NotFound, SignInRequired, Unavailable
from backend.i18n.catalog import Lang, text
from backend.runbooks import service as runs
from backend.runbooks.types import RunId
from portal import bridge, routes
from portal.http.forms import see_other, token_of
from portal.http.log_frames import event
from portal.http.log_streams import (
    FRAME_S,
    HEARTBEAT,
    HEARTBEAT_S,
    QUIET_S,
    LogStream,
    end,
    failure,
    open_logs,
    reader_of,
    refusal,
)
from portal.http.run_log_reader import RunLog, watched, words_of, written_at
from portal.i18n import language_in
from portal.ids import uuid_of

_STATUS = {
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_LONGEST_PLACE = 9


async def follow(request: Request) -> Response:
    """GET: the log of a run as it is written. Goes on after the line whose number ``Last-Event-ID`` names.

    A refusal is JSON with a sentence in the reader's language.
    """
    lang = language_in(request.headers.get("cookie", ""))
    try:
        found = await reader_of(token_of(request))
        run_id = RunId(uuid_of(request.path_params["run_id"]))
        await bridge.call(runs.run, found.actor, run_id)
        give_back = open_logs.take(found.id)
    except AppError as error:
        return refusal(error, lang)
    except Exception as error:  # noqa: BLE001 - a process edge: the reader gets a reference, the log the trace
        return failure(bridge.unexpected(error, lang).text)
    return LogStream(_frames(run_id, request, lang), at_end=give_back)


async def _frames(run_id: RunId, request: Request, lang: Lang) -> AsyncIterator[bytes]:
    token, place, quiet_s = token_of(request), _place(request), 0.0
    async with watched(run_id) as log:
        older = 0
        while True:
            try:
                await reader_of(token)
                if log.problem:
                    raise log.problem
                changed = log.changed
                if place is None and log.is_begun:
                    place = older = log.start
                frame, place = (b"", place) if place is None else await log.frame(place, lang, older=older)
            except AppError as error:
                yield end(error, lang)
                return
            if frame:
                older, quiet_s = 0, 0.0
                yield frame
                await asyncio.sleep(FRAME_S)
                continue
            if _has_all(log):
                yield event("end", {"why": "ended", "text": text("log.complete", lang), "again": False})
                return
            if quiet_s >= HEARTBEAT_S:
                quiet_s = 0.0
                yield HEARTBEAT
            quiet_s += QUIET_S
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), QUIET_S)


def _has_all(log: RunLog) -> bool:
    return log.is_begun and log.is_over


def _place(request: Request) -> int | None:
    """The number of the last line that the browser has; None when it names none."""
    named = request.headers.get("last-event-id", "")
    is_number = named.isascii() and named.isdecimal() and len(named) <= _LONGEST_PLACE
    return int(named) if is_number else None


async def download(request: Request) -> Response:
    """GET: every line of a run's log, oldest first, as a text file."""
    token, lang = token_of(request), language_in(request.headers.get("cookie", ""))
    try:
        found = await reader_of(token)
        run = await bridge.call(runs.run, found.actor, RunId(uuid_of(request.path_params["run_id"])))
    except SignInRequired:
        return see_other(routes.sign_in_again(routes.run(request.path_params["run_id"]), ""))
    except AppError as error:
        status = _STATUS.get(type(error), HTTPStatus.BAD_REQUEST)
        return JSONResponse({"error": error.code}, status_code=status)
    name = f"run-{run.action}-{run.id}.txt"
    return StreamingResponse(
        _text(token, run.id, lang),
        media_type="text/plain; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


async def _text(token: str, run_id: RunId, lang: Lang) -> AsyncIterator[bytes]:
    place = 0
    # A session that ends meanwhile breaks the answer off, so that nobody takes a part for the whole.
    while lines := await bridge.call(runs.lines, (await reader_of(token)).actor, run_id, place):
        yield "".join(f"{written_at(line)} {line.step} {words_of(line, lang)}\n" for line in lines).encode()
        place = lines[-1].number
