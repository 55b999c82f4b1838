"""The official OpenAI SDK with a meter on it, synchronous. `metered_async` is the same for asyncio.

    openai = MeteredOpenAI(OpenAI(), fallbacks={"gpt-5.2": ["gpt-5-mini"]})
    answer = openai.for_tenant("arvand").chat.completions.create(model="gpt-5.2", messages=[...])

Same names, same arguments, same answers as the SDK. There is no way through to the SDK itself: what is not metered
here does not exist here. Retries of one model are the SDK's business (`max_retries`); the chain begins after them.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain as joined
from json import JSONDecodeError
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar, Unpack, cast, overload

from openai import OpenAI, OpenAIError
from openai.types import CreateEmbeddingResponse
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ParsedChatCompletion,
)
from openai.types.responses import ParsedResponse, Response, ResponseStreamEvent

from backend.telemetry.fallback import Walk
from backend.telemetry.options import (
    Embedding,
    PlainChat,
    PlainResponse,
    StreamedChat,
    StreamedResponse,
    asks_for_usage,
    is_streamed,
    model_of,
    with_usage,
)
from backend.telemetry.reading import (
    Reading,
    is_usage_only,
    read_chat,
    read_chat_text,
    read_embeddings,
    read_response,
    read_response_event,
    read_response_text,
)
from backend.telemetry.tally import StreamTally, count_answer

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class MeteredOpenAI:
    """Meters a client of the official SDK. `fallbacks` names, for a model, those to ask after it."""

    def __init__(self, client: OpenAI, *, fallbacks: Mapping[str, Sequence[str]] | None = None) -> None:
        self._client = client
        self._fallbacks = dict(fallbacks or {})

    def for_tenant(self, tenant: str) -> "TenantOpenAI":
        """The same client, counting for this tenant. Cheap: make one per request."""
        return TenantOpenAI(self._client, _Asker(tenant, self._fallbacks))


class TenantOpenAI:
    """The metered parts of the SDK, under the SDK's names."""

    def __init__(self, client: OpenAI, asker: "_Asker") -> None:
        self.chat = Chat(client, asker)
        self.responses = Responses(client, asker)
        self.embeddings = Embeddings(client, asker)


class Chat:
    """`chat.completions`."""

    def __init__(self, client: OpenAI, asker: "_Asker") -> None:
        self.completions = Completions(client, asker)


class Completions:
    """Chat completions: plain, streamed and parsed."""

    def __init__(self, client: OpenAI, asker: "_Asker") -> None:
        self._sdk = client.chat.completions
        self._asker = asker

    @overload
    def create(self, **options: Unpack[PlainChat]) -> ChatCompletion: ...
    @overload
    def create(self, **options: Unpack[StreamedChat]) -> "MeteredStream[ChatCompletionChunk]": ...
    def create(self, **options: object) -> "ChatCompletion | MeteredStream[ChatCompletionChunk]":
        """As the SDK's. A stream reports its usage; the extra chunk for it is shown only to who asked for it."""
        if not is_streamed(options):
            send = cast("Callable[..., ChatCompletion]", self._sdk.create)
            return self._asker.answer(options, send, read_chat)
        opening = cast("Callable[..., SDKStream[ChatCompletionChunk]]", self._sdk.create)
        hides = _nothing if asks_for_usage(options) else is_usage_only
        return self._asker.stream(with_usage(options), opening, read_chat, hides=hides)

    def parse(
        self,
        *,
        model: str,
        messages: Iterable[ChatCompletionMessageParam],
        response_format: type[T],
        **options: object,
    ) -> ParsedChatCompletion[T]:
        """As the SDK's. Counted before it is parsed: a truncated answer has cost its tokens, too."""
        send = cast("Callable[..., Raw[ParsedChatCompletion[T]]]", self._sdk.with_raw_response.parse)
        asked = {**options, "model": model, "messages": messages, "response_format": response_format}
        return self._asker.answer(asked, send, lambda raw: read_chat_text(raw.text)).parse()


class Responses:
    """The Responses API: plain, streamed and parsed."""

    def __init__(self, client: OpenAI, asker: "_Asker") -> None:
        self._sdk = client.responses
        self._asker = asker

    @overload
    def create(self, **options: Unpack[PlainResponse]) -> Response: ...
    @overload
    def create(self, **options: Unpack[StreamedResponse]) -> "MeteredStream[ResponseStreamEvent]": ...
    def create(self, **options: object) -> "Response | MeteredStream[ResponseStreamEvent]":
        """As the SDK's. A stream's usage comes with its last event without being asked for."""
        if not is_streamed(options):
            send = cast("Callable[..., Response]", self._sdk.create)
            return self._asker.answer(options, send, read_response)
        opening = cast("Callable[..., SDKStream[ResponseStreamEvent]]", self._sdk.create)
        return self._asker.stream(options, opening, read_response_event, hides=_nothing)

    def parse(self, *, text_format: type[T], **options: Unpack[PlainResponse]) -> ParsedResponse[T]:
        """As the SDK's. Counted before it is parsed: a truncated answer has cost its tokens, too."""
        send = cast("Callable[..., Raw[ParsedResponse[T]]]", self._sdk.with_raw_response.parse)
        asked: dict[str, object] = {**options, "text_format": text_format}
        return self._asker.answer(asked, send, lambda raw: read_response_text(raw.text)).parse()


class Embeddings:
    """Embeddings. Configure no fallback for their models: vectors of two models cannot be compared."""

    def __init__(self, client: OpenAI, asker: "_Asker") -> None:
        self._sdk = client.embeddings
        self._asker = asker

    def create(self, **options: Unpack[Embedding]) -> CreateEmbeddingResponse:
        """As the SDK's."""
        send = cast("Callable[..., CreateEmbeddingResponse]", self._sdk.create)
        return self._asker.answer({**options}, send, read_embeddings)


class Raw(Protocol[T_co]):
    """What we need of the SDK's raw answer."""

    @property
    def text(self) -> str:
        """The body."""

    def parse(self) -> T_co:
        """The typed answer; raises when it does not fit."""


class SDKStream(Protocol[T_co]):
    """What we need of the SDK's stream."""

    def __iter__(self) -> Iterator[T_co]:
        """The events in order."""

    def close(self) -> None:
        """Release the connection."""


class MeteredStream(Generic[T]):
    """A stream that counts itself when it ends: read to its end, closed, failed, or dropped by its reader."""

    def __init__(self, first: Iterator[T], rest: Iterator[T], close: Callable[[], None]) -> None:
        self._items: Iterator[T] = joined(first, rest)
        self._close = close

    def __iter__(self) -> Iterator[T]:
        """The events that are left."""
        return self

    def __next__(self) -> T:
        """The next event."""
        return next(self._items)

    def __enter__(self) -> Self:
        """The stream itself; it is closed in the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """End early. What was not read is not counted, but counted as missing."""
        self._items = iter(())
        self._close()


class _Asker:
    def __init__(self, tenant: str, fallbacks: Mapping[str, Sequence[str]]) -> None:
        self._tenant = tenant
        self._fallbacks = fallbacks

    def answer(
        self, options: Mapping[str, object], send: Callable[..., T], read: Callable[[T], Reading]
    ) -> T:
        walk = Walk(self._tenant, model_of(options), self._fallbacks)
        while True:
            try:
                answer = send(**{**options, "model": walk.asked})
                reading = read(answer)
            except (OpenAIError, JSONDecodeError) as error:
                walk.go_on_after(error)
            else:
                count_answer(self._tenant, walk.asked, reading)
                return answer

    def stream(
        self,
        options: Mapping[str, object],
        opening: Callable[..., SDKStream[T]],
        read: Callable[[T], Reading],
        *,
        hides: Callable[[T], bool],
    ) -> MeteredStream[T]:
        walk = Walk(self._tenant, model_of(options), self._fallbacks)
        while True:
            tally = StreamTally(self._tenant, walk.asked)
            try:
                rest = _relay(opening(**{**options, "model": walk.asked}), tally, read, hides)
                # The first chunk is awaited here, because only until then another model may still answer.
                first = list(_at_most_one(rest))
            except (OpenAIError, JSONDecodeError) as error:
                if tally.has_begun:
                    raise
                walk.go_on_after(error)
            else:
                return MeteredStream(iter(first), rest, rest.close)


def _relay(
    stream: SDKStream[T], tally: StreamTally, read: Callable[[T], Reading], hides: Callable[[T], bool]
) -> Generator[T, None, None]:
    try:
        for item in stream:
            tally.saw(read(item))
            if not hides(item):
                yield item
        tally.ended()
    except Exception:
        tally.broke()
        raise
    finally:
        # Also runs when a reader drops the stream half-way: the generator is closed with its last reference.
        tally.settle()
        stream.close()


def _at_most_one(items: Iterator[T]) -> Iterator[T]:
    for item in items:
        yield item
        return


def _nothing(item: object) -> bool:
    del item
    return False
