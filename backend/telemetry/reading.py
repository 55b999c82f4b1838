"""Reads models and tokens from the vendor's answers. Pure; a missing count is None, never a guess."""

import json
from dataclasses import dataclass, replace

from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

from backend.telemetry.metrics import TokenType


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer by type. The SDK's prompt tokens contain the cached ones; `prompt` does not."""

    prompt: int = 0
    cached_prompt: int = 0
    completion: int = 0

    def by_type(self) -> dict[TokenType, int]:
        """The counts under the names of the label `type`."""
        return {
            TokenType.PROMPT: self.prompt,
            TokenType.CACHED_PROMPT: self.cached_prompt,
            TokenType.COMPLETION: self.completion,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The vendor's words for a stream that it could not finish."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """The model that answered, its tokens (None: not told), and the answer's failure (None: it did not fail)."""

    model: str
    usage: Usage | None
    failure: Failure | None = None


def read_chat(answer: ChatCompletion | ChatCompletionChunk) -> ParsedAnswer:
    """The reading of a chat completion, or of one chunk of its stream."""
    usage = getattr(answer, "usage", None)
    model = getattr(answer, "model", None) or ""
    if usage is None:
        return ParsedAnswer(model=model, usage=None)
    return ParsedAnswer(
        model=model,
        usage=_usage(
            prompt=getattr(usage, "prompt_tokens", None),
            details=getattr(usage, "prompt_tokens_details", None),
            completion=getattr(usage, "completion_tokens", None),
        ),
    )


def read_response(answer: Response) -> ParsedAnswer:
    """The reading of an answer of the Responses API."""
    usage = getattr(answer, "usage", None)
    model = str(getattr(answer, "model", None) or "")
    if usage is None:
        return ParsedAnswer(model=model, usage=None)
    return ParsedAnswer(
        model=model,
        usage=_usage(
            prompt=getattr(usage, "input_tokens", None),
            details=getattr(usage, "input_tokens_details", None),
            completion=getattr(usage, "output_tokens", None),
        ),
    )


def read_chat_text(text: str) -> ParsedAnswer:
    """The reading of a chat completion that is not parsed yet."""
    return read_chat(ChatCompletion.construct(**json.loads(text)))


def read_response_text(text: str) -> ParsedAnswer:
    """The reading of a Responses answer that is not parsed yet."""
    return read_response(Response.construct(**json.loads(text)))


def read_response_event(event: ResponseStreamEvent) -> ParsedAnswer:
    """Parse an event of a Responses stream; usage comes with the last event (completed, incomplete, failed)."""
    answer = getattr(event, "response", None)
    reading = ParsedAnswer(model="", usage=None) if answer is None else read_response(answer)
    # The SDK raises the error of a chat's stream; of a response's stream it is an event like any other.
    match getattr(event, "type", None):
        case "error":
            return replace(reading, failure=_failure(event))
        case "response.failed":
            return replace(reading, failure=_failure(getattr(answer, "error", None)))
        case _:
            return reading


def read_embeddings(answer: CreateEmbeddingResponse) -> ParsedAnswer:
    """The reading of an embeddings answer; all its tokens are prompt tokens."""
    usage = getattr(answer, "usage", None)
    return ParsedAnswer(
        model=getattr(answer, "model", None) or "",
        usage=_usage(prompt=getattr(usage, "prompt_tokens", None), details=None, completion=0),
    )


def is_usage_only(chunk: ChatCompletionChunk) -> bool:
    """True for the extra chunk without choices that a stream ends with because we asked for usage."""
    return chunk.usage is not None and not chunk.choices


def _failure(told: object) -> Failure:
    return Failure(
        code=getattr(told, "code", None) or "", message=getattr(told, "message", None) or "The stream failed."
    )


def _usage(*, prompt: int | None, details: object, completion: int | None) -> Usage | None:
    # The SDK builds answers without validating them, so a field of a type that says int may be None.
    if prompt is None or completion is None:
        return None
    cached = min(getattr(details, "cached_tokens", None) or 0, prompt)
    return Usage(prompt=prompt - cached, cached_prompt=cached, completion=completion)
