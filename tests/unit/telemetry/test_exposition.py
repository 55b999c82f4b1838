import asyncio
from uuid import uuid4

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from backend.telemetry import metrics
from backend.telemetry.exposition import MetricsApp, expose

PROMETHEUS_ACCEPTS = (
    "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def _get(app: MetricsApp, method: str = "GET", **given: str) -> httpx.Response:
    # Bytes, because a client may send any.
    headers = [(name.encode(), value.encode()) for name, value in given.items()]

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, "/metrics", headers=headers)

    return asyncio.run(get())


def _names(text: str) -> set[str]:
    return {family.name for family in parse(text)}


def test_every_metric_has_the_agreed_name() -> None:
    assert _names(expose().body.decode()) >= {
        "openai_tokens",
        "openai_request",
        "openai_usage_missing",
        "ml_fallback",
        "http_request_duration_seconds",
        "rag_query",
        "document_chunks",
        "process_start_time_seconds",
    }


def test_known_tenants_stand_at_zero() -> None:
    tenant = f'شرکت "{uuid4().hex}" \\ x'
    metrics.register_tenants([tenant], models=["gpt-5.2"], embedding_models=["text-embedding-3-large"])

    zeros = {
        (sample.labels["model"], sample.labels["type"]): sample.value
        for family in parse(expose().body.decode())
        for sample in family.samples
        if sample.name == "openai_tokens_total" and sample.labels["tenant"] == tenant
    }

    assert zeros == {
        ("gpt-5.2", "prompt"): 0,
        ("gpt-5.2", "cached_prompt"): 0,
        ("gpt-5.2", "completion"): 0,
        ("text-embedding-3-large", "prompt"): 0,
    }


def test_registering_a_tenant_again_keeps_its_counts() -> None:
    tenant = uuid4().hex
    metrics.count_tokens(tenant, "gpt-5.2", metrics.TokenType.PROMPT, 7)

    metrics.register_tenants([tenant], models=["gpt-5.2"])

    assert metrics.TOKENS.labels(tenant, "gpt-5.2", "prompt")._value.get() == 7


def test_no_created_series_doubles_the_counters() -> None:
    metrics.register_tenants([uuid4().hex], models=["gpt-5.2"])

    assert "openai_tokens_created" not in expose().body.decode()


def test_the_largest_whole_count_is_written_exactly() -> None:
    registry = CollectorRegistry()
    Counter("big", "Big.", registry=registry).inc(2**53 - 1)

    (family,) = parse(expose(registry=registry).body.decode())
    assert int(family.samples[0].value) == 2**53 - 1


def test_prometheus_may_have_openmetrics() -> None:
    answer = _get(MetricsApp(), accept=PROMETHEUS_ACCEPTS)

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert list(parse_openmetrics(answer.text))


def test_a_long_text_is_packed_for_who_can_unpack() -> None:
    packed = _get(MetricsApp(), **{"accept-encoding": "gzip"})
    plain = _get(MetricsApp(), **{"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert "content-encoding" not in plain.headers
    assert _names(packed.text) == _names(plain.text)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param("Bearer right-token", 200, id="right"),
        pytest.param("bearer right-token", 200, id="scheme in small letters"),
        pytest.param("Bearer wrong-token", 401, id="wrong"),
        pytest.param("Bearer ", 401, id="empty"),
        pytest.param("Basic right-token", 401, id="other scheme"),
        pytest.param("Bearer رمز", 401, id="not even Latin"),
    ],
)
def test_a_token_is_asked_for(authorization: str, status: int) -> None:
    app = MetricsApp("right-token")

    answer = _get(app, authorization=authorization)

    assert answer.status_code == status
    assert (b"process_start_time_seconds" in answer.content) == (status == 200)


def test_nobody_gets_in_without_the_token() -> None:
    answer = _get(MetricsApp("right-token"))

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 405)])
def test_only_reading_is_possible(method: str, status: int) -> None:
    answer = _get(MetricsApp(), method)

    assert (answer.status_code, answer.content) == (status, b"")
