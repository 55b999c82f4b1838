"""Usage as providers really send it: counted rightly or counted as missing, never twice and never negative."""

import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response

from backend.telemetry.reading import (
    ParsedAnswer,
    is_usage_only,
    read_chat,
    read_chat_text,
    read_embeddings,
    read_response,
    read_response_text,
)
from backend.telemetry.told_usage import MOST_TOKENS, ToldUsage, Usage

Told = Mapping[str, object] | Sequence[object] | str | int | None
TEXT = [{"index": 0, "message": {"role": "assistant", "content": "سلام"}, "finish_reason": "stop"}]
EMPTY = [{"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "content_filter"}]


def chat(usage: object, choices: object = TEXT) -> Usage | None:
    return read_chat(ChatCompletion.construct(model="m", usage=usage, choices=choices)).usage


def told(prompt: object, completion: object, total: object = None, **more: object) -> dict[str, object]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}


def cached(tokens: object) -> dict[str, object]:
    return {"prompt_tokens_details": {"cached_tokens": tokens}}


def reasoned(tokens: object) -> dict[str, object]:
    return {"completion_tokens_details": {"reasoning_tokens": tokens}}


# Each id names who sends it, where that is known from public reports.
WHOLE = [
    pytest.param(
        told(100, 30, 130, **cached(64), **reasoned(20)),
        Usage(prompt=36, cached_prompt=64, completion=30),
        id="OpenAI",
    ),
    pytest.param(told(100, 30), Usage(prompt=100, completion=30), id="no total"),
    pytest.param(told(100, None, 130), Usage(prompt=100, completion=30), id="completion left to the total"),
    pytest.param(told(None, 30, 130), Usage(prompt=100, completion=30), id="prompt left to the total"),
    pytest.param(told("100", "30", "130"), Usage(prompt=100, completion=30), id="text for numbers"),
    pytest.param(told(100.0, 30.0, 130.0), Usage(prompt=100, completion=30), id="floats"),
    pytest.param(
        told(21, 0, 81, **reasoned(60)),
        Usage(prompt=21, completion=60),
        id="Gemini behind a proxy: thoughts beside",
    ),
    pytest.param(
        told(32, 9, 264, **reasoned(223)), Usage(prompt=32, completion=232), id="xAI: reasoning beside"
    ),
    pytest.param(
        told(32, 9, **reasoned(223)), Usage(prompt=32, completion=232), id="more reasoning than completion"
    ),
    pytest.param(
        told(32, 232, 264, **reasoned(223)),
        Usage(prompt=32, completion=232),
        id="reasoning among the completion",
    ),
    pytest.param(
        told(32, 232, 264, reasoning_tokens=223),
        Usage(prompt=32, completion=232),
        id="Perplexity: reasoning on top level",
    ),
    pytest.param(
        told(368, 19, 10923, cache_read_input_tokens=10536, cache_creation_input_tokens=0),
        Usage(prompt=368, cached_prompt=10536, completion=19),
        id="Bedrock by Portkey: cached beside",
    ),
    pytest.param(
        told(1, 5, None, cache_read_input_tokens=6512, cache_creation_input_tokens=791),
        Usage(prompt=792, cached_prompt=6512, completion=5),
        id="Bedrock without a total",
    ),
    pytest.param(
        told(12, 5, 17, cache_read_input_tokens=6512, cache_creation_input_tokens=791),
        Usage(prompt=803, cached_prompt=6512, completion=5),
        id="a total of the visible parts: cached beside",
    ),
    pytest.param(
        told(32, 9, 41, **reasoned(223)),
        Usage(prompt=32, completion=232),
        id="a total of the visible parts: reasoning beside",
    ),
    pytest.param(
        told(12, None, 6529, cache_read_input_tokens=6512),
        Usage(prompt=12, cached_prompt=6512, completion=5),
        id="completion left to the total, cached beside",
    ),
    pytest.param(
        told(None, 9, 264, **reasoned(223)),
        Usage(prompt=32, completion=232),
        id="prompt left to the total, reasoning beside",
    ),
    pytest.param(
        told(None, 9, 41, **reasoned(223)),
        Usage(prompt=32, completion=232),
        id="prompt left to a total of the visible parts",
    ),
    pytest.param(
        told(368, 19, 10923, **cached(0), cache_read_input_tokens=10536),
        Usage(prompt=368, cached_prompt=10536, completion=19),
        id="cached under two names, zero under one",
    ),
    pytest.param(
        told(368, 19, **cached(10536), cache_read_input_tokens=10536),
        Usage(prompt=368, cached_prompt=10536, completion=19),
        id="cached under two names, no total",
    ),
    pytest.param(
        told(120, 50, 170, cache_read_input_tokens=80, cache_creation_input_tokens=20),
        Usage(prompt=40, cached_prompt=80, completion=50),
        id="LiteLLM for Bedrock: cached among",
    ),
    pytest.param(
        told(100, 30, 194, **cached(64)),
        Usage(prompt=100, cached_prompt=64, completion=30),
        id="the total says: cached beside",
    ),
    pytest.param(
        told(100, 30, 214, **cached(64), **reasoned(20)),
        Usage(prompt=100, cached_prompt=64, completion=50),
        id="both beside",
    ),
    pytest.param(told(5, 1, **cached(9)), Usage(cached_prompt=5, completion=1), id="more cached than prompt"),
    pytest.param(
        told(100, 30, 130, prompt_cache_hit_tokens=64, prompt_cache_miss_tokens=36),
        Usage(prompt=36, cached_prompt=64, completion=30),
        id="DeepSeek",
    ),
    pytest.param(
        told(100, 30, 130, cached_tokens=64), Usage(prompt=36, cached_prompt=64, completion=30), id="Moonshot"
    ),
    pytest.param(told(100, 30, 0), Usage(prompt=100, completion=30), id="a total of zero"),
    pytest.param(
        told(100, 30, -130), Usage(prompt=100, completion=30), id="a negative total that nobody needs"
    ),
    pytest.param(
        told(100, 30, 130, cost=0.00042, cost_details={"upstream_inference_cost": None}, is_byok=False),
        Usage(prompt=100, completion=30),
        id="OpenRouter: with costs",
    ),
    pytest.param(
        told(100, 30, 130, prompt_tokens_details=None, completion_tokens_details=None),
        Usage(prompt=100, completion=30),
        id="vLLM: null details",
    ),
    pytest.param(
        told(100, 30, 130, prompt_tokens_details=[], completion_tokens_details="x"),
        Usage(prompt=100, completion=30),
        id="details of another kind",
    ),
    pytest.param(
        told(100, 30, 130, **reasoned(-1)),
        Usage(prompt=100, completion=30),
        id="negative reasoning that changes nothing",
    ),
    pytest.param(
        told(14, 20, 34, queue_time=0.06, total_time=0.1),
        Usage(prompt=14, completion=20),
        id="Groq: with times",
    ),
]

PARTLY = [
    pytest.param(
        told(20, 198, 623),
        Usage(prompt=20, completion=198, is_whole=False),
        id="Gemini behind an adapter: thoughts in the total alone",
    ),
    pytest.param(
        told(100, 30, 999),
        Usage(prompt=100, completion=30, is_whole=False),
        id="a total of something else",
    ),
    pytest.param(
        told(20, 198, 623, **cached(4), **reasoned(60)),
        Usage(prompt=16, cached_prompt=4, completion=198, is_whole=False),
        id="a total of more than all parts together",
    ),
]

MISSING = [
    pytest.param(None, id="none"),
    pytest.param({}, id="empty"),
    pytest.param(told(None, None, 130), id="only a total"),
    pytest.param(told(None, 30), id="half a usage"),
    pytest.param(told(0, 0, 0), id="all zero although there is text"),
    pytest.param(told(100, 0, 100), id="no token for the text"),
    pytest.param(told(0, 30, 30), id="Ollama: no token for a prompt that it had cached"),
    pytest.param(told(-100, 30, 130), id="a negative prompt"),
    pytest.param(told(100, -30, 70), id="a negative completion"),
    pytest.param(told(100, 30, 130, **cached(-64)), id="negative cached"),
    pytest.param(told(100, None, 90), id="a total below the prompt"),
    pytest.param(told(100, "thirty", 130), id="a word for a number"),
    pytest.param(told(100, 30.5), id="half a token"),
    pytest.param(told(100, float("inf")), id="infinite"),
    pytest.param(told(100, float("nan")), id="not a number"),
    pytest.param(told(True, 30), id="yes for a number"),
    pytest.param(told(100, MOST_TOKENS + 1), id="more than any model gives"),
    pytest.param(told(100, 10**400), id="more than a counter holds"),
    pytest.param(told([100], {"n": 30}), id="lists for numbers"),
    pytest.param("100", id="a word for a usage"),
    pytest.param([100, 30], id="a list for a usage"),
]


@pytest.mark.parametrize(("usage", "expected"), WHOLE)
def test_what_is_told_whole_is_counted(usage: Told, expected: Usage) -> None:
    assert chat(usage) == expected


@pytest.mark.parametrize(("usage", "expected"), PARTLY)
def test_what_is_told_in_part_is_counted_and_not_whole(usage: Told, expected: Usage) -> None:
    assert chat(usage) == expected


@pytest.mark.parametrize("usage", MISSING)
def test_what_is_not_told_whole_is_missing(usage: Told) -> None:
    assert chat(usage) is None


def test_zero_for_an_answer_that_says_nothing_is_zero() -> None:
    assert chat(told(0, 0, 0), EMPTY) == Usage()
    assert chat(told(9, 0, 9), EMPTY) == Usage(prompt=9)


def test_a_response_and_embeddings_are_read_alike() -> None:
    usage = {
        "input_tokens": 21,
        "output_tokens": 0,
        "total_tokens": 81,
        "output_tokens_details": {"reasoning_tokens": 60},
    }
    said = [{"type": "message", "content": [{"type": "output_text", "text": "سلام"}]}]
    nothing = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    vectors = [{"embedding": [0.1]}]

    assert read_response(Response.construct(usage=usage, output=said)).usage == Usage(
        prompt=21, completion=60
    )
    assert read_response(Response.construct(usage=nothing, output=said)).usage is None
    assert read_embeddings(
        CreateEmbeddingResponse.construct(usage={"prompt_tokens": "7"}, data=vectors)
    ).usage == Usage(prompt=7)
    assert (
        read_embeddings(CreateEmbeddingResponse.construct(usage={"prompt_tokens": 0}, data=vectors)).usage
        is None
    )
    assert (
        read_embeddings(CreateEmbeddingResponse.construct(usage={"prompt_tokens": -7}, data=vectors)).usage
        is None
    )


STREAMS = [
    pytest.param(
        [None, None, told(100, 30, 130)], Usage(prompt=100, completion=30), id="OpenAI: in the last chunk"
    ),
    pytest.param(
        [told(100, 1, 101), told(100, 2, 102), told(100, 3, 103)],
        Usage(prompt=100, completion=3),
        id="vLLM: a running total",
    ),
    pytest.param(
        [told(100, 0), None, told(0, 30)],
        Usage(prompt=100, completion=30),
        id="prompt first, completion last",
    ),
    pytest.param(
        [told(100, None), None, told(None, 30)], Usage(prompt=100, completion=30), id="the same with nulls"
    ),
    pytest.param(
        [None, told(100, 30, 130), told(0, 0, 0)],
        Usage(prompt=100, completion=30),
        id="zeros after good ones",
    ),
    pytest.param(
        [None, told(100, 30, 130), None], Usage(prompt=100, completion=30), id="xAI: before the last chunk"
    ),
    pytest.param(
        [told(0, 0, 0), told(0, 0, 0), told(100, 30, 130)],
        Usage(prompt=100, completion=30),
        id="zeros before good ones",
    ),
    pytest.param(
        [told(-1, -1, -1), told(100, 30, 130)],
        Usage(prompt=100, completion=30),
        id="placeholders before good ones",
    ),
    pytest.param(
        [told(100, 30, 130), told(100, 30, 130)],
        Usage(prompt=100, completion=30),
        id="Azure behind a gateway: told twice",
    ),
    pytest.param([told(0, 0, 0), told(0, 0, 0)], None, id="zeros alone"),
    pytest.param(
        [told(100, 5, 105), told(-1, -1, -1)],
        Usage(prompt=100, completion=5),
        id="placeholders after good ones",
    ),
    pytest.param([told(100, 0, 100), None], None, id="a prompt and no word of the completion"),
    pytest.param(
        [told(21, 0, 40, **reasoned(19)), told(21, 9, 90, **reasoned(60))],
        Usage(prompt=21, completion=69),
        id="Gemini: a running total, thoughts beside",
    ),
    pytest.param([None, None], None, id="none"),
]


def streamed(chunks: Sequence[Told]) -> Usage | None:
    """What the chunks of a stream tell together, each with a word of text."""
    delta = [{"index": 0, "delta": {"content": "x"}}]
    whole = ParsedAnswer(model="")
    for usage in chunks:
        whole = whole.and_then(
            read_chat(ChatCompletionChunk.construct(model="m", usage=usage, choices=delta))
        )
    return whole.usage


@pytest.mark.parametrize(("chunks", "expected"), STREAMS)
def test_a_stream_is_counted_once_by_the_greatest_that_it_tells(
    chunks: Sequence[Told], expected: Usage | None
) -> None:
    assert streamed(chunks) == expected


def test_a_usage_inside_the_last_choice_is_found() -> None:
    last = [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": told(100, 30, 130)}]

    assert read_chat(ChatCompletionChunk.construct(choices=last)).usage == Usage(prompt=100, completion=30)
    assert not is_usage_only(ChatCompletionChunk.construct(choices=last))


def test_a_models_name_is_text_of_bounded_length() -> None:
    assert read_chat(ChatCompletion.construct(model=7)).model == ""
    assert len(read_chat(ChatCompletion.construct(model="m" * 10_000)).model) == 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "cached_tokens",
    "reasoning_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "prompt_tokens_details",
    "completion_tokens_details",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            "model": ANYTHING,
            "choices": ANYTHING,
            "output": ANYTHING,
            "data": ANYTHING,
            "usage": ANYTHING
            | st.dictionaries(st.sampled_from(NAMES), ANYTHING | st.integers(-5, 50), max_size=8),
        },
    )
)
def test_whatever_an_answer_says_it_is_read_and_never_negative(fields: dict[str, object]) -> None:
    for reading in (
        read_chat(ChatCompletion.construct(**fields)),
        read_chat(ChatCompletionChunk.construct(**fields)),
        read_response(Response.construct(**fields)),
        read_embeddings(CreateEmbeddingResponse.construct(**fields)),
    ):
        assert reading.usage is None or min(reading.usage.by_type().values()) >= 0


@pytest.mark.parametrize("text", ["[]", "7", "null", '"x"', "{}"])
def test_text_that_is_no_answer_tells_nothing(text: str) -> None:
    assert read_chat_text(text) == read_response_text(text) == ParsedAnswer(model="", told=ToldUsage())


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"model": ' + "9" * 5000 + "}", "x"], ids=["deep", "long", "x"]
)
def test_text_that_cannot_be_read_is_told_alike_whatever_the_reason(text: str) -> None:
    for read in (read_chat_text, read_response_text):
        with pytest.raises(json.JSONDecodeError):
            read(text)
