"""Arguments of the metered calls: the SDK's own, by its own types, and our additions for a stream."""

from collections.abc import Mapping
from typing import cast

from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

# The SDK depends on it and builds its own from it; Python 3.11's cannot be mixed with those.
from typing_extensions import TypedDict


class Transport(TypedDict, total=False):
    """Options that the SDK accepts with every call beside the request itself."""

    timeout: float
    extra_headers: Mapping[str, str]
    extra_query: Mapping[str, object]
    extra_body: object


class PlainChat(CompletionCreateParamsNonStreaming, Transport):
    """A chat completion in one piece."""


class StreamedChat(CompletionCreateParamsStreaming, Transport):
    """A chat completion in chunks."""


class PlainResponse(ResponseCreateParamsNonStreaming, Transport):
    """A response in one piece."""


class StreamedResponse(ResponseCreateParamsStreaming, Transport):
    """A response in events."""


class Embedding(EmbeddingCreateParams, Transport):
    """Embeddings of one or several texts."""


def model_of(options: Mapping[str, object]) -> str:
    """The model that is asked first."""
    return str(options["model"])


def refuse_unmetered(options: Mapping[str, object]) -> None:
    """Raise ValueError for what would hide the usage: an answer that comes later, or a stream that we do not see."""
    body = options.get("extra_body")
    more = body if isinstance(body, Mapping) else {}
    if options.get("background") or more.get("background"):
        raise ValueError(
            "A background answer is not metered: its usage comes when nobody asks for it. Leave it out."
        )
    if more.get("stream"):
        raise ValueError("A stream that is asked for in extra_body is not metered. Write stream=True.")


def is_streamed(options: Mapping[str, object]) -> bool:
    """True when the caller wants chunks."""
    return options.get("stream") is True


def asks_for_usage(options: Mapping[str, object]) -> bool:
    """True when the caller itself wants the chunk with the usage."""
    return bool(_stream_options(options).get("include_usage"))


def with_usage(options: Mapping[str, object]) -> dict[str, object]:
    """The options of a chat stream that reports its usage; the caller's other options stay."""
    return {**options, "stream_options": {**_stream_options(options), "include_usage": True}}


def _stream_options(options: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", options.get("stream_options") or {})
