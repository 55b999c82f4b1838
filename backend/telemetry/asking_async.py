"""Asking the SDK: along a chain of models, with every answer and stream counted.

`asking` is made from `asking_async` by `python -m tests.twins`; only the latter is edited.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from json import JSONDecodeError
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from openai import OpenAIError

from backend.telemetry.fallback import Walk, check_first
from backend.telemetry.options import model_of, refuse_unmetered
from backend.telemetry.reading import ParsedAnswer
from backend.telemetry.sdk import SDKResponse
from backend.telemetry.tally import StreamTally, count_answer

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

AsyncSDKCall = Callable[..., Awaitable[T]]


class AsyncSDKStream(Protocol[T_co]):
    """The part of the SDK's stream that we use."""

    @property
    def response(self) -> SDKResponse:
        """The answer that carries it."""

    def __aiter__(self) -> AsyncIterator[T_co]:
        """The events in order."""

    async def close(self) -> None:
        """Release the connection."""


class AsyncMeteredStream(Generic[T]):
    """A stream that counts itself when it ends: read to its end, closed, failed, or dropped by its reader."""

    def __init__(self, first: list[T], rest: AsyncGenerator[T, None]) -> None:
        self._first = first
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[T]:
        """The events that are left."""
        return self

    async def __anext__(self) -> T:
        """The next event."""
        return self._first.pop() if self._first else await anext(self._rest)

    async def __aenter__(self) -> Self:
        """The stream itself; it is closed in the end."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """End early. What was told is counted; unless that was the last word on usage, one is missing."""
        self._first.clear()
        await self._rest.aclose()


class AsyncAsker:
    """Asks for one tenant."""

    def __init__(self, tenant: str, fallbacks: Mapping[str, Sequence[str]]) -> None:
        self._tenant = tenant
        self._fallbacks = fallbacks

    async def answer(
        self,
        options: Mapping[str, object],
        send: AsyncSDKCall[T],
        read: Callable[[T], ParsedAnswer],
    ) -> T:
        """The first whole answer of the chain, counted."""
        refuse_unmetered(options)
        walk = Walk(self._tenant, model_of(options), self._fallbacks)
        while True:
            try:
                answer = await send(**{**options, "model": walk.asked})
                reading = read(answer)
            except (OpenAIError, JSONDecodeError) as error:
                walk.go_on_after(error)
            except BaseException as leaving:
                walk.stop_for(leaving)
                raise
            else:
                count_answer(self._tenant, walk.asked, reading)
                return answer

    async def stream(
        self,
        options: Mapping[str, object],
        opening: AsyncSDKCall[AsyncSDKStream[T]],
        read: Callable[[T], ParsedAnswer],
        *,
        hides: Callable[[T], bool],
    ) -> AsyncMeteredStream[T]:
        """The first stream of the chain that has begun; `hides` keeps items from the reader."""
        refuse_unmetered(options)
        walk = Walk(self._tenant, model_of(options), self._fallbacks)
        while True:
            tally = StreamTally(self._tenant, walk.asked)
            try:
                rest = _relay(await opening(**{**options, "model": walk.asked}), tally, read, hides)
                # The first chunk is awaited here, because only until then another model may still answer.
                first = await _at_most_one(rest)
            except (OpenAIError, JSONDecodeError) as error:
                if tally.has_begun:
                    raise
                walk.go_on_after(error)
            except BaseException as leaving:
                if not tally.has_begun:
                    walk.stop_for(leaving)
                raise
            else:
                return AsyncMeteredStream(first, rest)


async def _relay(
    stream: AsyncSDKStream[T],
    tally: StreamTally,
    read: Callable[[T], ParsedAnswer],
    hides: Callable[[T], bool],
) -> AsyncGenerator[T, None]:
    try:
        async for item in stream:
            reading = read(item)
            if not tally.has_begun:
                check_first(reading, stream.response.request)
            tally.saw(reading)
            if not hides(item):
                yield item
        tally.ended()
    except Exception:
        tally.broke()
        raise
    finally:
        # Also runs when a reader drops the stream half-way. What is cancelled may not get as far as the connection.
        tally.settle()
        await stream.close()


async def _at_most_one(items: AsyncGenerator[T, None]) -> list[T]:
    async for item in items:
        return [item]
    return []
