"""The stand-in itself: deterministic, refusing what the vendor refuses, and failing when it is told to."""

from collections.abc import Iterator

import httpx
import pytest
from openai import BadRequestError, NotFoundError, OpenAI, RateLimitError

from backend.clients.openai import metered_client
from backend.config import settings
from backend.errors import Unavailable
from tests.integration.telemetry.conftest import Vendor, counted

MESSAGES = [{"role": "user", "content": "مهلت پاسخ چند روز است؟"}]


@pytest.fixture
def sdk(vendor: Vendor) -> Iterator[OpenAI]:
    with OpenAI(base_url=vendor.url, api_key="k", max_retries=0) as client:
        yield client


def test_the_same_question_has_the_same_answer_and_usage(sdk: OpenAI) -> None:
    first, second = (sdk.responses.create(model="gpt-5.2", input="یک") for _ in range(2))

    assert first.output_text == second.output_text
    assert first.usage == second.usage
    assert first.id != second.id


def test_a_stream_says_the_same_as_the_whole_answer(sdk: OpenAI) -> None:
    whole = sdk.responses.create(model="gpt-5.2", input="یک")
    with sdk.responses.stream(model="gpt-5.2", input="یک") as stream:
        streamed = stream.get_final_response()

    assert streamed.output_text == whole.output_text
    assert streamed.usage == whole.usage


def test_embeddings_come_packed_and_plain(sdk: OpenAI) -> None:
    model = "text-embedding-3-large"
    packed = sdk.embeddings.create(model=model, input="یک").data[0].embedding
    plain = sdk.embeddings.create(model=model, input="یک", encoding_format="float").data[0].embedding

    assert len(packed) == 3072
    assert packed == pytest.approx(plain, rel=1e-6)
    assert sum(value * value for value in plain) == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        pytest.param({"model": "no-such-model"}, NotFoundError, id="unknown model"),
        pytest.param({"model": "text-embedding-3-large"}, NotFoundError, id="not a chat model"),
        pytest.param({"model": "gpt-5.2", "temperature": 0.2}, BadRequestError, id="temperature"),
        pytest.param({"model": "gpt-5.2", "max_tokens": 5}, BadRequestError, id="old limit"),
        pytest.param({"model": "gpt-5.2", "messages": []}, BadRequestError, id="no messages"),
    ],
)
def test_it_refuses_what_the_vendor_refuses(
    sdk: OpenAI, options: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        sdk.chat.completions.create(**{"messages": MESSAGES, **options})  # type: ignore[call-overload]  # wrong on purpose


def test_nobody_is_served_without_a_key(vendor: Vendor) -> None:
    asked = {"model": "gpt-5.2", "input": "x"}

    assert httpx.post(f"{vendor.url}/responses", json=asked, trust_env=False).status_code == 401


def test_a_fault_strikes_every_second_time_and_only_twice(vendor: Vendor, sdk: OpenAI) -> None:
    vendor.fail("429", model="gpt-5.2", every=2, times=2)

    def ask() -> str:
        try:
            return sdk.responses.create(model="gpt-5.2", input="x").model
        except RateLimitError:
            return "429"

    assert [ask() for _ in range(6)] == ["gpt-5.2", "429", "gpt-5.2", "429", "gpt-5.2", "gpt-5.2"]


def test_a_fault_that_does_not_exist_is_refused(vendor: Vendor) -> None:
    answer = httpx.post(vendor.url.replace("/v1", "/sandbox/faults"), json={"kind": "flood"}, trust_env=False)

    assert answer.status_code == 422


@pytest.fixture
def configured(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody:secret@127.0.0.1/none")
    monkeypatch.setenv("OPENAI_BASE_URL", vendor.url)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


@pytest.mark.usefixtures("configured")
def test_the_client_of_the_settings_is_metered(vendor: Vendor, tenant: str) -> None:
    openai = metered_client().for_tenant(tenant)

    openai.responses.create(model="gpt-5-mini", input="x", safety_identifier=tenant)

    assert counted(tenant) == vendor.answered(tenant) != {}


def test_without_a_key_the_vendor_is_unavailable(configured: pytest.MonkeyPatch) -> None:
    configured.delenv("OPENAI_API_KEY")
    settings.cache_clear()

    with pytest.raises(Unavailable):
        metered_client()
