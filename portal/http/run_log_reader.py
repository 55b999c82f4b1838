"""The log of a run as this process reads it: from the database once, for all who watch it.

A watcher has a place of its own and takes what follows it. Whoever is far behind reads for itself until it has caught
up, so no line is left out.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from backend.actor import Actor
from backend.db.news import Topic
from backend.errors import AppError, NotFound
from backend.i18n.catalog import Lang
from backend.redaction import readable
from backend.runbooks import service as runs
from backend.runbooks.types import LineKind, RunId, RunLine
from backend.runbooks.words_rules import said_line
from portal import bridge, feeds
from portal.http.log_frames import LONGEST_SHOWN, event
from portal.http.log_streams import FRAME_S

# As many lines as a browser keeps (assets/log.js); whoever comes without a place begins so far before the end.
KEPT_LINES = 5_000
KEPT_CHARACTERS = 2_000_000
LINES_OF_A_FRAME = 2_000
# Behind a pooler no news are heard.
LOOK_AGAIN_S = 2.0
AGAIN_AFTER_S = 1.0
READER = Actor.process_named("run_log")
_TOPICS = (Topic.RUNBOOK_LOG, Topic.RUNBOOKS)


class RunLog:
    """The newest lines of one run. ``is_over`` says that the run has ended and every line of it is here."""

    def __init__(self, run_id: RunId) -> None:
        """Begin with nothing read."""
        self.run_id = run_id
        self.changed = asyncio.Event()
        self.is_begun = self.is_over = False
        self.problem: AppError | None = None
        self.watchers = 0
        self._lines: list[RunLine] = []
        self._size = 0
        self._last = 0
        self._frames: dict[tuple[Lang, int], tuple[bytes, int]] = {}

    @property
    def start(self) -> int:
        """The place from which whoever comes without one reads."""
        return self._lines[0].number - 1 if self._lines else self._last

    async def follow(self) -> None:
        """Read what is written, until nobody watches any more. It survives a database that is away for a while."""
        while self.problem is None:
            try:
                await self._follow()
            except NotFound as gone:
                self.problem = gone
            except AppError:
                await asyncio.sleep(AGAIN_AFTER_S)
        self._tell()

    async def frame(self, after: int, lang: Lang, *, older: int = 0) -> tuple[bytes, int]:
        """The lines that follow a place as an event, and the place after them; nothing where none follow."""
        if self._lines and after < self._lines[0].number - 1:
            lines = await bridge.call(runs.lines, READER, self.run_id, after, LINES_OF_A_FRAME)
            return _event(lines, lang, older), lines[-1].number
        if older:
            return self._framed(after, lang, older)
        if (lang, after) not in self._frames:
            self._frames[lang, after] = self._framed(after, lang, 0)
        return self._frames[lang, after]

    def _framed(self, after: int, lang: Lang, older: int) -> tuple[bytes, int]:
        first = bisect_right(self._lines, after, key=lambda line: line.number)
        lines = self._lines[first : first + LINES_OF_A_FRAME]
        return (_event(lines, lang, older), lines[-1].number) if lines else (b"", after)

    async def _follow(self) -> None:
        if not self.is_begun:
            last = await bridge.call(runs.last_line, READER, self.run_id)
            self._last = max(0, last - KEPT_LINES)
        now = asyncio.get_running_loop().time
        looked_at, look_again_at, is_ended = -1, 0.0, False
        while True:
            seen = feeds.versions(_TOPICS)
            # Before the lines: whoever writes them stores them first, and the end after.
            if looked_at != seen[Topic.RUNBOOKS] or look_again_at < now():
                is_ended = (await bridge.call(runs.run, READER, self.run_id)).is_ended
                looked_at, look_again_at = seen[Topic.RUNBOOKS], now() + LOOK_AGAIN_S
            has_more = await self._read()
            self.is_over = is_ended and not has_more
            if has_more:
                continue
            self._tell()
            await asyncio.sleep(FRAME_S)
            await feeds.moved(seen, LOOK_AGAIN_S)

    async def _read(self) -> bool:
        """Take in what was written since; whether more may be waiting."""
        found = await bridge.call(runs.lines, READER, self.run_id, self._last, KEPT_LINES)
        if found:
            self._last = found[-1].number
            self._lines += found
            self._size += sum(len(line.text) for line in found)
            self._let_go()
            self._frames.clear()
        return len(found) == KEPT_LINES

    def _let_go(self) -> None:
        first = 0
        while len(self._lines) - first > KEPT_LINES or self._size > KEPT_CHARACTERS:
            self._size -= len(self._lines[first].text)
            first += 1
        del self._lines[:first]

    def _tell(self) -> None:
        self.is_begun = True
        self.changed.set()
        self.changed = asyncio.Event()


_watched: dict[tuple[asyncio.AbstractEventLoop, RunId], tuple[RunLog, "asyncio.Task[None]"]] = {}


@asynccontextmanager
async def watched(run_id: RunId) -> AsyncIterator[RunLog]:
    """The log of a run, read for as long as anybody is inside such a block."""
    key = (asyncio.get_running_loop(), run_id)
    if key not in _watched:
        log = RunLog(run_id)
        _watched[key] = (log, asyncio.create_task(log.follow(), name=f"run-log-{run_id}"))
    log, task = _watched[key]
    log.watchers += 1
    try:
        yield log
    finally:
        log.watchers -= 1
        if not log.watchers:
            del _watched[key]
            task.cancel()


def shown_line(line: RunLine, lang: Lang) -> tuple[str, str, str]:
    """A line as a page shows it: its time, its text, and whether it is words of ours or a program's output."""
    words = words_of(line, lang)
    return written_at(line), words if len(words) <= LONGEST_SHOWN else f"{words[:LONGEST_SHOWN]}…", line.kind


def words_of(line: RunLine, lang: Lang) -> str:
    """The text of a line, words of ours in the reader's language."""
    return said_line(line.text, lang) if line.kind is LineKind.WORDS else readable(line.text)


def written_at(line: RunLine) -> str:
    """The time of a line, in UTC."""
    return line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event(lines: Sequence[RunLine], lang: Lang, older: int) -> bytes:
    told = {"lines": [shown_line(line, lang) for line in lines], "dropped": 0, "older": older}
    return event("lines", told, identity=str(lines[-1].number))
