"""The JSON of the vendor's answers: chat completions, responses and embeddings, whole and as stream events.

Shapes as of https://platform.openai.com/docs/api-reference; the official SDK parses each of them in the tests.
"""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from backend.sandbox.openai_words import Completion, pieces

# JSON of another party: its values are of any type, and mypy has nothing to check here.
JSON = dict[str, Any]


class RefusalError(Exception):
    """A request that the vendor would refuse."""

    def __init__(self, status: int, body: JSON) -> None:
        super().__init__(body["error"]["message"])
        self.status = status
        self.body = body


def error(message: str, *, kind: str, code: str | None, param: str | None = None) -> JSON:
    """The body of a refusal."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_event(message: str, *, code: str, number: int) -> JSON:
    """The event that a response's stream fails by. Unlike every other error it stands in no `error` of its own."""
    return {"type": "error", "code": code, "message": message, "param": None, "sequence_number": number}


def chat_usage(answer: Completion) -> JSON:
    """The usage of a chat completion."""
    return {
        "prompt_tokens": answer.prompt,
        "completion_tokens": answer.completion,
        "total_tokens": answer.prompt + answer.completion,
        "prompt_tokens_details": {"cached_tokens": answer.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": answer.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def chat(answer: Completion, model: str, *, with_usage: bool) -> JSON:
    """A whole chat completion."""
    message: JSON = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    body = _chat_head(model, "chat.completion") | {"choices": [choice]}
    return body | {"usage": chat_usage(answer)} if with_usage else body


def chat_chunks(answer: Completion, model: str, *, with_usage: bool) -> Iterator[JSON]:
    """The chunks of a streamed chat completion; with usage, one more chunk without choices carries it."""
    head = _chat_head(model, "chat.completion.chunk") | ({"usage": None} if with_usage else {})
    yield head | {"choices": [_delta({"role": "assistant", "content": "", "refusal": None})]}
    for piece in pieces(answer.text):
        yield head | {"choices": [_delta({"content": piece})]}
    yield head | {"choices": [_delta({}, _finish(answer))]}
    if with_usage:
        yield head | {"choices": [], "usage": chat_usage(answer)}


def response(answer: Completion, model: str, *, status: str, with_usage: bool) -> JSON:
    """A response of the Responses API; an unfinished one has neither output nor usage."""
    ended = status != "in_progress"
    usage = {
        "input_tokens": answer.prompt,
        "input_tokens_details": {"cached_tokens": answer.cached, "cache_write_tokens": 0},
        "output_tokens": answer.completion,
        "output_tokens_details": {"reasoning_tokens": answer.reasoning},
        "total_tokens": answer.prompt + answer.completion,
    }
    return {
        "id": f"resp_{uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "model": model,
        "output": [_message(answer.text)] if ended else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "metadata": {},
        "usage": usage if ended and with_usage else None,
    }


def response_events(answer: Completion, model: str, *, with_usage: bool) -> Iterator[JSON]:
    """The events of a streamed response; the last one carries the whole response and its usage."""
    begun = response(answer, model, status="in_progress", with_usage=False)
    message = _message(answer.text)
    part = {"item_id": message["id"], "output_index": 0, "content_index": 0}
    status = final_status(answer)
    ended = response(answer, model, status=status, with_usage=with_usage) | {"id": begun["id"]}
    events: list[JSON] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": message | {"content": []}},
        {"type": "response.content_part.added", **part, "part": _text("")},
        *(
            {"type": "response.output_text.delta", **part, "delta": piece, "logprobs": []}
            for piece in pieces(answer.text)
        ),
        {"type": "response.output_text.done", **part, "text": answer.text, "logprobs": []},
        {"type": "response.content_part.done", **part, "part": _text(answer.text)},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
        {"type": f"response.{status}", "response": ended},
    ]
    for number, event in enumerate(events):
        yield event | {"sequence_number": number}


def final_status(answer: Completion) -> str:
    """Final status of a response."""
    return "incomplete" if answer.is_cut_short else "completed"


def embeddings(vectors: list[list[float] | str], model: str, prompt: int | None) -> JSON:
    """An embeddings answer; `prompt` is None when the usage is to be left out."""
    data = [
        {"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(vectors)
    ]
    body: JSON = {"object": "list", "data": data, "model": model}
    return body if prompt is None else body | {"usage": {"prompt_tokens": prompt, "total_tokens": prompt}}


def _chat_head(model: str, kind: str) -> JSON:
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _delta(delta: JSON, finish: str | None = None) -> JSON:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _finish(answer: Completion) -> str:
    return "length" if answer.is_cut_short else "stop"


def _message(text: str) -> JSON:
    return {
        "id": f"msg_{uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [_text(text)],
    }


def refusal(text: str) -> JSON:
    """A message in which the model refuses to answer."""
    return _message("") | {"content": [{"type": "refusal", "refusal": text}]}


def _text(text: str) -> JSON:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
