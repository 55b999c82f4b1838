"""Faults of the OpenAI sandbox, and a ledger of its real answers."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from pydantic import BaseModel, Field

from backend.sandbox.openai_words import Completion


class OpenAIFaultKind(StrEnum):
    """The faults. A number is answered as that HTTP status."""

    BAD_REQUEST = "400"
    KEY_REFUSED = "401"
    RATE_LIMITED = "429"
    BROKEN = "500"
    OVERLOADED = "503"
    DELAY = "delay"  # waits `seconds`, then answers: longer than the caller's patience, it is a timeout
    NO_USAGE = "no_usage"  # answers and streams without usage
    CUT = "cut"  # a stream whose connection ends half-way
    STREAM_ERROR = "stream_error"  # a stream whose first event is an error
    LATE_ERROR = "late_error"  # a stream that ends half-way by an error
    HTML = "html"  # a proxy's page with status 200 in the place of an answer
    EMPTY = "empty"  # a response without any output
    DECLINES = "declines"  # a response that refuses to answer
    CUT_SHORT = "cut_short"  # a response in a schema that ends half-way
    MISSHAPED = "misshaped"  # a response that does not fit its schema
    SAYS = "says"  # a response in the schema of answers that says `text`, from the lines that are told first
    INVENTS = "invents"  # a response that fits its schema and says what nobody knows
    ANSWER_AS = "answer_as"  # the answer names `model_name`, as dated snapshots do


class OpenAIFault(BaseModel):
    """A fault. It hits every `every`-th request to `model` (any, without), `times` times (for ever, without).

    Its `name` ends it alone.
    """

    kind: OpenAIFaultKind
    name: str = ""
    model: str | None = None
    times: int | None = Field(default=None, ge=1)
    every: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0)
    model_name: str = ""
    text: str = ""
    seen: int = 0

    def strikes(self, model: str) -> bool:
        """Whether this request is hit. Asking counts."""
        if self.model not in {None, model} or self.times == 0:
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class LedgerLine(TypedDict):
    """A line of the ledger. `reported` says whether the client was told the usage."""

    who: str
    model: str
    type: str
    reported: bool
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """Caller and model of a request, as the ledger keeps them."""

    who: str
    model: str


class Ledger:
    """Tokens that were answered, by asker, model and type: the truth that counters are compared with."""

    def __init__(self) -> None:
        self._tokens: Counter[tuple[str, str, str, bool]] = Counter()

    def note(self, asked: ModelRequest, answer: Completion, *, reported: bool) -> None:
        """Add an answer."""
        amounts = {
            "prompt": answer.prompt - answer.cached,
            "cached_prompt": answer.cached,
            "completion": answer.completion,
        }
        for kind, tokens in amounts.items():
            if tokens:
                self._tokens[asked.who, asked.model, kind, reported] += tokens

    def entries(self) -> list[LedgerLine]:
        """Everything noted so far."""
        return [
            LedgerLine(who=who, model=model, type=kind, reported=reported, tokens=tokens)
            for (who, model, kind, reported), tokens in sorted(self._tokens.items())
        ]
