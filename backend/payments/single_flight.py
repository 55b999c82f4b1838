"""Single flight: one call for each key at a time in this process; callers meanwhile share its result."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

# Each who waits keeps a thread.
MOST_WAITING = 4

FlightKey = TypeVar("FlightKey", bound=Hashable)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed(Generic[Result]):
    """Result of a call, and whether this caller made it; None when another caller's failed or is not done yet."""

    result: Result | None
    is_ours: bool


class SingleFlight(Generic[FlightKey, Result]):
    """The work that is under way. Threads may share it."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._lock = threading.Lock()
        self._under_way: dict[FlightKey, Future[Result]] = {}
        self._waiting: Counter[FlightKey] = Counter()

    def is_under_way(self, key: FlightKey) -> bool:
        """Whether a call for this key is under way."""
        return key in self._under_way

    def run(self, key: FlightKey, work: Callable[[], Result], *, patience_s: float) -> Landed[Result]:
        """Run the call, or wait at most ``patience_s`` for the call that is under way.

        What the work raises is raised to who does it; the others get no result, nor do those who find a crowd waiting.
        """
        with self._lock:
            known = self._under_way.get(key)
            mine: Future[Result] = known or Future()
            self._under_way[key] = mine
            if known is not None:
                self._waiting[key] += 1
            is_crowded = self._waiting[key] > MOST_WAITING
        if known is None:
            return Landed(result=self._do(key, mine, work), is_ours=True)
        done, _ = wait([known], 0 if is_crowded else patience_s)
        self._leave(key)
        has_result = bool(done) and known.exception() is None
        return Landed(result=known.result() if has_result else None, is_ours=False)

    def _do(self, key: FlightKey, mine: Future[Result], work: Callable[[], Result]) -> Result:
        try:
            result = work()
        except BaseException:
            self._end(key)
            mine.set_exception(RuntimeError("the work failed for who did it"))
            raise
        self._end(key)
        mine.set_result(result)
        return result

    def _leave(self, key: FlightKey) -> None:
        with self._lock:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]

    def _end(self, key: FlightKey) -> None:
        with self._lock:
            del self._under_way[key]
