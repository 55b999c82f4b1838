"""A container's log, followed across broken streams: no line is lost, and none comes twice."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from backend.clients.kubernetes import Kubernetes, LogPlace
from backend.errors import NotFound, Refused, Unavailable

MOST_BUFFERED = 5_000
"""Lines that are read ahead of the reader; then the kubelet has to wait."""
TOGETHER_S = 0.05
"""Lines within this time are handed over together."""
SILENCE_S = 5.0
"""An empty batch is handed over after this time, so that the reader's reader can be looked after."""
AGAIN_S = 1.0
GIVE_UP_S = 30.0

LogInstant = tuple[int, int]
"""Seconds since 1970, and nanoseconds."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line and its time in the cluster's own writing."""

    at: str
    text: str


def instant_of(at: str) -> LogInstant:
    """The instant of a time as logs write it, ``2026-11-28T11:40:51.123456789Z`` with any number of digits.

    Raises:
        ValueError: it is no time.
    """
    zone_at = max(at.rfind("Z"), at.rfind("+"), at.rfind("-"))
    whole, _, digits = at[:zone_at].partition(".")
    seconds = datetime.fromisoformat(whole + at[zone_at:]).timestamp()
    return int(seconds), int(digits[:9].ljust(9, "0"))


class LogCursor:
    """The place up to which a log was read. Lines may share an instant, so those of the last one are counted."""

    def __init__(self, last: str = "") -> None:
        """Begin after the line with this time, or at the first line."""
        self.last: LogInstant | None = instant_of(last) if last else None
        self._seen_at_last = 1 if last else 0
        self._to_skip = self._seen_at_last

    @property
    def since(self) -> str:
        """The second from which the log must be read again; empty when nothing was read."""
        if self.last is None:
            return ""
        return datetime.fromtimestamp(self.last[0], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def reopen(self) -> None:
        """The log is read again from ``since`` on: what was read comes once more."""
        self._to_skip = self._seen_at_last

    def is_new(self, at: str) -> bool:
        """Whether the next line of the stream, with this time, was not read before."""
        now = instant_of(at)
        if self.last is None or now > self.last:
            self.last, self._seen_at_last, self._to_skip = now, 1, 0
            return True
        if now < self.last:
            return self._to_skip == 0
        if self._to_skip:
            self._to_skip -= 1
            return False
        self._seen_at_last += 1
        return True


class FollowedLog:
    """A log that is read on the client's loop and handed over in batches to any other."""

    def __init__(
        self,
        client: Kubernetes,
        place: LogPlace,
        *,
        tail_lines: int,
        after: str = "",
        is_over: Callable[[], bool],
    ) -> None:
        """``after`` is the time of the last line that the reader has; ``is_over`` says whether no line can follow."""
        self._client = client
        self._place = place
        self._tail_lines = tail_lines
        self._cursor = LogCursor(after)
        self._is_over = is_over
        self._lines: deque[LogLine] = deque()
        self._has_lines = asyncio.Event()
        self._has_room = asyncio.Event()
        self._error: Exception | None = None
        self._is_ended = False

    async def batches(self) -> AsyncGenerator[list[LogLine], None]:
        """The lines, some at a time, until no line can follow. An empty batch means that nothing was written."""
        reading = self._client.thread.submit(self._read())
        try:
            while (batch := await asyncio.wrap_future(self._client.thread.submit(self._next()))) is not None:
                yield batch
        finally:
            reading.cancel()

    async def _next(self) -> list[LogLine] | None:
        try:
            async with asyncio.timeout(SILENCE_S):
                await self._has_lines.wait()
        except TimeoutError:
            return []
        if not self._is_ended:
            await asyncio.sleep(TOGETHER_S)
        batch = list(self._lines)
        self._lines.clear()
        self._has_room.set()
        if not self._is_ended:
            self._has_lines.clear()
        elif not batch:
            if self._error:
                raise self._error
            return None
        return batch

    async def _read(self) -> None:
        try:
            await self._read_all()
        except (NotFound, Refused, Unavailable) as error:
            self._error = error
        finally:
            self._is_ended = True
            self._has_lines.set()

    async def _read_all(self) -> None:
        loop = asyncio.get_running_loop()
        is_open, works_at = False, loop.time()
        while True:
            try:
                await self._read_stream()
                is_open, works_at = True, loop.time()
            except NotFound:
                if is_open or self._cursor.last:
                    return  # the pod was there and is gone
                raise
            except Refused as error:
                # 400 while the container has not started, and between two containers.
                if error.data.get("reason") != "kubernetes_rejected":
                    raise
            except Unavailable:
                if loop.time() - works_at > GIVE_UP_S:
                    raise
            if self._is_over():
                return
            await asyncio.sleep(AGAIN_S)

    async def _read_stream(self) -> None:
        """Read the stream until it ends. Reading again begins at the second of the last line."""
        since = self._cursor.since
        self._cursor.reopen()
        lines = self._client.stream_log(
            self._place, tail_lines=None if since else self._tail_lines, since=since
        )
        async with aclosing(lines):
            async for line in lines:
                at, _, text = line.partition(" ")
                if self._cursor.is_new(at):
                    await self._keep(LogLine(at, text))

    async def _keep(self, line: LogLine) -> None:
        while len(self._lines) >= MOST_BUFFERED:
            self._has_room.clear()
            await self._has_room.wait()
        self._lines.append(line)
        self._has_lines.set()
