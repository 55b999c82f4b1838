"""Threads beside the present one."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Thread
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def side_by_side(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Iterator[Callable[[], T]]:
    """Do work in another thread while the block runs, in a copy of its context; yields what waits for the answer.

    The block ends no sooner than the work. What the work raises, only the one who asks for its answer gets.
    """
    with ThreadPoolExecutor(1) as thread:
        context = copy_context()
        yield thread.submit(lambda: context.run(work, *args, **kwargs)).result


class LoopThread:
    """An event loop in a thread of its own, for work that waits for many connections at once."""

    def __init__(self, name: str) -> None:
        """Start the thread; it ends with the process, or by ``close``."""
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, for calls from other threads."""
        return self._loop

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start work on the loop; the answer can be waited for, and cancelling it cancels the work."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The answer of work that is done on the loop. Never call it from the loop itself."""
        return self.submit(work).result()

    @property
    def is_closed(self) -> bool:
        """Whether the thread has ended."""
        return self._loop.is_closed()

    def cancel_all(self, spared: Collection[asyncio.Future[Any]] = ()) -> None:
        """Cancel everything that runs on the loop save what is spared, and wait until it has ended."""
        self.run(self._cancel_all(spared))

    def close(self) -> None:
        """Cancel what still runs, and end the thread. Idempotent."""
        if self.is_closed:
            return
        self.cancel_all()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_all(self, spared: Collection[asyncio.Future[Any]]) -> None:
        others = [one for one in asyncio.all_tasks() - {asyncio.current_task()} if one not in spared]
        # Each begins first: a task that only wraps work would be cancelled without it, and the work never ended.
        await asyncio.sleep(0)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_asyncgens()
