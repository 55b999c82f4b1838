"""Asks a model for an answer in a strict schema, and turns everything that can go wrong into one error."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from openai import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    InternalServerError,
    PermissionDeniedError,
    RateLimitError,
)
from pydantic import BaseModel, ConfigDict, Field

from backend.clients.http import refuse_inside_transaction
from backend.clients.openai import shared_client
from backend.config import settings
from backend.log import get_logger
from backend.telemetry.metered import MeteredOpenAI

log = get_logger(__name__)

T = TypeVar("T", bound=BaseModel)


class WordingFailure(StrEnum):
    """The ways in which a question to a model fails."""

    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    KEY_REFUSED = "key_refused"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    DECLINED = "declined"
    EMPTY = "empty"


class WordingFailed(Exception):
    """There is no answer. Nothing of the vendor's text is kept: it may hold a key, or words of a stranger."""

    def __init__(self, failure: WordingFailure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class GroupAnswer(BaseModel):
    """A group of the answer."""

    model_config = ConfigDict(extra="forbid")

    ids: list[int]
    title: Annotated[str, Field(max_length=120)]
    text: Annotated[str, Field(max_length=400)]


class GroupsAnswer(BaseModel):
    """The answer: groups, and nothing else."""

    model_config = ConfigDict(extra="forbid")

    groups: list[GroupAnswer]


class SentenceAnswer(BaseModel):
    """A sentence of an answer, and the numbers of the lines that it is from."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=400)]
    lines: list[int]


class SentencesAnswer(BaseModel):
    """The answer: sentences, and nothing else."""

    model_config = ConfigDict(extra="forbid")

    sentences: list[SentenceAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer(Generic[T]):
    """A readable answer, of which nothing is proven yet, and the tokens that it cost; None when nobody said so."""

    said: T
    tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A question: fixed instructions, a block of data, whose tokens count, and how long the answer may be."""

    instructions: str
    data: str
    tenant: str
    cache_key: str
    most_output_tokens: int


def ask_for_wording(prompt: Prompt) -> ModelAnswer[GroupsAnswer]:
    """Ask for groups of alerts in other words. Raises WordingFailed as ``ask_for_answer`` does, and for no group."""
    answer = _ask(prompt, GroupsAnswer)
    if not answer.said.groups:
        raise WordingFailed(WordingFailure.EMPTY)
    return answer


def ask_for_answer(prompt: Prompt) -> ModelAnswer[SentencesAnswer]:
    """Ask for sentences that answer a question; none is an answer, too.

    Raises:
        WordingFailed: for whatever reason there is no readable answer.
    """
    return _ask(prompt, SentencesAnswer)


def ask_for_embeddings(texts: Sequence[str], tenant: str) -> tuple[list[list[float]], int | None]:
    """The embeddings of some texts in their order, and the tokens that they cost.

    https://platform.openai.com/docs/api-reference/embeddings/create

    Raises:
        WordingFailed: for whatever reason there are none.
    """
    refuse_inside_transaction()
    try:
        answer = (
            MeteredOpenAI(shared_client())
            .for_tenant(tenant)
            .embeddings.create(model=settings().openai_embedding_model, input=list(texts), user=tenant)
        )
        found = [each.embedding for each in sorted(answer.data, key=lambda each: each.index)]
        usage: object = answer.usage
        tokens = getattr(usage, "total_tokens", None)
    except Exception as error:  # noqa: BLE001 - as below
        raise _failed(error) from None
    if len(found) != len(texts):
        raise WordingFailed(WordingFailure.UNREADABLE)
    return found, tokens


def _ask(prompt: Prompt, schema: type[T]) -> ModelAnswer[T]:
    """Ask the model of the settings; its tokens are counted for the tenant. No temperature: some models refuse any.

    https://platform.openai.com/docs/api-reference/responses/create
    """
    refuse_inside_transaction()
    try:
        parsed = (
            MeteredOpenAI(shared_client())
            .for_tenant(prompt.tenant)
            .responses.parse(
                model=settings().openai_model,
                instructions=prompt.instructions,
                input=prompt.data,
                text_format=schema,
                max_output_tokens=prompt.most_output_tokens,
                store=False,
                prompt_cache_key=prompt.cache_key,
                safety_identifier=prompt.tenant,
            )
        )
        answer = parsed.output_parsed
        has_said_no = any(
            part.type == "refusal"
            for item in parsed.output
            if item.type == "message"
            for part in item.content
        )
        tokens = parsed.usage.total_tokens if parsed.usage else None
    except Exception as error:  # noqa: BLE001 - a proxy's page, a cut answer or a bug of the SDK: all have one substitute
        raise _failed(error) from None
    if answer is None:
        raise WordingFailed(WordingFailure.DECLINED if has_said_no else WordingFailure.EMPTY)
    return ModelAnswer(said=answer, tokens=tokens)


def _failed(error: Exception) -> WordingFailed:
    failure = _failure_of(error)
    log.warning("wording.failed", failure=failure, error=type(error).__name__)
    return WordingFailed(failure)


# The first that fits; what is in none of these is a page of a proxy, a cut answer, or a bug of the SDK.
_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], WordingFailure], ...] = (
    (APITimeoutError, WordingFailure.TIMEOUT),
    (RateLimitError, WordingFailure.RATE_LIMITED),
    ((AuthenticationError, PermissionDeniedError), WordingFailure.KEY_REFUSED),
    ((APIConnectionError, InternalServerError), WordingFailure.UNREACHABLE),
)


def _failure_of(error: Exception) -> WordingFailure:
    return next(
        (failure for kind, failure in _FAILURES if isinstance(error, kind)), WordingFailure.UNREADABLE
    )
