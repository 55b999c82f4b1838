"""A model is asked within a budget, left alone after failures, and its answers stand for a while."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from backend.assistant import rules
from backend.assistant.types import Spent, WordingReason

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def refusal(*failed_s_ago: float, tokens: int = 0, calls: int = 0) -> WordingReason | None:
    failures = tuple(NOW - timedelta(seconds=seconds) for seconds in failed_s_ago)
    spent = Spent(tokens_today=tokens, calls_in_hour=calls, last_failures=failures)
    return rules.refusal_to_ask(spent, NOW, reserved_tokens=100, tokens_per_day=1_000, calls_per_hour=5)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(refusal, None, id="nothing was asked"),
        pytest.param(lambda: refusal(tokens=900), None, id="the last question that the day allows"),
        pytest.param(lambda: refusal(tokens=901), WordingReason.BUDGET_TOKENS, id="one token too many"),
        pytest.param(lambda: refusal(calls=4), None, id="the last call of the hour"),
        pytest.param(lambda: refusal(calls=5), WordingReason.BUDGET_CALLS, id="one call too many"),
        pytest.param(lambda: refusal(1, 2), None, id="two failures"),
        pytest.param(lambda: refusal(1, 2, 3), WordingReason.RESTING, id="three failures"),
        pytest.param(
            lambda: refusal(299, 900, 950, 990),
            WordingReason.RESTING,
            id="a failure while it was tried again",
        ),
        pytest.param(lambda: refusal(300, 301, 302), None, id="five minutes after the last"),
        pytest.param(
            lambda: refusal(1, 2, 3, tokens=901, calls=5), WordingReason.RESTING, id="rest before budget"
        ),
        pytest.param(
            lambda: refusal(tokens=901, calls=5), WordingReason.BUDGET_CALLS, id="calls before tokens"
        ),
    ],
)
def test_a_question_is_refused_for_the_first_reason_that_holds(
    found: Callable[[], WordingReason | None], expected: WordingReason | None
) -> None:
    assert found() is expected


def test_a_question_reserves_what_it_may_cost_at_most() -> None:
    assert rules.reserve_tokens("x" * 101, 2_000) == 2_050


@pytest.mark.parametrize("reason", WordingReason)
def test_an_answer_stands_for_a_quarter_of_an_hour_and_a_failure_for_a_minute(reason: WordingReason) -> None:
    is_answer = reason in {WordingReason.WORDED, WordingReason.REJECTED}

    assert rules.good_for(reason) == timedelta(minutes=15 if is_answer else 1)
