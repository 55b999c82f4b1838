"""The one snapshot of a process: a thread reads all sources side by side while somebody looks.

A source that hangs holds one thread and delays no other; its answer, when it comes after all, is kept as the last
known one and does not make the source known again.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Condition, Semaphore, Thread
from typing import Any

from backend import clock
from backend.actor import Actor
from backend.db.engine import limited
from backend.errors import AppError
from backend.log import get_logger
from backend.overview.types import SourceName, SourceReading

# Nobody has looked for so long: reading stops until somebody does.
WATCHED_FOR_S = 60.0
STEP_S = 0.25
TIMEOUT = "timeout"
# Of the spare connections, so that no page waits for one.
CONNECTIONS = 2

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewSource:
    """A source: how it is read, how often, and how long its answer may take until it counts as unknown.

    ``unknown_since`` looks at an answer: one that is kept in memory may itself be unknown since an instant.
    """

    read: Callable[[Actor], object]
    every_s: float
    limit_s: float = 2.0
    unknown_since: Callable[[Any], datetime | None] = lambda _: None


SourceReadings = Mapping[SourceName, SourceReading[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    answer: "Future[_Landed]"
    began_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landed:
    value: object
    took: timedelta


class SourceBoard:
    """The last reading of each source. Threads may share it."""

    def __init__(self, sources: Mapping[SourceName, OverviewSource]) -> None:
        """Name the sources; nothing is read before somebody looks."""
        self._sources = sources
        self._condition = Condition()
        self._readings: dict[SourceName, SourceReading[object]] = {name: SourceReading() for name in sources}
        self._flights: dict[SourceName, _Flight] = {}
        self._tried_at: dict[SourceName, datetime] = {}
        self._version = 0
        self._looked_at: datetime | None = None
        self._actor: Actor | None = None
        self._thread: Thread | None = None
        self._is_closed = False
        self._places = Semaphore(CONNECTIONS)
        self._threads = ThreadPoolExecutor(len(sources), thread_name_prefix="overview")
        self.on_change: Callable[[], None] = lambda: None

    def look(self, actor: Actor, wait_s: float) -> tuple[SourceReadings, int]:
        """The readings and their version. The first look waits for the sources, no longer than ``wait_s``."""
        with self._condition:
            self._actor, self._looked_at = actor, clock.utc_now()
            if self._thread is None and not self._is_closed:
                self._thread = Thread(target=self._run, name="overview", daemon=True)
                self._thread.start()
            self._condition.wait_for(self._is_complete, wait_s)
            return dict(self._readings), self._version

    def close(self) -> None:
        """Read no more; a source that still hangs is left alone."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _is_complete(self) -> bool:
        return self._is_closed or not any(reading.is_pending for reading in self._readings.values())

    def _run(self) -> None:
        # After a pause nothing that was read before it counts as known.
        self._begin_anew()
        while self._is_wanted():
            now = clock.utc_now()
            changed = self._land(now)
            self._start_due(now)
            if changed:
                self.on_change()
            flights = [flight.answer for flight in self._flights.values() if not flight.answer.done()]
            if flights:
                wait(flights, STEP_S, return_when="FIRST_COMPLETED")
            else:
                with self._condition:
                    self._condition.wait(STEP_S)

    def _is_wanted(self) -> bool:
        with self._condition:
            looked_at = self._looked_at
            is_wanted = (
                not self._is_closed
                and looked_at is not None
                and clock.utc_now() - looked_at < timedelta(seconds=WATCHED_FOR_S)
            )
            if not is_wanted:
                self._thread = None
            return is_wanted

    def _begin_anew(self) -> None:
        with self._condition:
            for name, reading in self._readings.items():
                if reading.unknown_since is None:
                    self._readings[name] = SourceReading()
            self._tried_at.clear()

    def _start_due(self, now: datetime) -> None:
        actor = self._actor
        assert actor is not None  # somebody looked, else this thread would not run
        for name, source in self._sources.items():
            tried_at = self._tried_at.get(name)
            if name in self._flights or (
                tried_at is not None and now - tried_at < timedelta(seconds=source.every_s)
            ):
                continue
            self._tried_at[name] = now
            self._start(name, source, actor, now)

    def _start(self, name: SourceName, source: OverviewSource, actor: Actor, now: datetime) -> None:
        # Whoever closes the board holds the lock first, and then the threads take nothing more.
        with self._condition:
            if not self._is_closed:
                answer = self._threads.submit(copy_context().run, self._read, source, actor)
                self._flights[name] = _Flight(answer=answer, began_at=now)

    def _read(self, source: OverviewSource, actor: Actor) -> _Landed:
        began_at = clock.utc_now()
        with limited(self._places):
            value = source.read(actor)
        return _Landed(value=value, took=clock.utc_now() - began_at)

    def _land(self, now: datetime) -> bool:
        """Take what has arrived, and give up what is late; says whether anything changed."""
        changed = False
        for name, flight in list(self._flights.items()):
            limit = timedelta(seconds=self._sources[name].limit_s)
            if flight.answer.done():
                del self._flights[name]
                changed |= self._store(name, _taken(self._readings[name], flight, self._sources[name]))
            elif now - flight.began_at > limit:
                changed |= self._store(name, _failed(self._readings[name], flight.began_at, TIMEOUT))
        return changed

    def _store(self, name: SourceName, reading: SourceReading[object]) -> bool:
        with self._condition:
            known = self._readings[name]
            self._readings[name] = reading
            # Most readings only say once more what is known.
            if replace(reading, read_at=known.read_at) == known:
                return False
            self._version += 1
            self._condition.notify_all()
        return True


def _taken(known: SourceReading[object], flight: _Flight, source: OverviewSource) -> SourceReading[object]:
    error = flight.answer.exception()
    if error is not None:
        return _failed(known, flight.began_at, _cause(error))
    landed = flight.answer.result()
    if (since := source.unknown_since(landed.value)) is not None:
        failed = _failed(known, flight.began_at, "")
        return replace(failed, value=landed.value, read_at=known.read_at or since, unknown_since=since)
    if landed.took > timedelta(seconds=source.limit_s):
        # A source that takes this long each time would come and go with every answer.
        return replace(_failed(known, flight.began_at, TIMEOUT), value=landed.value, read_at=flight.began_at)
    known_since = known.known_since if known.unknown_since is None else None
    return SourceReading(
        value=landed.value, read_at=flight.began_at, known_since=known_since or flight.began_at
    )


def _cause(error: BaseException) -> str:
    if isinstance(error, AppError):
        return str(error.data.get("cause") or error.code)
    # A bug in one source must not take the others away.
    log.exception("overview.source_crashed", caught=error)  # noqa: LOG004 - it names the trace
    return AppError.code


def _failed(known: SourceReading[object], at: datetime, cause: str) -> SourceReading[object]:
    """The reading of a source that did not answer: unknown since it was last known, else since now."""
    return replace(
        known, unknown_since=known.unknown_since or known.read_at or at, known_since=None, cause=cause
    )
