"""The control loop: who is asked to look at what, now or later."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import islice

from backend.sandbox.kubernetes.store import Change, ObjectKey, Store, maker_of

LoopItem = tuple[str, ObjectKey]
# Returns the seconds after which the object wants to be looked at again, or None.
Sync = Callable[[ObjectKey], float | None]
# How far the cluster's clock, which a test may set forward, can be behind when nothing changes.
_LONGEST_WAIT_S = 1.0
# More would keep the API waiting: a look takes some 0.3 ms.
MOST_AT_ONCE = 200


class ControlLoop:
    """Asks a controller about each object that changed, or whose time has come. Idle, it costs nothing."""

    def __init__(self, store: Store) -> None:
        """Listen to a store."""
        self._store = store
        self._syncs: dict[str, Sync] = {}
        self._dirty: dict[LoopItem, None] = {}
        self._timers: list[tuple[float, LoopItem]] = []
        self._due: dict[LoopItem, float] = {}
        self._woken = asyncio.Event()
        store.listeners.append(self._hear)

    def register(self, plural: str, sync: Sync) -> None:
        """Have a controller asked about the objects of a kind, and about those that one of them made."""
        self._syncs[plural] = sync

    def look_at(self, plural: str, key: ObjectKey) -> None:
        """Have an object looked at in the next step."""
        if plural in self._syncs:
            self._dirty[plural, key] = None
            self._woken.set()

    def forget(self) -> None:
        """Begin anew, as with an empty cluster."""
        self._dirty.clear()
        self._timers.clear()
        self._due.clear()

    def step(self) -> None:
        """Look once at what wants to be looked at now, or at the first of many."""
        now = self._store.now()
        while self._timers and self._timers[0][0] <= now:
            at, item = heapq.heappop(self._timers)
            if self._due.get(item) == at:
                del self._due[item]
                self._dirty[item] = None
        for plural, key in list(islice(self._dirty, MOST_AT_ONCE)):
            del self._dirty[plural, key]
            delay_s = self._syncs[plural](key)
            if delay_s is not None:
                self._later((plural, key), self._store.now() + delay_s)

    async def run(self, pause_s: float) -> None:
        """Step for ever, with a pause after each."""
        while True:
            self.step()
            await asyncio.sleep(pause_s)
            if not self._dirty:
                await self._rest()

    async def _rest(self) -> None:
        self._woken.clear()
        wait_s = _LONGEST_WAIT_S
        if self._timers:
            wait_s = min(wait_s, max(0.0, self._timers[0][0] - self._store.now()))
        try:
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        except TimeoutError:
            return

    def wake(self) -> None:
        """Look at the clock again, which was set."""
        self._woken.set()

    def _later(self, item: LoopItem, at: float) -> None:
        if self._due.get(item, at + 1) > at:
            self._due[item] = at
            heapq.heappush(self._timers, (at, item))

    def _hear(self, change: Change) -> None:
        meta = change.object["metadata"]
        self.look_at(change.plural, (meta.get("namespace", ""), meta["name"]))
        if (maker := maker_of(change.object)) is not None:
            self.look_at(*maker)
