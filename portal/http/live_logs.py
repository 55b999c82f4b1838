"""A pod's log while it is written: server-sent events on the portal's own port.

A browser has six connections to us, so a page opens one stream and only while it is looked at (assets/log.js). What is
sent has no secrets; who reads it must be staff, and is asked again all the time.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from backend.actor import Actor
from backend.deploys import service as deploys
from backend.deploys.types import LogQuery, PodId, PodLogLine
from backend.errors import (
    AppError,
    NotFound,
)
from backend.i18n.catalog import Lang, text
from backend.redaction import Redactor, own_secrets
from portal import bridge
from portal.http.forms import token_of
from portal.http.log_frames import (
    LONGEST_SHOWN,
    BookmarkCount,
    LogBacklog,
    LogBookmark,
    ShownLine,
    event,
)
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
from portal.i18n import language_in

# A log in which nothing is written begins with silence; whoever opens it need not wait for the first line.
OPENING_S = 0.5
TAIL_LINES = 500

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
Batches = AsyncGenerator[tuple[PodLogLine, ...], None]


async def follow(request: Request) -> Response:
    """GET: the log of a pod's container as it is written. Goes on after the event that ``Last-Event-ID`` names.

    A refusal is JSON with a sentence in the reader's language.
    """
    lang = language_in(request.headers.get("cookie", ""))
    try:
        found = await reader_of(token_of(request))
        query, after = _query(request), LogBookmark.of(request.headers.get("last-event-id", ""))
        give_back = open_logs.take(found.id)
        try:
            batches = _batches(found.actor, query, after)
            first = await _first(batches)
        except BaseException:
            give_back()
            raise
    except AppError as error:
        return refusal(error, lang)
    except Exception as error:  # noqa: BLE001 - a process edge: the reader gets a reference, the log the trace
        problem = bridge.unexpected(error, lang)
        return failure(problem.text)
    frames = _frames(batches, first, _Sender(after, own_secrets()), request, lang)
    return LogStream(frames, at_end=give_back)


def _query(request: Request) -> LogQuery:
    """The wanted log. Raises NotFound for names that no pod and no container has."""
    names = [request.path_params["namespace"], request.path_params["pod"]]
    container = request.query_params.get("container", "")
    if not all(_NAME.fullmatch(name) for name in [*names, container or "any"]):
        raise NotFound
    return LogQuery(
        pod=PodId(namespace=names[0], name=names[1]),
        container=container,
        is_previous=request.query_params.get("previous") == "1",
        tail_lines=TAIL_LINES,
    )


async def _first(batches: Batches) -> "asyncio.Task[tuple[PodLogLine, ...]]":
    """The first lines, or a task that still waits for them. Raises why there are none, while it can be told as such."""
    first = asyncio.ensure_future(anext(batches, ()))
    await asyncio.wait([first], timeout=OPENING_S)
    if first.done():
        first.result()
    return first


def _batches(actor: Actor, query: LogQuery, after: LogBookmark | None) -> Batches:
    if query.is_previous:
        return _previous(actor, query)
    since = PodLogLine(at=after.just_before, text="") if after else None
    return deploys.follow_log(actor, query, since)


async def _previous(actor: Actor, query: LogQuery) -> Batches:
    """The end of the log of the container before, which writes no more."""
    yield await bridge.call_network(deploys.read_log, actor, query)


async def _frames(
    batches: Batches,
    first: Awaitable[Sequence[PodLogLine]],
    sender: "_Sender",
    request: Request,
    lang: Lang,
) -> AsyncIterator[bytes]:
    backlog, token = LogBacklog(), token_of(request)
    pump = asyncio.create_task(_pump(batches, first, sender, backlog))
    try:
        quiet_s = 0.0
        while True:
            try:
                await reader_of(token)
            except AppError as error:
                yield end(error, lang)
                return
            frame = backlog.frame()
            if frame:
                quiet_s = 0.0
                yield frame
                await asyncio.sleep(FRAME_S)
            elif backlog.is_over:
                yield _end_of(pump, lang)
                return
            else:
                if quiet_s >= HEARTBEAT_S:
                    quiet_s = 0.0
                    yield HEARTBEAT
                quiet_s += QUIET_S
                await backlog.changed(QUIET_S)
    finally:
        pump.cancel()
        await asyncio.wait([pump])


async def _pump(
    batches: Batches, first: Awaitable[Sequence[PodLogLine]], sender: "_Sender", backlog: LogBacklog
) -> None:
    """Carry lines from the cluster to the reader; secrets go before anything waits."""
    try:
        async with aclosing(batches):
            backlog.add(sender.shown(await first))
            async for batch in batches:
                backlog.add(sender.shown(batch))
    finally:
        backlog.end()


class _Sender:
    """Makes of lines what is sent: without secrets, each once, with a bookmark."""

    def __init__(self, after: LogBookmark | None, secrets: Iterable[str]) -> None:
        self._redactor = Redactor(secrets)
        self._count = BookmarkCount(after)

    def shown(self, lines: Sequence[PodLogLine]) -> list[ShownLine]:
        safe = self._redactor.lines([line.text for line in lines])
        placed = [(line.at, text, self._count.next(line.at)) for line, text in zip(lines, safe, strict=True)]
        return [ShownLine(at, _cut(text), mark) for at, text, mark in placed if mark is not None]


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}…"


def _end_of(pump: "asyncio.Task[None]", lang: Lang) -> bytes:
    error = pump.exception() if pump.done() and not pump.cancelled() else None
    if error is None:
        return event("end", {"why": "ended", "text": text("log.ended", lang), "again": False})
    if isinstance(error, AppError):
        return end(error, lang)
    problem = bridge.unexpected(error, lang) if isinstance(error, Exception) else None
    return event("end", {"why": "failed", "text": problem.text if problem else "", "again": True})
