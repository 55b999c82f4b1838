"""What is counted equals what the vendor answered, for every kind of call of both clients."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from openai import APIConnectionError, APIError, LengthFinishReasonError, OpenAI
from pydantic import BaseModel, ValidationError

from backend.telemetry.metered import MeteredOpenAI
from tests.integration.telemetry.conftest import Asking, Vendor, counted, missing, outcomes

MODEL = "gpt-5.2"


class Sheet(BaseModel):
    total: int


def test_a_chat_completion_counts_its_three_types(asking: Asking, vendor: Vendor, tenant: str) -> None:
    usage = asking.chat().usage

    cached = usage.prompt_tokens_details.cached_tokens
    assert cached > 0
    assert counted(tenant) == vendor.answered(tenant)
    assert counted(tenant) == {
        (MODEL, "prompt"): usage.prompt_tokens - cached,
        (MODEL, "cached_prompt"): cached,
        (MODEL, "completion"): usage.completion_tokens,
    }


def test_a_streamed_chat_is_counted_though_nobody_asked_for_usage(
    asking: Asking, vendor: Vendor, tenant: str
) -> None:
    chunks = asking.chat(stream=True)

    assert all(chunk.choices for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert counted(tenant) == vendor.answered(tenant) != {}
    assert outcomes(tenant) == {(MODEL, "ok"): 1}


def test_who_asks_for_usage_sees_its_chunk(asking: Asking, tenant: str) -> None:
    chunks = asking.chat(stream=True, stream_options={"include_usage": True})

    assert chunks[-1].choices == []
    assert sum(counted(tenant).values()) == chunks[-1].usage.total_tokens


@pytest.mark.parametrize("streams", [False, True])
def test_a_response_counts_its_three_types(
    asking: Asking, vendor: Vendor, tenant: str, *, streams: bool
) -> None:
    asking.respond(stream=streams)

    assert counted(tenant) == vendor.answered(tenant)
    assert {kind for _, kind in counted(tenant)} == {"prompt", "cached_prompt", "completion"}


def test_a_response_cut_by_its_limit_is_counted(asking: Asking, vendor: Vendor, tenant: str) -> None:
    events = asking.respond(stream=True, max_output_tokens=7)

    assert events[-1].type == "response.incomplete"
    assert counted(tenant)[MODEL, "completion"] == 7
    assert counted(tenant) == vendor.answered(tenant)


def test_embeddings_count_as_prompt(asking: Asking, vendor: Vendor, tenant: str) -> None:
    answer = asking.embed()

    assert len(answer.data[0].embedding) == 8
    assert counted(tenant) == {("text-embedding-3-large", "prompt"): answer.usage.prompt_tokens}
    assert counted(tenant) == vendor.answered(tenant)


def test_the_model_that_answered_is_counted(asking: Asking, vendor: Vendor, tenant: str) -> None:
    vendor.fail("answer_as", model=MODEL, model_name="gpt-5.2-2025-12-11")

    asking.chat()
    asking.chat(stream=True)
    asking.respond(stream=True)

    assert {model for model, _ in counted(tenant)} == {"gpt-5.2-2025-12-11"}
    assert outcomes(tenant) == {("gpt-5.2-2025-12-11", "ok"): 3}


@pytest.mark.parametrize("streams", [False, True])
def test_an_answer_without_usage_is_missing_and_never_estimated(
    asking: Asking, vendor: Vendor, tenant: str, *, streams: bool
) -> None:
    vendor.fail("no_usage")

    asking.chat(stream=streams)
    asking.respond(stream=streams)
    asking.embed()

    assert counted(tenant) == {}
    assert missing(tenant) == 3


def test_a_stream_that_breaks_is_missing(asking: Asking, vendor: Vendor, tenant: str) -> None:
    vendor.fail("cut")

    with pytest.raises(APIConnectionError):
        asking.chat(stream=True)

    assert counted(tenant) == {}
    assert (missing(tenant), outcomes(tenant)) == (1, {(MODEL, "interrupted"): 1})


def test_a_stream_that_is_left_half_read_is_missing(asking: Asking, tenant: str) -> None:
    assert len(asking.chat(stream=True, read=2)) == 2

    assert counted(tenant) == {}
    assert (missing(tenant), outcomes(tenant)) == (1, {(MODEL, "abandoned"): 1})


def test_a_reader_who_leaves_with_the_usage_in_hand_is_not_missing(
    asking: Asking, vendor: Vendor, tenant: str
) -> None:
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = asking.chat(**asked)
    asking.chat(**asked, read=len(chunks))
    events = asking.respond(stream=True)
    asking.respond(stream=True, read=len(events))

    assert counted(tenant) == vendor.answered(tenant)
    assert (missing(tenant), outcomes(tenant)) == (0, {(MODEL, "ok"): 2, (MODEL, "abandoned"): 2})


def test_a_stream_that_is_dropped_without_closing_is_missing(vendor: Vendor, tenant: str) -> None:
    with OpenAI(base_url=vendor.url, api_key="k") as sdk:
        openai = MeteredOpenAI(sdk).for_tenant(tenant)
        stream = openai.responses.create(model=MODEL, input="x", stream=True)
        next(stream)
        del stream

    assert (missing(tenant), outcomes(tenant)) == (1, {(MODEL, "abandoned"): 1})


def test_a_truncated_answer_is_counted_before_it_fails_to_parse(
    asking: Asking, vendor: Vendor, tenant: str
) -> None:
    messages = [{"role": "user", "content": "؟"}]

    with pytest.raises(LengthFinishReasonError):
        asking.parse(
            "chat.completions.parse",
            model=MODEL,
            messages=messages,
            response_format=Sheet,
            max_completion_tokens=9,
        )
    with pytest.raises(ValidationError):
        asking.parse("responses.parse", model=MODEL, input="؟", text_format=Sheet)

    assert counted(tenant) == vendor.answered(tenant) != {}
    assert outcomes(tenant) == {(MODEL, "ok"): 2}


@pytest.mark.parametrize("call", ["chat", "respond"])
def test_an_error_inside_a_stream_before_its_first_chunk_is_no_answer(
    asking: Asking, vendor: Vendor, tenant: str, call: str
) -> None:
    vendor.fail("stream_error")

    with pytest.raises(APIError, match="The server had an error") as failed:
        getattr(asking, call)(stream=True)

    assert failed.value.code == "server_error"
    assert (missing(tenant), outcomes(tenant)) == (0, {(MODEL, "server_error"): 1})


def test_a_chat_that_fails_half_way_is_interrupted(asking: Asking, vendor: Vendor, tenant: str) -> None:
    vendor.fail("late_error")

    with pytest.raises(APIError, match="The server had an error"):
        asking.chat(stream=True)

    assert (missing(tenant), outcomes(tenant)) == (1, {(MODEL, "interrupted"): 1})


def test_a_response_that_fails_half_way_shows_its_error_and_is_interrupted(
    asking: Asking, vendor: Vendor, tenant: str
) -> None:
    vendor.fail("late_error")

    events = asking.respond(stream=True)

    assert (events[-1].type, events[-1].code) == ("error", "server_error")
    assert (missing(tenant), outcomes(tenant)) == (1, {(MODEL, "interrupted"): 1})


def test_threads_lose_no_token(vendor: Vendor, tenant: str) -> None:
    with OpenAI(base_url=vendor.url, api_key="k") as sdk, ThreadPoolExecutor(8) as people:
        openai = MeteredOpenAI(sdk).for_tenant(tenant)

        def ask(number: int) -> None:
            openai.responses.create(model=MODEL, input=f"question {number}", safety_identifier=tenant)

        list(people.map(ask, range(64)))

    assert counted(tenant) == vendor.answered(tenant)
    assert outcomes(tenant) == {(MODEL, "ok"): 64}


@pytest.mark.parametrize(
    ("call", "options", "model"),
    [
        pytest.param("chat", {}, MODEL, id="chat"),
        pytest.param("chat", {"stream": True}, MODEL, id="streamed chat"),
        pytest.param("respond", {}, MODEL, id="response"),
        pytest.param("respond", {"stream": True}, MODEL, id="streamed response"),
        pytest.param("embed", {}, "text-embedding-3-large", id="embeddings"),
    ],
)
def test_who_leaves_before_the_first_word_is_missing(
    asking: Asking, vendor: Vendor, tenant: str, *, call: str, options: dict[str, bool], model: str
) -> None:
    vendor.fail("delay", seconds=3)
    asking.patience_s = 0.4

    with pytest.raises((TimeoutError, KeyboardInterrupt)):
        getattr(asking, call)(**options)

    assert counted(tenant) == {}
    assert (missing(tenant), outcomes(tenant)) == (1, {(model, "abandoned"): 1})
