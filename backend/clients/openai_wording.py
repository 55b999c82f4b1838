"""Asks a model for a wording in a strict schema, and turns everything that can go wrong into one error."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

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


class WordingFailure(StrEnum):
    """The ways in which a question for a wording fails."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """A readable answer, of which nothing is proven yet, and the tokens that it cost; None when nobody said so."""

    groups: list[GroupAnswer]
    tokens: int | None


def ask_for_wording(
    *, instructions: str, data: str, tenant: str, cache_key: str, most_output_tokens: int
) -> ModelAnswer:
    """Ask the model of the settings; its tokens are counted for ``tenant``. No temperature: some models refuse any.

    https://platform.openai.com/docs/api-reference/responses/create

    Raises:
        WordingFailed: for whatever reason there is no readable answer.
    """
    refuse_inside_transaction()
    try:
        parsed = (
            MeteredOpenAI(shared_client())
            .for_tenant(tenant)
            .responses.parse(
                model=settings().openai_model,
                instructions=instructions,
                input=data,
                text_format=GroupsAnswer,
                max_output_tokens=most_output_tokens,
                store=False,
                prompt_cache_key=cache_key,
                safety_identifier=tenant,
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
        failure = _failure_of(error)
        log.warning("wording.failed", failure=failure, error=type(error).__name__)
        raise WordingFailed(failure) from None
    if answer is None or not answer.groups:
        raise WordingFailed(WordingFailure.DECLINED if has_said_no else WordingFailure.EMPTY)
    return ModelAnswer(groups=answer.groups, tokens=tokens)


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
