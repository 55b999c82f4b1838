"""Asks PostgreSQL for nothing, again and again, on a connection of its own, to learn in time that it hangs.

A server that hangs ends no connection: who waits for its answer waits for ever. So a process that has people in front
of it looks every few seconds, and at once when somebody waits for longer than usual.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import psycopg

from backend import clock
from backend.db import outage
from backend.db.connecting import CONNECTION, TCP_USER_TIMEOUT_MS
from backend.db.engine import engine
from backend.log import get_logger

# An answer may take so many steps. A stall of this process swallows one of them and is no silence of the database.
STEPS, STEP_S = 4, 0.1
EVERY_S = 5.0
PAUSE_S = 0.1
HANG_UP_S = TCP_USER_TIMEOUT_MS / 1000
"""A server that says nothing for so long is treated as a host that has vanished."""

log = get_logger(__name__)
_running: "list[_Pulse]" = []


@contextmanager
def beating() -> Iterator[None]:
    """Inside the block this process knows whether the database answers."""
    pulse = _Pulse()
    pulse.start()
    _running.append(pulse)
    try:
        yield
    finally:
        _running.remove(pulse)
        pulse.stop()
        outage.end()


def doubt() -> None:
    """Look now: somebody waits for longer than usual. Any thread may call it, as often as it likes."""
    for pulse in _running:
        pulse.doubt()


def suspect() -> None:
    """As ``doubt``, for somebody who was told that the database is away: it counts as away from now on."""
    if _running and outage.since() is None:
        outage.begin(clock.utc_now(), hangs=False)
    doubt()


class _Pulse:
    """A thread with a loop, so that a question can be left to wait while time goes on."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._doubted = asyncio.Event()
        self._is_ended = False
        self._line: psycopg.AsyncConnection[Any] | None = None
        self._question: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._thread = Thread(target=self._run, name="database-pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def doubt(self) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._doubted.set)

    def stop(self) -> None:
        self._is_ended = True
        self.doubt()
        self._thread.join(2.0)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._beat())

    async def _beat(self) -> None:
        while not self._is_ended:
            self._doubted.clear()
            await self._look()
            await asyncio.sleep(PAUSE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._doubted.wait(), EVERY_S)
        await self._leave()

    async def _look(self) -> None:
        """Ask until an answer comes in time."""
        began_at = clock.utc_now()
        while not self._is_ended:
            hangs = await self._trouble()
            if hangs is None:
                if outage.since() is not None:
                    log.warning("database.answers_again")
                outage.end()
                return
            outage.begin(began_at, hangs=hangs)
            await asyncio.sleep(PAUSE_S)

    async def _trouble(self) -> bool | None:
        """None for an answer in time; else whether a question hangs. It is left to wait for as long as that may be."""
        is_new = self._question is None
        question = self._question = self._question or asyncio.create_task(self._ask())
        for _ in range(STEPS):
            await asyncio.wait({question}, timeout=STEP_S)
            if question.done():
                break
        if not question.done():
            if is_new:
                self._asked_at = self._loop.time()
            elif self._loop.time() - self._asked_at > HANG_UP_S:
                self._asked_at = self._loop.time()
                log.warning("database.hung_up")
                outage.hang_up()
            return True
        self._question = None
        error = question.exception()
        if error is None:
            return None if is_new else True
        self._line = None
        return not is_new or isinstance(error, psycopg.errors.ConnectionTimeout)

    async def _ask(self) -> None:
        if self._line is not None:
            with suppress(psycopg.OperationalError):  # the server was started anew meanwhile
                await self._line.execute(b"SELECT 1")
                return
        address = engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._line = await psycopg.AsyncConnection.connect(
            address, autocommit=True, prepare_threshold=None, **CONNECTION
        )
        outage.note(self._line)
        await self._line.execute(b"SELECT 1")

    async def _leave(self) -> None:
        if self._question is not None:
            self._question.cancel()
        if self._line is not None:
            await self._line.close()
