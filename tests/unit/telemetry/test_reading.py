import httpx2
import openai
import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseErrorEvent,
    ResponseFailedEvent,
    ResponseStreamEvent,
)

from backend.telemetry.fallback import outcome_of
from backend.telemetry.metrics import RequestOutcome
from backend.telemetry.options import with_usage
from backend.telemetry.reading import (
    Failure,
    ParsedAnswer,
    read_chat,
    read_embeddings,
    read_response,
    read_response_event,
)
from backend.telemetry.told_usage import ToldUsage, Usage

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {
                "prompt_tokens": 100,
                "completion_tokens": 30,
                "prompt_tokens_details": {"cached_tokens": 64},
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(prompt=36, cached_prompt=64, completion=30),
            id="cached is no prompt, reasoning is completion",
        ),
        pytest.param(
            {"prompt_tokens": 100, "completion_tokens": 0},
            Usage(prompt=100, cached_prompt=0, completion=0),
            id="no details",
        ),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": None}},
            Usage(prompt=5, cached_prompt=0, completion=1),
            id="null details",
        ),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}},
            Usage(prompt=0, cached_prompt=5, completion=1),
            id="never more cached than there were",
        ),
        pytest.param({"prompt_tokens": None, "completion_tokens": 1}, None, id="half a usage is none"),
        pytest.param(None, None, id="none"),
    ],
)
def test_the_usage_of_a_chat(usage: dict[str, object] | None, expected: Usage | None) -> None:
    answer = ChatCompletion.construct(model="gpt-5.2", usage=usage)

    assert read_chat(answer).usage == expected
    assert read_chat(answer).model == "gpt-5.2"


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        pytest.param([{"delta": {"content": "x"}, "finish_reason": None}], False, id="more to come"),
        pytest.param([{"delta": {}, "finish_reason": "stop"}], True, id="the end"),
        pytest.param([{"delta": {}, "finish_reason": "length"}], True, id="the end, by its limit"),
        pytest.param([], False, id="no choices"),
        pytest.param(None, False, id="nothing"),
    ],
)
def test_a_chunk_of_a_chat_says_whether_the_answer_has_finished(choices: object, *, expected: bool) -> None:
    assert read_chat(ChatCompletionChunk.construct(choices=choices)).has_finished is expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("response.created", False),
        ("response.output_text.delta", False),
        ("response.completed", True),
        ("response.incomplete", True),
        ("response.failed", True),
    ],
)
def test_an_event_of_a_response_says_whether_the_answer_has_finished(kind: str, *, expected: bool) -> None:
    event = ResponseCompletedEvent.construct(type=kind, response=Response.construct())  # type: ignore[arg-type]  # as sent

    assert read_response_event(event).has_finished is expected


def test_the_usage_of_a_response() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 20},
    }

    reading = read_response(Response.construct(model="gpt-5.2", usage=usage))

    assert reading.usage == Usage(prompt=36, cached_prompt=64, completion=30)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(
            ResponseErrorEvent.construct(type="error", code="server_error", message="try later"),
            ParsedAnswer(model="", failure=Failure(code="server_error", message="try later")),
            id="an error",
        ),
        pytest.param(
            ResponseErrorEvent.construct(type="error", code=None),
            ParsedAnswer(model="", failure=Failure(code="", message="The stream failed.")),
            id="an error without a word",
        ),
        pytest.param(
            ResponseFailedEvent.construct(
                type="response.failed",
                response={
                    "model": "gpt-5.2",
                    "error": {"code": "server_error", "message": "try later"},
                    "usage": {"input_tokens": 5, "output_tokens": 1},
                },
            ),
            ParsedAnswer(
                model="gpt-5.2",
                told=ToldUsage(prompt=5, completion=1),
                has_finished=True,
                failure=Failure(code="server_error", message="try later"),
            ),
            id="a response that failed",
        ),
        pytest.param(
            ResponseCompletedEvent.construct(
                type="response.completed",
                response={"model": "gpt-5.2", "error": None, "usage": None},
            ),
            ParsedAnswer(model="gpt-5.2", has_finished=True),
            id="a response that did not",
        ),
    ],
)
def test_the_failure_of_a_response_stream(event: ResponseStreamEvent, expected: ParsedAnswer) -> None:
    assert read_response_event(event) == expected


def test_an_answer_without_any_field_is_read_as_silence() -> None:
    assert read_chat(ChatCompletion.construct()).usage is None
    assert read_response(Response.construct()).usage is None
    assert read_embeddings(CreateEmbeddingResponse.construct()).usage is None


def test_a_stream_keeps_its_other_options() -> None:
    asked = with_usage({"stream": True, "stream_options": {"include_obfuscation": False}})

    assert asked["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def _status(code: int) -> openai.APIStatusError:
    return openai.APIStatusError("x", response=httpx2.Response(code, request=REQUEST), body=None)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (openai.APITimeoutError(REQUEST), RequestOutcome.TIMEOUT),
        (openai.APIConnectionError(request=REQUEST), RequestOutcome.UNREACHABLE),
        (_status(400), RequestOutcome.REFUSED),
        (_status(401), RequestOutcome.REFUSED),
        (_status(404), RequestOutcome.REFUSED),
        (_status(408), RequestOutcome.TIMEOUT),
        (_status(409), RequestOutcome.REFUSED),
        (_status(429), RequestOutcome.RATE_LIMITED),
        (_status(500), RequestOutcome.SERVER_ERROR),
        (_status(529), RequestOutcome.SERVER_ERROR),
        (openai.APIError("x", REQUEST, body={"type": "server_error"}), RequestOutcome.SERVER_ERROR),
        (openai.APIError("x", REQUEST, body={"code": "rate_limit_exceeded"}), RequestOutcome.RATE_LIMITED),
        (openai.APIError("x", REQUEST, body={"type": "invalid_request_error"}), RequestOutcome.REFUSED),
        (ValueError("no JSON"), RequestOutcome.UNREADABLE),
        (openai.OpenAIError("no key"), RequestOutcome.REFUSED),
    ],
    ids=str,
)
def test_how_a_request_ended(error: Exception, outcome: RequestOutcome) -> None:
    assert outcome_of(error) is outcome
