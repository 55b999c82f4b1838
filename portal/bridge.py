"""The way from the event loop to the services: own threads, and one place that turns errors into sentences."""

import asyncio
import contextvars
import re
import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from threading import Semaphore
from traceback import extract_tb
from typing import ParamSpec, TypeVar

from backend.config import settings
from backend.db import outage, pulse
from backend.db.engine import limited
from backend.errors import AppError, Unavailable
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from backend.log import get_logger
from portal.notes import Notes

NETWORK_THREADS = 4
GATEWAY_THREADS = 16
RETURN_THREADS = 16
# More than these would wait for a gateway that hangs; a payer who is told to look again later loses nothing.
MOST_RETURNS = 64
BILLING_THREADS = 4
# A hash takes 46 MiB and a whole core for a while; more at once would only be slower for everybody.
PASSWORD_THREADS = 2

log = get_logger(__name__)
_notes = Notes(log)
_references: dict[str, str] = {}

REFERENCE = re.compile(r"[0-9a-f]{8}")

P = ParamSpec("P")
T = TypeVar("T")


class ThreadPool(StrEnum):
    """Thread pools as bulkheads: slow work of one kind never takes the threads of another kind.

    Tenants who look at today measure in ``NETWORK``, operators who plan and run in ``BILLING``: a run must not queue
    behind a Prometheus that hangs. Payments are opened in ``GATEWAY``. Payers who return from the bank
    and checks of payments use ``RETURNS``, which refuses work beyond its limit.
    """

    DATABASE = "database"
    NETWORK = "network"
    GATEWAY = "gateway"
    RETURNS = "returns"
    BILLING = "billing"
    PASSWORD = "password"  # noqa: S105 - the name of a pool


# Money may move in these: whoever waits hears how it ended, however late.
_HEARD_TO_THE_END = {ThreadPool.GATEWAY, ThreadPool.RETURNS, ThreadPool.BILLING}
# Work that takes longer than this may wait for a database that hangs.
DOUBT_S = 0.2
LOOK_S = 0.1

# How many connections a pool's threads hold at once. ``DATABASE`` has all that the process keeps, the others share the
# spare ones, so that no crowd in one pool makes another wait for a connection in vain.
CONNECTIONS = {
    ThreadPool.NETWORK: 1,
    ThreadPool.GATEWAY: 2,
    ThreadPool.RETURNS: 2,
    ThreadPool.BILLING: 2,
    ThreadPool.PASSWORD: 1,
}
_under_way: Counter[ThreadPool] = Counter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Error that a page shows instead of its content. ``passes`` says that waiting helps.

    ``since_s`` is the instant since which a lost database has not answered, 0 where that is not known.
    """

    text: str
    reference: str = ""
    passes: bool = False
    since_s: int = 0


@lru_cache(maxsize=len(ThreadPool))
def _threads(pool: ThreadPool) -> ThreadPoolExecutor:
    """The executor of a pool. The database pool has as many threads as connections, so none waits for another."""
    counts = {
        ThreadPool.DATABASE: settings().database_pool_size,
        ThreadPool.NETWORK: NETWORK_THREADS,
        ThreadPool.GATEWAY: GATEWAY_THREADS,
        ThreadPool.RETURNS: RETURN_THREADS,
        ThreadPool.BILLING: BILLING_THREADS,
        ThreadPool.PASSWORD: PASSWORD_THREADS,
    }
    count = counts[pool]
    return ThreadPoolExecutor(count, thread_name_prefix=f"bridge-{pool}")


@lru_cache(maxsize=len(ThreadPool))
def _places(pool: ThreadPool) -> Semaphore:
    return Semaphore(CONNECTIONS.get(pool) or settings().database_pool_size)


async def call(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a service call off the event loop; its result and its errors come back unchanged."""
    return await _run(ThreadPool.DATABASE, partial(work, *args, **kwargs))


async def call_gateway(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``call``, for work that asks the payment gateway."""
    return await _run(ThreadPool.GATEWAY, partial(work, *args, **kwargs))


async def call_network(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``call``, for work that asks a system beside us, such as the cluster."""
    return await _run(ThreadPool.NETWORK, partial(work, *args, **kwargs))


async def call_returning(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``call``, for payers who return from the bank. Raises Unavailable when too many wait for the gateway."""
    return await _run(ThreadPool.RETURNS, partial(work, *args, **kwargs))


async def call_hashing(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``call``, for work that hashes a password."""
    return await _run(ThreadPool.PASSWORD, partial(work, *args, **kwargs))


async def attempt(
    lang: Lang, work: Callable[[], T], *, pool: ThreadPool = ThreadPool.DATABASE
) -> T | Problem:
    """Run a use case off the event loop. An error of any kind comes back as a sentence in the reader's language."""
    try:
        return await _run(pool, work)
    except AppError as error:
        return problem_of(error, lang)
    except Exception as error:  # noqa: BLE001 - a process edge: the reader gets a reference, the log the trace
        return unexpected(error, lang)


def problem_of(error: AppError, lang: Lang) -> Problem:
    """The sentence for an expected error. That another party is away stands in the log too."""
    if isinstance(error, Unavailable):
        kind = f"{error.data.get('service')}:{error.data.get('cause')}"
        _notes.warning("portal.unavailable", kind=kind, **error.data, meaning=error_text(error, "en"))
    is_database = error.data.get("service") == "database"
    if is_database:
        pulse.suspect()
    return Problem(
        text=error_text(error, lang),
        passes=isinstance(error, Unavailable),
        since_s=_silent_since_s() if is_database else 0,
    )


def _silent_since_s() -> int:
    since = outage.since()
    return int(since.timestamp()) if since else 0


def unexpected_words(reference: str, lang: Lang) -> str:
    """The sentence for a bug whose reference comes from an address; foreign text is not repeated."""
    return text("error.unknown", lang, reference=reference if REFERENCE.fullmatch(reference) else "?")


def unexpected(error: Exception, lang: Lang) -> Problem:
    """The sentence for a bug: it holds a short reference that the log holds too. The trace goes to the log only.

    The same bug is written once a minute, and whoever meets it meanwhile gets the reference of that line.
    """
    kind = _kind_of(error)
    left_out = _notes.left_out(kind)
    if left_out is not None:
        _references[kind] = secrets.token_hex(4)
        about = {"left_out": left_out} if left_out else {}
        log.exception("portal.unexpected_error", caught=error, reference=_references[kind], **about)  # noqa: LOG004 - it names the trace
    reference = _references[kind]
    return Problem(text=text("error.unknown", lang, reference=reference), reference=reference)


def _kind_of(error: Exception) -> str:
    """Key of an error for grouping: its type and the lines that led to it."""
    lines = {f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)}
    return f"{type(error).__qualname__} {sorted(lines)}"


async def _run(pool: ThreadPool, work: Callable[[], T]) -> T:
    loop = asyncio.get_running_loop()
    if pool is ThreadPool.RETURNS and _under_way[pool] >= MOST_RETURNS:
        raise Unavailable(service="portal", cause="crowded")
    _under_way[pool] += 1
    limited_work = partial(_work_within, _places(pool), work)
    try:
        answer = loop.run_in_executor(_threads(pool), contextvars.copy_context().run, limited_work)
        return await (answer if pool in _HEARD_TO_THE_END else _unless_silent(answer))
    finally:
        _under_way[pool] -= 1


async def _unless_silent(answer: asyncio.Future[T]) -> T:
    """The answer of a thread. Raises Unavailable as soon as the database is known to hang; the thread goes on alone."""
    wait_s = DOUBT_S
    try:
        while not answer.done():
            await asyncio.wait({answer}, timeout=wait_s)
            if not answer.done():
                pulse.doubt()
                outage.refuse()
                wait_s = LOOK_S
    finally:
        answer.cancel()  # what waits for a thread is not begun any more
    return answer.result()


def _work_within(places: Semaphore, work: Callable[[], T]) -> T:
    with limited(places):
        return work()


def close() -> None:
    """Stop the threads after their current work and forget the notes; the next call starts new threads."""
    _notes.forget()
    for pool in ThreadPool:
        _threads(pool).shutdown(wait=False, cancel_futures=True)
    _threads.cache_clear()
    _places.cache_clear()
