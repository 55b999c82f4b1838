"""The chain of models: after what it goes on, after what it does not, and what is counted on the way."""

from typing import Any

import pytest
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    OpenAI,
    RateLimitError,
)
from prometheus_client import REGISTRY

from backend.telemetry.metered import MeteredOpenAI
from tests.integration.telemetry.conftest import Asking, Vendor, counted, missing, outcomes

FIRST, SECOND, THIRD = "gpt-5.2", "gpt-5-mini", "gpt-5-nano"


@pytest.fixture
def chained(asking: Asking) -> Asking:
    asking.fallbacks = {FIRST: [SECOND, THIRD]}
    return asking


def _fallbacks(from_model: str, to_model: str, reason: str) -> float:
    labels = {"from_model": from_model, "to_model": to_model, "reason": reason}
    return REGISTRY.get_sample_value("ml_fallback_total", labels) or 0


@pytest.mark.parametrize("call", ["chat", "respond"])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param({"kind": "429"}, "rate_limited", id="crowded"),
        pytest.param({"kind": "500"}, "server_error", id="broken"),
        pytest.param({"kind": "503"}, "server_error", id="overloaded"),
        pytest.param({"kind": "delay", "seconds": 6}, "timeout", id="slow"),
    ],
)
def test_the_next_model_answers(
    chained: Asking,
    vendor: Vendor,
    tenant: str,
    *,
    fault: dict[str, Any],
    reason: str,
    call: str,
    streams: bool,
) -> None:
    vendor.fail(model=FIRST, **fault)
    before = _fallbacks(FIRST, SECOND, reason)

    # The next model has as long as the first, and must answer in time on a busy machine too.
    patience_s = 1.5 if reason == "timeout" else 60
    getattr(chained, call)(model=FIRST, stream=streams, timeout=patience_s)

    assert _fallbacks(FIRST, SECOND, reason) == before + 1
    assert outcomes(tenant) == {(FIRST, reason): 1, (SECOND, "ok"): 1}
    assert counted(tenant) == vendor.answered(tenant)
    assert {model for model, _ in counted(tenant)} == {SECOND}


@pytest.mark.parametrize("call", ["chat", "respond"])
def test_a_stream_falls_back_when_its_first_event_is_an_error(
    chained: Asking, vendor: Vendor, tenant: str, call: str
) -> None:
    vendor.fail("stream_error", model=FIRST)

    getattr(chained, call)(model=FIRST, stream=True)

    assert {model for model, _ in counted(tenant)} == {SECOND}
    assert counted(tenant) == vendor.answered(tenant)
    assert outcomes(tenant) == {(FIRST, "server_error"): 1, (SECOND, "ok"): 1}


def test_a_stream_that_has_begun_never_falls_back(chained: Asking, vendor: Vendor, tenant: str) -> None:
    vendor.fail("cut", model=FIRST)

    with pytest.raises(Exception, match="Connection error"):
        chained.chat(model=FIRST, stream=True)

    assert outcomes(tenant) == {(FIRST, "interrupted"): 1}


@pytest.mark.parametrize("streams", [False, True])
def test_a_wrong_request_is_not_tried_elsewhere(
    chained: Asking, vendor: Vendor, tenant: str, *, streams: bool
) -> None:
    vendor.fail("400", model=FIRST)

    with pytest.raises(APIStatusError):
        chained.chat(model=FIRST, stream=streams)

    assert outcomes(tenant) == {(FIRST, "refused"): 1}


def test_each_model_is_asked_once_and_the_last_error_is_raised(
    chained: Asking, vendor: Vendor, tenant: str
) -> None:
    vendor.fail("429", model=FIRST)
    vendor.fail("429", model=SECOND)
    vendor.fail("500", model=THIRD)

    with pytest.raises(InternalServerError):
        chained.chat(model=FIRST)

    assert outcomes(tenant) == {
        (FIRST, "rate_limited"): 1,
        (SECOND, "rate_limited"): 1,
        (THIRD, "server_error"): 1,
    }


def test_embeddings_without_a_chain_stay_with_their_model(
    chained: Asking, vendor: Vendor, tenant: str
) -> None:
    vendor.fail("429", model="text-embedding-3-large")

    with pytest.raises(RateLimitError):
        chained.embed()

    assert outcomes(tenant) == {("text-embedding-3-large", "rate_limited"): 1}


@pytest.mark.parametrize("call", ["chat", "respond"])
@pytest.mark.parametrize("streams", [False, True])
def test_a_request_that_was_not_waited_for_is_missing_because_the_vendor_worked_on_it(
    asking: Asking, vendor: Vendor, tenant: str, *, call: str, streams: bool
) -> None:
    vendor.fail("delay", seconds=2, model=FIRST)

    with pytest.raises(APITimeoutError):
        getattr(asking, call)(model=FIRST, stream=streams, timeout=0.3)

    assert (missing(tenant), outcomes(tenant)) == (1, {(FIRST, "timeout"): 1})


def test_a_request_that_never_left_has_cost_nothing(tenant: str) -> None:
    with OpenAI(base_url="http://127.0.0.1:1/v1", api_key="k", max_retries=0) as sdk:
        openai = MeteredOpenAI(sdk).for_tenant(tenant)
        with pytest.raises(APIConnectionError):
            openai.responses.create(model=FIRST, input="؟")

    assert (missing(tenant), outcomes(tenant)) == (0, {(FIRST, "unreachable"): 1})
