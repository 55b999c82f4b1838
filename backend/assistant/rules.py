"""Rules for asking a model: budget, breaker, and how long an answer is good."""

from datetime import datetime, timedelta

from backend.assistant.types import Spent, WordingReason

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# A wording of alerts that do not change says the same for so long.
WORDED_FOR = timedelta(minutes=15)
# Pages say the same until they change, and then the key is another one.
ANSWERED_FOR = DAY
# Longer than the client waits; whoever died with the question unanswered blocks nobody longer.
ASKED_FOR = timedelta(seconds=30)
# A failure may pass; the same question is put again after a while, if the breaker lets it.
FAILED_FOR = timedelta(minutes=1)
FAILURES, REST = 3, timedelta(minutes=5)
# Four characters a token is the vendor's own rule of thumb; Persian takes more.
_CHARACTERS_PER_TOKEN = 2


def reserve_tokens(told: str, most_output_tokens: int) -> int:
    """The tokens that a question may cost at most, from the texts that are sent."""
    return len(told) // _CHARACTERS_PER_TOKEN + most_output_tokens


def refusal_to_ask(
    spent: Spent, now: datetime, *, reserved_tokens: int, tokens_per_day: int, calls_per_hour: int
) -> WordingReason | None:
    """The reason not to ask a model now, or None."""
    if len(spent.last_failures) >= FAILURES and now - spent.last_failures[0] < REST:
        return WordingReason.RESTING
    if spent.calls_in_hour >= calls_per_hour:
        return WordingReason.BUDGET_CALLS
    if spent.tokens_today + reserved_tokens > tokens_per_day:
        return WordingReason.BUDGET_TOKENS
    return None


def good_for(reason: WordingReason) -> timedelta:
    """The time for which an answer stands. One that the validator refused would be no better at once."""
    return WORDED_FOR if reason in {WordingReason.WORDED, WordingReason.REJECTED} else FAILED_FOR
