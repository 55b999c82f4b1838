"""Whether the Redis that keeps the tabs' states for several web processes answers.

Reflex asks Redis at every event, and answers an error with one more event. So we ask it ourselves each second, and
while it does not answer no event is passed on: every open page says so, and loads itself again when Redis is back.
Without ``REDIS_URL`` the states are kept in this process, and there is nothing to lose.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import reflex as rx
from redis.asyncio import Redis
from redis.exceptions import RedisError
from reflex.istate.manager.redis import StateManagerRedis, enable_keyspace_notifications
from reflex.utils.token_manager import RedisTokenManager
from reflex_base.event.context import EventContext
from reflex_base.utils.exceptions import LockExpiredError

from backend.config import settings
from backend.log import get_logger
from portal.rate_limiter import RateLimiter

SERVICE = "redis"
CHECK_S = 1.0
TIMEOUT_S = 2.0
_NOTES_PER_S = 1 / 60
_PROBE = "portal:probe"
_PROBE_LIFE_S = 10
# What Redis says of itself, without the words that hold an address.
_REASONS = ("NOAUTH", "WRONGPASS", "NOPERM", "READONLY", "OOM", "MISCONF", "LOADING", "MASTERDOWN")
_ECHOES = ("reflex", "redis", "asyncio")

log = get_logger(__name__)

Tell = Callable[[str | None], Awaitable[None]]


class _Knowledge:
    """This process's view of Redis. ``failed`` are tabs whose event has failed meanwhile."""

    def __init__(self) -> None:
        self.is_lost = False
        self.failed: set[str] = set()
        self.wake = asyncio.Event()
        self.loss = asyncio.Event()


_known = _Knowledge()


def is_lost() -> bool:
    """Whether Redis is needed and does not answer."""
    return _known.is_lost


def is_trouble(error: BaseException) -> bool:
    """Whether an event failed because of Redis: it did not answer, or took the state's lock away as too old."""
    return isinstance(error, RedisError | LockExpiredError)


def note_failure(error: Exception) -> None:
    """Have the tab, whose event failed because of Redis, load itself again, and ask Redis at once."""
    log.warning("state_store.event_failed", reason=type(error).__name__)
    _known.failed.add(EventContext.get().token)
    _known.wake.set()


async def done_before_loss(work: Coroutine[Any, Any, None]) -> bool:
    """Do work that asks Redis. Returns False, with the work given up, once Redis is known to be away: it may hang.

    While it is away already the work is done all the same: it must know by itself to ask nothing.
    """
    doing = asyncio.ensure_future(work)
    if not _known.is_lost:
        losing = asyncio.ensure_future(_known.loss.wait())
        await asyncio.wait({doing, losing}, return_when=asyncio.FIRST_COMPLETED)
        losing.cancel()
        if not doing.done():
            doing.cancel()
            return False
    try:
        await doing
    except RedisError:
        _known.wake.set()
        return False
    return True


class LibrariesEcho(logging.Filter):
    """Drops log lines of libraries while Redis is away: they repeat for each tab, all the time."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        return not (_known.is_lost and record.name.partition(".")[0] in _ECHOES)


@asynccontextmanager
async def watched(app: rx.App, tell: Tell) -> AsyncIterator[None]:
    """Ask Redis again and again inside the block. ``tell`` reaches one tab of this process, or all of them."""
    url = settings().redis_url.get_secret_value()
    if not url:
        yield
        return
    client = Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None)
    watch = _Watch(app, client, tell)
    _known.wake, _known.loss = asyncio.Event(), asyncio.Event()
    await watch.look()
    task = asyncio.create_task(watch.go_on())
    try:
        yield
    finally:
        task.cancel()
        _known.is_lost = False
        await client.aclose()


class _Watch:
    """The look at Redis of one process."""

    def __init__(self, app: rx.App, client: Redis, tell: Tell) -> None:
        self._app = app
        self._client = client
        self._tell = tell
        self._notes = RateLimiter()

    async def go_on(self) -> None:
        """Look each second, and at once when an event has failed."""
        while True:
            try:
                async with asyncio.timeout(CHECK_S):
                    await _known.wake.wait()
            except TimeoutError:
                pass
            _known.wake.clear()
            await self.look()

    async def look(self) -> None:
        """Check whether Redis stores a value now, and tell the tabs."""
        was_lost, reason = _known.is_lost, await self._reason()
        if reason is None and was_lost:
            with suppress(RedisError, OSError):  # lost again; the next look says so
                await self._renew()
        _known.is_lost = reason is not None
        (_known.loss.set if _known.is_lost else _known.loss.clear)()
        if reason is not None and self._notes.try_acquire("lost", at_once=1, per_s=_NOTES_PER_S):
            log.error(
                "state_store.lost",
                reason=reason,
                meaning="Redis does not answer; pages wait for it by themselves.",
            )
        if reason is None and was_lost:
            log.info("state_store.found", meaning="Redis answers again; pages load themselves again.")
        failed, _known.failed = _known.failed, set()
        if _known.is_lost and not was_lost:
            await self._tell(None)
        for tab in failed:
            await self._tell(tab)

    async def _reason(self) -> str | None:
        """Reason why Redis cannot store a state; None when it can. A read alone would not notice that it is full."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._client.set(_PROBE, "1", ex=_PROBE_LIFE_S)
        except (RedisError, OSError, TimeoutError) as error:
            said = str(error)
            return next((reason for reason in _REASONS if reason in said), type(error).__name__)
        return None

    async def _renew(self) -> None:
        """Make Reflex begin anew: its connections may hang for ever, and a new Redis was never told to notify."""
        await enable_keyspace_notifications(self._client)
        for pool in self._pools():
            await pool.disconnect(inuse_connections=True)

    def _pools(self) -> list[Any]:
        manager, socket_filter = self._app.state_manager, self._app.event_namespace
        tokens = socket_filter._token_manager if socket_filter else None  # noqa: SLF001 - Reflex shows nobody its connections
        holders = [
            each for each in (manager, tokens) if isinstance(each, StateManagerRedis | RedisTokenManager)
        ]
        return [each.redis.connection_pool for each in holders]
