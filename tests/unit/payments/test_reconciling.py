"""What the gateway's answers prove."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.payments import rules
from backend.payments.reconcile_types import Evidence, SessionStatus
from backend.payments.types import OPEN_STATES, Flag, Outcome, State, Verdict
from tests.unit.payments.examples import AMOUNT, attempt, refusal, report

PAID, UNVERIFIED = report(SessionStatus.PAID_VERIFIED), report(SessionStatus.PAID_UNVERIFIED)


@pytest.mark.parametrize(
    ("answers", "verdict", "reason"),
    [
        pytest.param([PAID], Verdict.PAID, "", id="inquiry says verified"),
        pytest.param([UNVERIFIED, PAID], Verdict.PAID, "", id="verify accepts"),
        pytest.param([UNVERIFIED, refusal(201), PAID], Verdict.PAID, "", id="201 is resolved by inquiry"),
        pytest.param([UNVERIFIED, refusal(201), None], Verdict.UNVERIFIED, "", id="201 alone proves nothing"),
        pytest.param([None, refusal(201), None], Verdict.UNDECIDED, "result_201", id="201 and silence"),
        pytest.param([None, PAID], Verdict.PAID, "", id="verify alone, inquiry is down"),
        pytest.param([UNVERIFIED, None], Verdict.UNVERIFIED, "", id="verify does not answer"),
        pytest.param(
            [UNVERIFIED, refusal(202), report(SessionStatus.REVERSED)],
            Verdict.REVERSED,
            "",
            id="gone meanwhile",
        ),
        pytest.param([UNVERIFIED, UNVERIFIED], Verdict.UNVERIFIED, "", id="verify says 100 and not verified"),
        pytest.param([None], Verdict.UNDECIDED, "no_answer", id="silence"),
        pytest.param([refusal(203)], Verdict.UNDECIDED, "result_203", id="unknown track id"),
        pytest.param([refusal(999)], Verdict.UNDECIDED, "result_999", id="a result nobody knows"),
        pytest.param(
            [report(SessionStatus.UNCLEAR, status=77)], Verdict.UNDECIDED, "status_77", id="unknown status"
        ),
        pytest.param([report(None, status=None)], Verdict.UNDECIDED, "status_None", id="no status"),
        pytest.param([report(SessionStatus.WAITING)], Verdict.WAITING, "", id="waiting"),
        pytest.param([report(SessionStatus.CANCELLED)], Verdict.CANCELLED, "", id="cancelled"),
        pytest.param([report(SessionStatus.NOT_PAID)], Verdict.NOT_PAID, "", id="not paid"),
        pytest.param([report(SessionStatus.REFUNDING)], Verdict.REFUNDING, "", id="being refunded"),
        pytest.param([report(SessionStatus.REFUNDED)], Verdict.REFUNDED, "", id="refunded"),
        pytest.param(
            [report(SessionStatus.PAID_VERIFIED, amount_rial=None)],
            Verdict.UNDECIDED,
            "amount_missing",
            id="no amount",
        ),
        pytest.param(
            [report(SessionStatus.PAID_VERIFIED, order_ref=None)],
            Verdict.UNDECIDED,
            "order_missing",
            id="no order",
        ),
        pytest.param(
            [report(SessionStatus.PAID_VERIFIED, amount_rial=AMOUNT // 10)],
            Verdict.MISMATCH,
            "amount",
            id="other amount",
        ),
        pytest.param(
            [report(SessionStatus.PAID_VERIFIED, order_ref="order-2")],
            Verdict.MISMATCH,
            "order",
            id="other order",
        ),
        pytest.param(
            [UNVERIFIED, report(SessionStatus.PAID_VERIFIED, amount_rial=1), PAID],
            Verdict.MISMATCH,
            "amount",
            id="one of three differs",
        ),
    ],
)
def test_only_proof_is_paid(answers: list[Evidence | None], verdict: Verdict, reason: str) -> None:
    decision = rules.decide(attempt(), *answers)

    assert (decision.verdict, decision.reason) == (verdict, reason)


evidences = st.none() | st.builds(
    Evidence,
    result=st.sampled_from([100, 102, 201, 202, 203, 999]),
    is_report=st.booleans(),
    session_status=st.none() | st.sampled_from(SessionStatus),
    status=st.none() | st.integers(-5, 99),
    amount_rial=st.none() | st.sampled_from([AMOUNT, AMOUNT + 1]),
    order_ref=st.none() | st.sampled_from(["order-1", "order-2"]),
)


@given(st.lists(evidences, min_size=1, max_size=3))
def test_nothing_is_paid_without_one_answer_that_proves_it_alone(answers: list[Evidence | None]) -> None:
    decision = rules.decide(attempt(), *answers)

    proven = [each for each in answers if rules.is_proof(attempt(), each)]
    assert decision.verdict != Verdict.PAID or proven


@pytest.mark.parametrize(
    ("inquiry", "claims_success", "expected"),
    [
        pytest.param(UNVERIFIED, False, True, id="paid, not verified"),
        pytest.param(
            report(SessionStatus.PAID_UNVERIFIED, amount_rial=None), False, True, id="no amount, still ours"
        ),
        pytest.param(
            report(SessionStatus.PAID_UNVERIFIED, amount_rial=1),
            True,
            False,
            id="another amount is not accepted",
        ),
        pytest.param(report(SessionStatus.WAITING), True, False, id="a claim does not outdo an answer"),
        pytest.param(refusal(202), True, False, id="a refusal is an answer"),
        pytest.param(None, True, True, id="silence and a claim"),
        pytest.param(None, False, False, id="silence"),
    ],
)
def test_money_is_accepted_when_it_is_there(
    inquiry: Evidence | None, claims_success: bool, expected: bool
) -> None:
    assert rules.wants_verify(attempt(), inquiry, claims_success=claims_success) is expected


@pytest.mark.parametrize(
    ("state", "verdict", "has_expired", "expected"),
    [
        *[pytest.param(state, Verdict.PAID, False, State.SETTLED, id=f"{state} paid") for state in State],
        pytest.param(State.SETTLED, Verdict.REFUNDING, False, State.REFUNDING, id="refund begins"),
        pytest.param(State.SETTLED, Verdict.REFUNDED, False, State.REFUNDED, id="refunded"),
        pytest.param(State.RETURNED, Verdict.REVERSED, False, State.REVERSED, id="reversed unsettled"),
        pytest.param(
            State.SETTLED, Verdict.WAITING, True, State.SETTLED, id="money is not unsettled by a word"
        ),
        pytest.param(State.SETTLED, Verdict.MISMATCH, False, State.SETTLED, id="nor by a lie"),
        pytest.param(State.CANCELLED, Verdict.UNVERIFIED, False, State.CANCELLED, id="closed stays closed"),
        pytest.param(State.RETURNED, Verdict.MISMATCH, False, State.REVIEW, id="mismatch"),
        pytest.param(State.RETURNED, Verdict.UNVERIFIED, False, State.PAID_UNVERIFIED, id="unverified"),
        pytest.param(State.RETURNED, Verdict.CANCELLED, False, State.CANCELLED, id="cancelled"),
        pytest.param(State.RETURNED, Verdict.NOT_PAID, False, State.FAILED, id="failed"),
        pytest.param(State.RETURNED, Verdict.UNDECIDED, True, State.RETURNED, id="undecided never expires"),
        pytest.param(State.REDIRECTED, Verdict.WAITING, False, State.REDIRECTED, id="waiting"),
        pytest.param(State.REDIRECTED, Verdict.WAITING, True, State.EXPIRED, id="expired"),
        pytest.param(State.REVIEW, Verdict.WAITING, False, State.RETURNED, id="a lie that heals"),
    ],
)
def test_a_verdict_leads_on(state: State, verdict: Verdict, has_expired: bool, expected: State) -> None:
    assert rules.next_state(state, verdict, has_expired=has_expired) == expected


@given(st.sampled_from(State), st.sampled_from(Verdict), st.booleans())
def test_a_closed_attempt_never_opens_again(state: State, verdict: Verdict, has_expired: bool) -> None:
    after = rules.next_state(state, verdict, has_expired=has_expired)

    assert state in OPEN_STATES or after not in OPEN_STATES


@given(st.sampled_from(State), st.sampled_from(Verdict), st.booleans())
def test_only_proof_settles(state: State, verdict: Verdict, has_expired: bool) -> None:
    after = rules.next_state(state, verdict, has_expired=has_expired)

    assert after != State.SETTLED or verdict == Verdict.PAID or state == State.SETTLED


@pytest.mark.parametrize(
    ("state", "settlement_no", "verdict", "flags"),
    [
        pytest.param(State.RETURNED, 0, Verdict.MISMATCH, (Flag.MISMATCH,), id="mismatch"),
        pytest.param(State.SETTLED, 1, Verdict.REVERSED, (Flag.RETURNED_MONEY,), id="money went back"),
        pytest.param(State.RETURNED, 0, Verdict.REVERSED, (), id="it was never ours"),
        pytest.param(State.SETTLED, 1, Verdict.CANCELLED, (Flag.CONTRADICTION,), id="contradiction"),
        pytest.param(State.RETURNED, 0, Verdict.CANCELLED, (), id="nothing strange"),
        pytest.param(State.SETTLED, 1, Verdict.PAID, (), id="still paid"),
    ],
)
def test_strange_things_are_flagged(
    state: State, settlement_no: int, verdict: Verdict, flags: tuple[Flag, ...]
) -> None:
    assert rules.flags_after(attempt(state, settlement_no=settlement_no), verdict) == flags


def test_a_flag_is_put_on_once() -> None:
    assert rules.with_flag((Flag.SURPLUS,), Flag.SURPLUS) == (Flag.SURPLUS,)


@pytest.mark.parametrize(
    ("state", "verdict", "credit", "expected"),
    [
        pytest.param(State.SETTLED, Verdict.PAID, 0, Outcome.PAID, id="paid"),
        pytest.param(State.SETTLED, Verdict.PAID, 10, Outcome.PAID, id="paid with some credit"),
        pytest.param(State.SETTLED, Verdict.PAID, AMOUNT, Outcome.PAID_AS_CREDIT, id="all of it is credit"),
        pytest.param(State.REFUNDED, Verdict.REFUNDED, 0, Outcome.RETURNED_MONEY, id="refunded"),
        pytest.param(State.REVERSED, Verdict.REVERSED, 0, Outcome.RETURNED_MONEY, id="reversed"),
        pytest.param(State.REFUNDING, Verdict.REFUNDING, 0, Outcome.RETURNING_MONEY, id="being refunded"),
        pytest.param(State.CANCELLED, Verdict.CANCELLED, 0, Outcome.CANCELLED, id="cancelled"),
        pytest.param(State.FAILED, Verdict.NOT_PAID, 0, Outcome.NOT_PAID, id="not paid"),
        pytest.param(State.EXPIRED, Verdict.WAITING, 0, Outcome.WAITING, id="waiting"),
        pytest.param(State.REVIEW, Verdict.MISMATCH, 0, Outcome.CHECKING, id="under review"),
        pytest.param(State.RETURNED, None, 0, Outcome.CHECKING, id="not asked yet"),
    ],
)
def test_the_payer_is_told_how_it_stands(
    state: State, verdict: Verdict | None, credit: int, expected: Outcome
) -> None:
    assert rules.outcome_of(attempt(state, verdict=verdict), credit) == expected


@pytest.mark.parametrize(
    ("state", "verdict", "expected"),
    [
        pytest.param(State.SETTLED, Verdict.UNDECIDED, State.SETTLED, id="settled"),
        pytest.param(State.REVERSED, Verdict.REVERSED, State.REVERSED, id="reversed"),
        pytest.param(State.REFUNDING, Verdict.UNDECIDED, State.REFUNDING, id="refunding, then silence"),
        pytest.param(State.EXPIRED, Verdict.WAITING, State.EXPIRED, id="decided"),
        pytest.param(State.REVIEW, Verdict.MISMATCH, State.CLOSED, id="mismatch"),
        pytest.param(State.REDIRECTED, None, State.CLOSED, id="never asked"),
    ],
)
def test_resolving_closes_only_what_is_not_decided(
    state: State, verdict: Verdict | None, expected: State
) -> None:
    assert rules.resolved_state(attempt(state, verdict=verdict)) == expected
