"""Decides which tokens of an answer are counted, from all that its provider tells of them. Pure.

Providers that speak OpenAI's language tell usage in many ways: in pieces over a stream, with the cached or the
reasoning tokens beside the others instead of among them, as text, or wrongly. Here every way ends in one of two:
whole tokens by type, or nothing, which is counted as missing; where the total shows more than all parts together, the
parts are counted, and one is missing. Nothing is estimated and nothing is negative.
"""

import re
from dataclasses import dataclass, fields, replace
from itertools import product

from backend.telemetry.metrics import TokenType

# More than any model takes or gives in one answer: a number above it is a fault and no count.
MOST_TOKENS = 1_000_000_000
# A number that was told and cannot be one. A right one in a later chunk takes its place.
WRONG = -1
_DIGITS = re.compile("[0-9]{1,10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer by type. The SDK's prompt tokens contain the cached ones; `prompt` does not.

    Not `is_whole`: the provider's total shows more tokens, of which it does not say what they are.
    """

    prompt: int = 0
    cached_prompt: int = 0
    completion: int = 0
    is_whole: bool = True

    def by_type(self) -> dict[TokenType, int]:
        """The counts under the names of the label `type`."""
        return {
            TokenType.PROMPT: self.prompt,
            TokenType.CACHED_PROMPT: self.cached_prompt,
            TokenType.COMPLETION: self.completion,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldUsage:
    """The numbers of an answer or of a chunk as they were told; None: not told, WRONG: not a number of tokens."""

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    # Under these names the cache's tokens are often told beside the prompt: those read from it and those written to it.
    cache_read: int | None = None
    cache_written: int | None = None

    def and_then(self, later: "ToldUsage") -> "ToldUsage":
        """Join the numbers of two chunks. Counts of a stream only grow, so the greater number of each is the newer."""
        return ToldUsage(
            **{
                each.name: _greater(getattr(self, each.name), getattr(later, each.name))
                for each in fields(self)
            }
        )


def tokens_of(value: object) -> int | None:
    """A number of tokens as a provider writes it: an integer, a whole float, or digits as text."""
    match value:
        case None:
            return None
        case bool():
            return WRONG
        case int():
            return value if 0 <= value <= MOST_TOKENS else WRONG
        case float():
            return tokens_of(int(value)) if value.is_integer() else WRONG
        case str() if _DIGITS.fullmatch(value):
            return tokens_of(int(value))
        case _:
            return WRONG


def countable(told: ToldUsage, *, has_content: bool) -> Usage | None:
    """The tokens to count, or None where the provider does not tell them all.

    An answer that says something has tokens on both sides: zero for one of them is no count, either. Where cached
    tokens stand beside the prompt, or reasoning beside the completion, the total shows it, or there are more of them.
    """
    prompt, completion = _with_total(told)
    if WRONG in {prompt, completion, told.cached, told.cache_read, told.cache_written}:
        return None
    if prompt is None or completion is None:
        return None
    usage = _split(prompt, completion, told)
    if has_content and not (usage.completion and (usage.prompt or usage.cached_prompt)):
        return None
    return replace(usage, is_whole=(told.total or 0) <= sum(usage.by_type().values()))


def _with_total(told: ToldUsage) -> tuple[int | None, int | None]:
    """Prompt and completion; the one that is not told is what the total leaves."""
    total = None if told.total == WRONG else told.total
    match told.prompt, told.completion, total:
        case None, int(completion), int() if completion != WRONG:
            reasoning = _reasoning(told) * _must_reasoning_be_beside(completion, told)
            return _without(reasoning, total - completion), completion
        case int(prompt), None, int() if prompt != WRONG:
            cached = _from_cache(told) * _must_cache_be_beside(prompt, told)
            return prompt, _without(cached, total - prompt)
        case _:
            return told.prompt, told.completion


def _without(beside: int, left: int) -> int:
    # A total that has no room for what is beside is one of the visible parts.
    return max(WRONG, left - beside if left >= beside else left)


def _split(prompt: int, completion: int, told: ToldUsage) -> Usage:
    cached, from_cache, reasoning = _cached(told), _from_cache(told), _reasoning(told)
    must_cache, must_reasoning = (
        _must_cache_be_beside(prompt, told),
        _must_reasoning_be_beside(completion, told),
    )
    # The total may show that more is beside than must be. It never shows that less is: some sum the visible parts.
    is_cache_beside, is_reasoning_beside = next(
        (
            way
            for way in product(sorted({must_cache, True}), sorted({must_reasoning, True}))
            if told.total == prompt + completion + from_cache * way[0] + reasoning * way[1]
        ),
        (must_cache, must_reasoning),
    )
    completion += reasoning * is_reasoning_beside
    if is_cache_beside:
        return Usage(prompt=prompt + from_cache - cached, cached_prompt=cached, completion=completion)
    # More than the prompt under OpenAI's name is a fault, and the prompt is the most.
    among = min(cached, prompt)
    return Usage(prompt=prompt - among, cached_prompt=among, completion=completion)


def _must_cache_be_beside(prompt: int, told: ToldUsage) -> bool:
    # Under these names it may stand beside the prompt, and more of it than prompt can only stand there.
    return (told.cache_read or 0) + (told.cache_written or 0) > prompt


def _must_reasoning_be_beside(completion: int, told: ToldUsage) -> bool:
    return _reasoning(told) > completion


def _cached(told: ToldUsage) -> int:
    # Gateways tell one number under both names, and some tell zero under OpenAI's.
    return max(told.cached or 0, told.cache_read or 0)


def _from_cache(told: ToldUsage) -> int:
    return _cached(told) + (told.cache_written or 0)


def _reasoning(told: ToldUsage) -> int:
    return max(0, told.reasoning or 0)


def _greater(one: int | None, other: int | None) -> int | None:
    numbers = [number for number in (one, other) if number is not None]
    return max(numbers, default=None)
