"""The official OpenAI SDK with a meter on it.

    openai = MeteredOpenAI(OpenAI(), fallbacks={"gpt-5.2": ["gpt-5-mini"]})
    answer = openai.for_tenant("arvand").chat.completions.create(model="gpt-5.2", messages=[...])

Same names, same arguments, same answers as the SDK. There is no way through to the SDK itself: what is not metered
here does not exist here. Retries of one model are the SDK's business (`max_retries`); the chain begins after them.
`metered` is made from `metered_async` by `python -m tests.twins`; only the latter is edited.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar, Unpack, cast, overload

from openai import OpenAI
from openai.types import CreateEmbeddingResponse
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ParsedChatCompletion,
)
from openai.types.responses import ParsedResponse, Response, ResponseStreamEvent

from backend.telemetry.asking import Asker, MeteredStream, SDKCall, SDKStream
from backend.telemetry.options import (
    Embedding,
    PlainChat,
    PlainResponse,
    StreamedChat,
    StreamedResponse,
    asks_for_usage,
    is_streamed,
    with_usage,
)
from backend.telemetry.reading import (
    is_usage_only,
    read_chat,
    read_chat_text,
    read_embeddings,
    read_response,
    read_response_event,
    read_response_text,
)
from backend.telemetry.sdk import MeteredPart, Raw, nothing

T = TypeVar("T")


class MeteredOpenAI(MeteredPart):
    """Meters a client of the official SDK. `fallbacks` names, for a model, those to ask after it."""

    def __init__(self, client: OpenAI, *, fallbacks: Mapping[str, Sequence[str]] | None = None) -> None:
        self._client = client
        self._fallbacks = dict(fallbacks or {})

    def for_tenant(self, tenant: str) -> "TenantOpenAI":
        """The same client, counting for this tenant. Cheap: make one per request."""
        return TenantOpenAI(self._client, Asker(tenant, self._fallbacks))


class TenantOpenAI(MeteredPart):
    """The metered parts of the SDK, under the SDK's names."""

    def __init__(self, client: OpenAI, asker: Asker) -> None:
        self.chat = Chat(client, asker)
        self.responses = Responses(client, asker)
        self.embeddings = Embeddings(client, asker)


class Chat(MeteredPart):
    """`chat.completions`."""

    def __init__(self, client: OpenAI, asker: Asker) -> None:
        self.completions = Completions(client, asker)


class Completions(MeteredPart):
    """Chat completions: plain, streamed and parsed."""

    def __init__(self, client: OpenAI, asker: Asker) -> None:
        self._sdk = client.chat.completions
        self._asker = asker

    @overload
    def create(self, **options: Unpack[PlainChat]) -> ChatCompletion: ...
    @overload
    def create(self, **options: Unpack[StreamedChat]) -> MeteredStream[ChatCompletionChunk]: ...
    def create(self, **options: object) -> ChatCompletion | MeteredStream[ChatCompletionChunk]:
        """As the SDK's. A stream reports its usage; the extra chunk for it is shown only to who asked for it."""
        if not is_streamed(options):
            send = cast("SDKCall[ChatCompletion]", self._sdk.create)
            return self._asker.answer(options, send, read_chat)
        opening = cast("SDKCall[SDKStream[ChatCompletionChunk]]", self._sdk.create)
        hides = nothing if asks_for_usage(options) else is_usage_only
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
        send = cast("SDKCall[Raw[ParsedChatCompletion[T]]]", self._sdk.with_raw_response.parse)
        asked = {**options, "model": model, "messages": messages, "response_format": response_format}
        raw = self._asker.answer(asked, send, lambda raw: read_chat_text(raw.text))
        return raw.parse()


class Responses(MeteredPart):
    """The Responses API: plain, streamed and parsed."""

    def __init__(self, client: OpenAI, asker: Asker) -> None:
        self._sdk = client.responses
        self._asker = asker

    @overload
    def create(self, **options: Unpack[PlainResponse]) -> Response: ...
    @overload
    def create(self, **options: Unpack[StreamedResponse]) -> MeteredStream[ResponseStreamEvent]: ...
    def create(self, **options: object) -> Response | MeteredStream[ResponseStreamEvent]:
        """As the SDK's. A stream's usage comes with its last event without being asked for."""
        if not is_streamed(options):
            send = cast("SDKCall[Response]", self._sdk.create)
            return self._asker.answer(options, send, read_response)
        opening = cast("SDKCall[SDKStream[ResponseStreamEvent]]", self._sdk.create)
        return self._asker.stream(options, opening, read_response_event, hides=nothing)

    def parse(self, *, text_format: type[T], **options: Unpack[PlainResponse]) -> ParsedResponse[T]:
        """As the SDK's. Counted before it is parsed: a truncated answer has cost its tokens, too."""
        send = cast("SDKCall[Raw[ParsedResponse[T]]]", self._sdk.with_raw_response.parse)
        asked: dict[str, object] = {**options, "text_format": text_format}
        raw = self._asker.answer(asked, send, lambda raw: read_response_text(raw.text))
        return raw.parse()


class Embeddings(MeteredPart):
    """Embeddings. Configure no fallback for their models: vectors of two models cannot be compared."""

    def __init__(self, client: OpenAI, asker: Asker) -> None:
        self._sdk = client.embeddings
        self._asker = asker

    def create(self, **options: Unpack[Embedding]) -> CreateEmbeddingResponse:
        """As the SDK's."""
        send = cast("SDKCall[CreateEmbeddingResponse]", self._sdk.create)
        return self._asker.answer({**options}, send, read_embeddings)
