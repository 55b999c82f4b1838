"""Reads models and tokens from the vendor's answers. Pure; a missing count is None, never a guess."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

from backend.telemetry.told_usage import WRONG, ToldUsage, Usage, countable, tokens_of

# A model's name is a label of our metrics, and an outside text.
LONGEST_MODEL = 200
_SAYS_NOTHING = ToldUsage()
_CONTENT = ("content", "refusal", "tool_calls", "function_call", "audio", "reasoning_content", "reasoning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The vendor's words for a stream that it could not finish."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """An answer or a chunk of one: its model ("": not named), what it tells of its tokens, and if it says something.

    `has_finished` says that no more of it follows, but perhaps its usage. `failure` is the vendor's word that it could
    not finish (None: it did not fail).
    """

    model: str
    told: ToldUsage = _SAYS_NOTHING
    has_content: bool = False
    has_finished: bool = False
    failure: Failure | None = None

    @property
    def tells_usage(self) -> bool:
        """Whether it says anything of its tokens, be it wrong."""
        return self.told != _SAYS_NOTHING

    @property
    def usage(self) -> Usage | None:
        """The tokens to count, or None where they are not told."""
        return countable(self.told, has_content=self.has_content)

    def and_then(self, later: "ParsedAnswer") -> "ParsedAnswer":
        """Join two chunks of one stream; a failure is told apart."""
        return ParsedAnswer(
            model=later.model or self.model,
            told=self.told.and_then(later.told),
            has_content=self.has_content or later.has_content,
            has_finished=self.has_finished or later.has_finished,
        )


def read_chat(answer: ChatCompletion | ChatCompletionChunk) -> ParsedAnswer:
    """The reading of a chat completion, or of one chunk of its stream."""
    choices = _listed(_part(answer, "choices"))
    usage = _part(answer, "usage")
    if usage is None:
        # Some providers tell it inside the last choice.
        usage = next((told for choice in choices if (told := _part(choice, "usage")) is not None), None)
    said = [part for choice in choices for name in ("message", "delta") if (part := _part(choice, name))]
    return ParsedAnswer(
        model=_model(answer),
        told=_told(usage, prompt="prompt_tokens", completion="completion_tokens"),
        has_content=any(_part(part, name) for part in said for name in _CONTENT),
        has_finished=any(_part(choice, "finish_reason") for choice in choices),
    )


def read_response(answer: Response) -> ParsedAnswer:
    """The reading of an answer of the Responses API."""
    return ParsedAnswer(
        model=_model(answer),
        told=_told(_part(answer, "usage"), prompt="input_tokens", completion="output_tokens"),
        has_content=bool(_part(answer, "output")),
    )


def read_chat_text(text: str) -> ParsedAnswer:
    """The reading of a chat completion that is not parsed yet."""
    return read_chat(ChatCompletion.construct(**_fields(text)))


def read_response_text(text: str) -> ParsedAnswer:
    """The reading of a Responses answer that is not parsed yet."""
    return read_response(Response.construct(**_fields(text)))


def read_response_event(event: ResponseStreamEvent) -> ParsedAnswer:
    """Parse an event of a Responses stream; usage comes with the last event (completed, incomplete, failed)."""
    answer = _part(event, "response")
    reading = ParsedAnswer(model="") if answer is None else read_response(answer)
    kind = _part(event, "type")
    # The SDK raises the error of a chat's stream; of a response's stream it is an event like any other.
    match kind:
        case "error":
            return replace(reading, failure=_failure(event))
        case "response.failed":
            return replace(reading, has_finished=True, failure=_failure(_part(answer, "error")))
        case "response.completed" | "response.incomplete":
            return replace(reading, has_finished=True)
        case str() if kind.endswith(".delta"):
            return replace(reading, has_content=True)
        case _:
            return reading


def read_embeddings(answer: CreateEmbeddingResponse) -> ParsedAnswer:
    """The reading of an embeddings answer; all its tokens are prompt tokens, and vectors of no tokens are a fault."""
    prompt = tokens_of(_part(_part(answer, "usage"), "prompt_tokens"))
    if prompt == 0 and _part(answer, "data"):
        prompt = WRONG
    return ParsedAnswer(model=_model(answer), told=ToldUsage(prompt=prompt, completion=0))


def is_usage_only(chunk: ChatCompletionChunk) -> bool:
    """True for the extra chunk without choices that a stream ends with because we asked for usage."""
    return _part(chunk, "usage") is not None and not _part(chunk, "choices")


def _told(usage: object, *, prompt: str, completion: str) -> ToldUsage:
    """The numbers of a usage, under OpenAI's names and under those that other providers give the same things."""
    among_prompt = _part(usage, f"{prompt}_details")
    among_completion = _part(usage, f"{completion}_details")
    return ToldUsage(
        prompt=tokens_of(_part(usage, prompt)),
        completion=tokens_of(_part(usage, completion)),
        total=tokens_of(_part(usage, "total_tokens")),
        cached=tokens_of(
            _first(
                _part(among_prompt, "cached_tokens"),
                _part(usage, "prompt_cache_hit_tokens"),
                _part(usage, "cached_tokens"),
            )
        ),
        reasoning=tokens_of(
            _first(_part(among_completion, "reasoning_tokens"), _part(usage, "reasoning_tokens"))
        ),
        cache_read=tokens_of(_part(usage, "cache_read_input_tokens")),
        cache_written=tokens_of(_part(usage, "cache_creation_input_tokens")),
    )


def _model(answer: object) -> str:
    named = _part(answer, "model")
    return named[:LONGEST_MODEL] if isinstance(named, str) else ""


def _failure(told: object) -> Failure:
    code, message = _part(told, "code"), _part(told, "message")
    return Failure(code=str(code or ""), message=str(message or "The stream failed."))


def _fields(text: str) -> dict[str, Any]:
    # Text that is no object is the SDK's to refuse, when the caller's answer is parsed.
    try:
        fields = json.loads(text)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError) as error:
        # Nested without end, or a number without end: as unreadable as any other, so another model may answer.
        raise json.JSONDecodeError(str(error), text, 0) from error
    return fields if isinstance(fields, dict) else {}


def _part(whole: object, name: str) -> Any:  # noqa: ANN401 - whatever the provider wrote
    """A field of the SDK's object, or of a plain one where the SDK could not make its own. It validates nothing."""
    return whole.get(name) if isinstance(whole, dict) else getattr(whole, name, None)


def _listed(value: object) -> Iterable[object]:
    return value if isinstance(value, list | tuple) else ()


def _first(*values: object) -> object:
    return next((value for value in values if value is not None), None)
