"""A decision keeps the answer that it was made by, and a callback is read only up to its limits."""

from datetime import timedelta

import pytest

from backend.payments import rules, start_rules
from backend.payments.reconcile_types import CallbackQuery, GatewayEvidence, SessionStatus
from backend.payments.types import AttemptState, AttemptVerdict, ReturnOutcome
from tests.unit.payments.examples import NOW, attempt, refusal, report

PAID = report(SessionStatus.PAID_VERIFIED)
UNPAID = report(SessionStatus.WAITING)
DIFFERENT = report(SessionStatus.PAID_VERIFIED, amount_rial=1)


@pytest.mark.parametrize(
    ("answers", "verdict", "kept", "reason"),
    [
        pytest.param((UNPAID, PAID), AttemptVerdict.PAID, PAID, "", id="verified"),
        pytest.param(
            (UNPAID, DIFFERENT), AttemptVerdict.MISMATCH, DIFFERENT, "amount", id="of another amount"
        ),
        pytest.param((refusal(102),), AttemptVerdict.UNDECIDED, refusal(102), "result_102", id="refused"),
        pytest.param(
            (refusal(102), refusal(103)),
            AttemptVerdict.UNDECIDED,
            refusal(103),
            "result_103",
            id="refused twice",
        ),
        pytest.param((None,), AttemptVerdict.UNDECIDED, None, rules.NO_ANSWER, id="no answer"),
        pytest.param((UNPAID,), AttemptVerdict.WAITING, UNPAID, "", id="not paid yet"),
    ],
)
def test_a_decision_keeps_its_evidence(
    answers: tuple[GatewayEvidence | None, ...],
    verdict: AttemptVerdict,
    kept: GatewayEvidence | None,
    reason: str,
) -> None:
    decision = rules.decide(attempt(), *answers)

    assert (decision.verdict, decision.evidence, decision.reason) == (verdict, kept, reason)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (AttemptVerdict.WAITING, ReturnOutcome.REPLACED),
        (None, ReturnOutcome.REPLACED),
        (AttemptVerdict.UNDECIDED, ReturnOutcome.CHECKING),
    ],
)
def test_a_replaced_payment_is_told_as_such_unless_it_is_in_doubt(
    verdict: AttemptVerdict | None, outcome: ReturnOutcome
) -> None:
    assert rules.outcome_of(attempt(AttemptState.SUPERSEDED, verdict=verdict)) == outcome


@pytest.mark.parametrize(
    ("given", "is_read"),
    [
        pytest.param([("a", "x" * 200)], True, id="the longest value"),
        pytest.param([("a", "x" * 201)], False, id="a longer value"),
        pytest.param([("x" * 200, "a")], True, id="the longest name"),
        pytest.param([("x" * 201, "a")], False, id="a longer name"),
        pytest.param([(f"p{number}", "") for number in range(19)], True, id="the most parameters"),
        pytest.param([(f"p{number}", "") for number in range(20)], False, id="one more"),
    ],
)
def test_a_callback_is_read_up_to_its_limits(given: list[tuple[str, str]], is_read: bool) -> None:
    found = start_rules.read_callback([("trackId", "7"), *given])

    assert found == (CallbackQuery(track_id=7, nonce="", claims_success=False) if is_read else None)


def test_money_that_nobody_verified_is_asked_about_each_minute_for_a_day() -> None:
    paid = attempt(AttemptState.PAID_UNVERIFIED, verdict=AttemptVerdict.UNVERIFIED)
    day_later = NOW + rules.ALARM_AFTER

    assert rules.next_check(paid, day_later - timedelta(seconds=1)) == day_later + timedelta(seconds=59)
    assert rules.next_check(paid, day_later) == day_later + rules.RECHECK_UNDECIDED
