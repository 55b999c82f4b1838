"""A request that is left is counted once, whatever takes its asker away and however far it had come."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from operator import attrgetter
from uuid import uuid4

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from prometheus_client import REGISTRY

from backend.telemetry.asking import Asker
from backend.telemetry.asking_async import AsyncAsker
from backend.telemetry.metered import MeteredOpenAI
from backend.telemetry.metered_async import AsyncMeteredOpenAI
from backend.telemetry.reading import Failure, ParsedAnswer
from backend.telemetry.sdk import nothing
from backend.telemetry.told_usage import ToldUsage

FIRST, SECOND = "gpt-5.2", "gpt-5-mini"
CHAIN = {FIRST: [SECOND]}
WORD = ParsedAnswer(model="")
LAST = ParsedAnswer(model=FIRST, told=ToldUsage(prompt=3, completion=0))
EARLY = ParsedAnswer(model="", told=ToldUsage(prompt=100, completion=1, total=101), has_content=True)
TEXT = ParsedAnswer(model="", has_content=True)
FINISHED = ParsedAnswer(model="", has_finished=True)
VENDOR = httpx2.Response(429, request=httpx2.Request("POST", "http://127.0.0.1/v1"))
CROWDED = openai.RateLimitError("x", response=VENDOR, body=None)
LEAVING = [
    pytest.param(asyncio.CancelledError(), id="a closed tab"),
    pytest.param(KeyboardInterrupt(), id="a key"),
    pytest.param(SystemExit(), id="a worker that is told to go"),
    pytest.param(GeneratorExit(), id="a dropped coroutine"),
    pytest.param(TimeoutError(), id="an alarm that went off"),
]
ABANDONED = {(FIRST, "abandoned"): 1, (FIRST, "missing"): 1}
Steps = Sequence[ParsedAnswer | BaseException]
Send = Callable[[str], ParsedAnswer]
Opening = Callable[[str], Steps]


class Stream:
    """The SDK's stream as a row of steps: what is sent, and what ends it."""

    response = VENDOR

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[ParsedAnswer]:
        yield from map(_take, self._steps)

    def close(self) -> None:
        """Nothing is open."""


class AsyncStream:
    """The same for asyncio."""

    response = VENDOR

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def __aiter__(self) -> AsyncIterator[ParsedAnswer]:
        for step in self._steps:
            yield _take(step)

    async def close(self) -> None:
        """Nothing is open."""


class Asking:
    """One tenant's asker of one kind, whose vendor is a function of the model's name."""

    def __init__(self, kind: str, tenant: str) -> None:
        self._is_async = kind == "async"
        self._sync = Asker(tenant, CHAIN)
        self._async = AsyncAsker(tenant, CHAIN)

    def answer(self, send: Send, read: Callable[[ParsedAnswer], ParsedAnswer] | None = None) -> ParsedAnswer:
        def send_sync(model: str) -> ParsedAnswer:
            return send(model)

        async def send_async(model: str) -> ParsedAnswer:
            return send(model)

        asked, reads = {"model": FIRST}, read or _same
        if self._is_async:
            return asyncio.run(self._async.answer(asked, send_async, reads))
        return self._sync.answer(asked, send_sync, reads)

    def stream(self, opening: Opening, hides: Callable[[ParsedAnswer], bool] = nothing) -> list[ParsedAnswer]:
        async def open_async(model: str) -> AsyncStream:
            return AsyncStream(opening(model))

        async def read_all() -> list[ParsedAnswer]:
            found = await self._async.stream({"model": FIRST}, open_async, _same, hides=hides)
            return [item async for item in found]

        if self._is_async:
            return asyncio.run(read_all())
        return list(
            self._sync.stream({"model": FIRST}, lambda model: Stream(opening(model)), _same, hides=hides)
        )


@pytest.fixture
def tenant() -> str:
    return f"tenant-{uuid4().hex}"


@pytest.fixture(params=["sync", "async"])
def asking(request: pytest.FixtureRequest, tenant: str) -> Asking:
    return Asking(request.param, tenant)


def books(tenant: str) -> dict[tuple[str, str], int]:
    """Requests by model and outcome, and under "missing" those whose usage nobody knows."""
    return {
        (sample.labels["model"], sample.labels.get("outcome", "missing")): int(sample.value)
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name in {"openai_request_total", "openai_usage_missing_total"}
        and sample.labels["tenant"] == tenant
        and sample.value
    }


def tokens(tenant: str) -> int:
    """All tokens that are counted for the tenant."""
    return sum(
        int(sample.value)
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "openai_tokens_total" and sample.labels["tenant"] == tenant
    )


def _take(step: ParsedAnswer | BaseException) -> ParsedAnswer:
    if isinstance(step, ParsedAnswer):
        return step
    raise step


def _same(reading: ParsedAnswer) -> ParsedAnswer:
    return reading


def _crowded_then(step: ParsedAnswer | BaseException) -> Send:
    return lambda model: _take(CROWDED if model == FIRST else step)


@pytest.mark.parametrize("leaving", LEAVING)
def test_who_leaves_before_the_answer_is_missing(asking: Asking, tenant: str, leaving: BaseException) -> None:
    with pytest.raises(type(leaving)):
        asking.answer(lambda _: _take(leaving))

    assert books(tenant) == ABANDONED


@pytest.mark.parametrize("leaving", LEAVING)
def test_who_leaves_before_the_stream_opens_is_missing(
    asking: Asking, tenant: str, leaving: BaseException
) -> None:
    with pytest.raises(type(leaving)):
        asking.stream(lambda _: [_take(leaving)])

    assert books(tenant) == ABANDONED


@pytest.mark.parametrize("leaving", LEAVING)
def test_who_leaves_before_the_first_word_is_missing(
    asking: Asking, tenant: str, leaving: BaseException
) -> None:
    with pytest.raises(type(leaving)):
        asking.stream(lambda _: [leaving])

    assert books(tenant) == ABANDONED


@pytest.mark.parametrize("shown", [True, False], ids=["a word was shown", "every word was hidden"])
@pytest.mark.parametrize("leaving", LEAVING[:4])
def test_who_leaves_after_the_first_word_is_counted_once(
    asking: Asking, tenant: str, leaving: BaseException, *, shown: bool
) -> None:
    with pytest.raises(type(leaving)):
        asking.stream(lambda _: [WORD, leaving], lambda _: not shown)

    assert books(tenant) == ABANDONED


@pytest.mark.parametrize("leaving", LEAVING)
def test_who_leaves_in_the_middle_of_a_chain_is_missing_at_the_model_that_was_asked(
    asking: Asking, tenant: str, leaving: BaseException
) -> None:
    with pytest.raises(type(leaving)):
        asking.answer(_crowded_then(leaving))
    with pytest.raises(type(leaving)):
        asking.stream(lambda model: [_crowded_then(leaving)(model)])

    assert books(tenant) == {(FIRST, "rate_limited"): 2, (SECOND, "abandoned"): 2, (SECOND, "missing"): 2}


@pytest.mark.parametrize("error", [TypeError("no such argument"), ValueError("no such format")], ids=repr)
def test_a_call_that_the_sdk_does_not_send_has_cost_nothing(
    asking: Asking, tenant: str, error: Exception
) -> None:
    with pytest.raises(type(error)):
        asking.answer(lambda _: _take(error))
    with pytest.raises(type(error)):
        asking.stream(lambda _: [_take(error)])

    assert books(tenant) == {}


@pytest.mark.parametrize(
    ("status", "missing"), [(408, 1), (504, 1), (524, 1), (429, 0), (500, 0), (502, 0), (503, 0)]
)
def test_a_request_that_a_gateway_did_not_wait_for_is_missing_and_one_that_it_refused_is_not(
    asking: Asking, tenant: str, *, status: int, missing: int
) -> None:
    answer = httpx2.Response(status, request=VENDOR.request)
    error = openai.APIStatusError("x", response=answer, body=None)

    asking.answer(lambda model: LAST if model == SECOND else _take(error))

    assert books(tenant).get((FIRST, "missing"), 0) == missing


def test_who_leaves_with_the_answer_in_hand_is_missing(asking: Asking, tenant: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        asking.answer(lambda _: LAST, lambda _: _take(KeyboardInterrupt()))

    assert books(tenant) == ABANDONED


def test_who_stays_to_the_end_is_not_missing(asking: Asking, tenant: str) -> None:
    assert asking.answer(lambda _: LAST) == LAST
    assert asking.stream(lambda _: [WORD, LAST]) == [WORD, LAST]

    assert books(tenant) == {(FIRST, "ok"): 2}


def _failing_with(code: str, *, told: ToldUsage = ToldUsage()) -> ParsedAnswer:  # noqa: B008 - it is frozen
    return ParsedAnswer(model="", told=told, failure=Failure(code=code, message="try later"))


@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded"])
def test_a_stream_that_begins_with_a_failure_is_asked_of_the_next_model(
    asking: Asking, tenant: str, code: str
) -> None:
    outcome = {"server_error": "server_error", "rate_limit_exceeded": "rate_limited"}[code]

    seen = asking.stream(lambda model: [_failing_with(code)] if model == FIRST else [LAST])

    assert seen == [LAST]
    assert books(tenant) == {(FIRST, outcome): 1, (FIRST, "ok"): 1}


@pytest.mark.parametrize("code", ["invalid_prompt", ""])
def test_a_stream_that_refuses_is_not_asked_elsewhere(asking: Asking, tenant: str, code: str) -> None:
    with pytest.raises(openai.APIError, match="try later"):
        asking.stream(lambda _: [_failing_with(code)])

    assert books(tenant) == {(FIRST, "refused"): 1}


def test_a_failure_after_the_first_word_is_shown_and_ends_nothing_well(asking: Asking, tenant: str) -> None:
    seen = asking.stream(lambda _: [WORD, _failing_with("server_error")])

    assert seen == [WORD, _failing_with("server_error")]
    assert books(tenant) == {(FIRST, "interrupted"): 1, (FIRST, "missing"): 1}


def test_a_failure_that_tells_its_usage_is_charged(asking: Asking, tenant: str) -> None:
    asking.stream(lambda _: [_failing_with("server_error", told=ToldUsage(prompt=3, completion=0))])

    assert books(tenant) == {(FIRST, "interrupted"): 1}


def test_an_answer_whose_total_shows_more_than_its_parts_is_counted_and_missing(
    asking: Asking, tenant: str
) -> None:
    thought = ParsedAnswer(model=FIRST, told=ToldUsage(prompt=20, completion=198, total=623))

    asking.answer(lambda _: thought)

    assert (tokens(tenant), books(tenant)) == (218, {(FIRST, "ok"): 1, (FIRST, "missing"): 1})


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        pytest.param(openai.APIConnectionError(request=VENDOR.request), "interrupted", id="a broken line"),
        pytest.param(KeyboardInterrupt(), "abandoned", id="a reader who leaves"),
    ],
)
@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([EARLY, TEXT], id="usage at the beginning"),
        pytest.param([FINISHED, EARLY, TEXT], id="text after all that ended"),
        pytest.param([EARLY, FINISHED], id="the last usage is still to come"),
    ],
)
def test_a_stream_that_ends_before_its_last_usage_counts_what_it_told_and_is_missing(
    asking: Asking, tenant: str, *, steps: list[ParsedAnswer], end: BaseException, outcome: str
) -> None:
    with pytest.raises(type(end)):
        asking.stream(lambda _: [*steps, end])

    assert (tokens(tenant), books(tenant)) == (101, {(FIRST, outcome): 1, (FIRST, "missing"): 1})


def test_a_stream_that_fails_after_an_early_usage_counts_it_and_is_missing(
    asking: Asking, tenant: str
) -> None:
    asking.stream(lambda _: [EARLY, TEXT, _failing_with("server_error")])

    assert (tokens(tenant), books(tenant)) == (101, {(FIRST, "interrupted"): 1, (FIRST, "missing"): 1})


@pytest.mark.parametrize(
    "end", [KeyboardInterrupt(), openai.APIConnectionError(request=VENDOR.request)], ids=["left", "broken"]
)
def test_a_stream_that_ends_after_its_last_usage_is_not_missing(
    asking: Asking, tenant: str, end: BaseException
) -> None:
    with pytest.raises(type(end)):
        asking.stream(lambda _: [EARLY, TEXT, FINISHED, LAST, end])

    assert (FIRST, "missing") not in books(tenant)


@pytest.mark.parametrize(
    "client", [MeteredOpenAI(OpenAI(api_key="k")), AsyncMeteredOpenAI(AsyncOpenAI(api_key="k"))]
)
@pytest.mark.parametrize(
    "path",
    [
        "chat.completions.with_raw_response",
        "chat.completions.with_streaming_response",
        "chat.completions.stream",
        "responses.with_raw_response",
        "responses.with_streaming_response",
        "responses.stream",
        "responses.retrieve",
        "responses.compact",
        "embeddings.with_raw_response",
        "beta",
        "batches",
        "completions",
        "images",
        "audio",
        "moderations",
        "files",
        "with_options",
    ],
)
def test_what_is_not_metered_is_refused_with_a_sentence(
    client: MeteredOpenAI | AsyncMeteredOpenAI, path: str
) -> None:
    with pytest.raises(AttributeError, match="is not metered: its tokens would be on no invoice"):
        attrgetter(path)(client.for_tenant("t"))


@pytest.mark.parametrize(
    "options",
    [{"background": True}, {"extra_body": {"background": True}}, {"extra_body": {"stream": True}}],
    ids=str,
)
def test_an_answer_whose_usage_nobody_would_see_is_refused_before_it_is_asked(
    options: dict[str, object],
) -> None:
    openai = MeteredOpenAI(OpenAI(api_key="k", base_url="http://127.0.0.1:1")).for_tenant("t")

    with pytest.raises(ValueError, match="is not metered"):
        openai.responses.create(model=FIRST, input="؟", **options)
