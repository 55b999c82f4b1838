"""The frames of a live log: lines, a bookmark to go on from, and the number of lines that a slow reader missed."""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

# What waits for a reader who does not take it. A minute of a busy log; memory of all streams stays below 200 MB.
MOST_WAITING_LINES = 20_000
MOST_WAITING_CHARACTERS = 2_000_000
MOST_LINES_OF_A_FRAME = 2_000
# A line of a browser's window. What follows is a dump that nobody reads there.
LONGEST_SHOWN = 4_000

_BOOKMARK = re.compile(r"(?P<at>2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)/(?P<lines>\d{1,9})")
_NANOSECONDS = 9


@dataclass(frozen=True, slots=True)
class LogBookmark:
    """A place in a log: the time of a line, and how many lines of exactly this time were sent."""

    at: str
    lines: int

    @classmethod
    def of(cls, written: str) -> "LogBookmark | None":
        """The bookmark that a browser sends back; None when it is none of ours."""
        found = _BOOKMARK.fullmatch(written)
        if found is None or _parsed(found["at"]) is None:
            return None
        return cls(at=found["at"], lines=int(found["lines"]))

    def __str__(self) -> str:
        """The bookmark as the browser keeps it."""
        return f"{self.at}/{self.lines}"

    @property
    def just_before(self) -> str:
        """The last moment before the line, to the nanosecond."""
        whole, fraction = _parsed(self.at) or (datetime.now(UTC), 0)
        if fraction == 0:
            whole, fraction = whole - timedelta(seconds=1), 10**_NANOSECONDS
        return f"{whole:%Y-%m-%dT%H:%M:%S}.{fraction - 1:09d}Z"


def _parsed(at: str) -> tuple[datetime, int] | None:
    second, _, fraction = at.removesuffix("Z").partition(".")
    with suppress(ValueError):
        whole = datetime.fromisoformat(second).replace(tzinfo=UTC)
        return whole, int(fraction.ljust(_NANOSECONDS, "0") or 0)
    return None


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line as it is sent: its time, its text without secrets, and the place after it."""

    at: str
    text: str
    bookmark: LogBookmark


class BookmarkCount:
    """Gives each line its bookmark, and leaves out those that were sent before the stream was opened again."""

    def __init__(self, after: LogBookmark | None = None) -> None:
        """Begin after a bookmark."""
        self._again = after
        self._last = LogBookmark("", 0)

    def next(self, at: str) -> LogBookmark | None:
        """The bookmark after a line of this time, or None when it was sent before."""
        self._last = LogBookmark(at, self._last.lines + 1 if at == self._last.at else 1)
        again = self._again
        if again is None or at != again.at:
            return self._last
        return self._last if self._last.lines > again.lines else None


class LogBacklog:
    """Lines on their way to a reader. When it takes none, the oldest are left out and counted."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lines: deque[ShownLine] = deque()
        self._size = 0
        self._dropped = 0
        self._changed = asyncio.Event()
        self.is_over = False

    def add(self, lines: Sequence[ShownLine]) -> None:
        """Take lines in."""
        for line in lines:
            self._lines.append(line)
            self._size += len(line.text)
        while len(self._lines) > MOST_WAITING_LINES or self._size > MOST_WAITING_CHARACTERS:
            self._size -= len(self._lines.popleft().text)
            self._dropped += 1
        if lines:
            self._changed.set()

    def end(self) -> None:
        """No more lines will come."""
        self.is_over = True
        self._changed.set()

    async def changed(self, timeout_s: float) -> None:
        """Wait for lines or the end, for a while."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout_s)

    def frame(self) -> bytes:
        """The next lines as an event, or nothing."""
        if not self._lines:
            self._changed.clear()
            if self.is_over:
                self._changed.set()
            return b""
        taken = [self._lines.popleft() for _ in range(min(len(self._lines), MOST_LINES_OF_A_FRAME))]
        self._size -= sum(len(line.text) for line in taken)
        dropped, self._dropped = self._dropped, 0
        told = {"lines": [(line.at, line.text) for line in taken], "dropped": dropped}
        return event("lines", told, identity=str(taken[-1].bookmark))


def event(name: str, told: object, *, identity: str = "") -> bytes:
    """A server-sent event."""
    given = f"id: {identity}\n" if identity else ""
    return f"{given}event: {name}\ndata: ".encode() + orjson.dumps(told) + b"\n\n"
