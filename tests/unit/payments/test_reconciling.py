"""What the gateway's answers prove."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.payments import rules
from backend.payments.reconcile_types import GatewayEvidence, SessionStatus
from backend.payments.types import OPEN_STATES, AttemptState, AttemptVerdict, PaymentFlag, ReturnOutcome
from tests.unit.payments.examples import AMOUNT, attempt, refusal, report

PAID, UNVERIFIED = report(SessionStatus.PAID_VERIFIED), report(SessionStatus.PAID_UNVERIFIED)


@pytest.mark.parametrize(
    ("answers", "verdict", "reason"),
    [
        pytest.param([PAID], AttemptVerdict.PAID, "", id="inquiry says verified"),
        pytest.param([UNVERIFIED, PAID], AttemptVerdict.PAID, "", id="verify accepts"),
        pytest.param(
            [UNVERIFIED, refusal(201), PAID], AttemptVerdict.PAID, "", id="201 is resolved by inquiry"
        ),
        pytest.param(
            [UNVERIFIED, refusal(201), None], AttemptVerdict.UNVERIFIED, "", id="201 alone proves nothing"
        ),
        pytest.param(
            [None, refusal(201), None], AttemptVerdict.UNDECIDED, "result_201", id="201 and silence"
        ),
        pytest.param([None, PAID], AttemptVerdict.PAID, "", id="verify alone, inquiry is down"),
        pytest.param([UNVERIFIED, None], AttemptVerdict.UNVERIFIED, "", id="verify does not answer"),
        pytest.param(
            [UNVERIFIED, refusal(202), report(SessionStatus.REVERSED)],
            AttemptVerdict.REVERSED,
            "",
            id="gone meanwhile",
        ),
        pytest.param(
            [UNVERIFIED, UNVERIFIED], AttemptVerdict.UNVERIFIED, "", id="verify says 100 and not verified"
        ),
        pytest.param([None], AttemptVerdict.UNDECIDED, "no_answer", id="silence"),
        pytest.param([refusal(203)], AttemptVerdict.UNDECIDED, "result_203", id="unknown track id"),
        pytest.param([refusal(999)], AttemptVerdict.UNDECIDED, "result_999", id="a result nobody knows"),
        pytest.param(
            [report(SessionStatus.UNCLEAR, status=77)],
            AttemptVerdict.UNDECIDED,
            "status_77",
            id="unknown status",
        ),
        pytest.param([report(None, status=None)], AttemptVerdict.UNDECIDED, "status_None", id="no status"),
        pytest.param([report(SessionStatus.WAITING)], AttemptVerdict.WAITING, "", id="waiting"),
        pytest.param([report(SessionStatus.CANCELLED)], AttemptVerdict.CANCELLED, "", id="cancelled"),
        pytest.param([report(SessionStatus.NOT_PAID)], AttemptVerdict.NOT_PAID, "", id="not paid"),
        pytest.param([report(SessionStatus.REFUNDING)], AttemptVerdict.REFUNDING, "", id="being refunded"),
        pytest.param([report(SessionStatus.REFUNDED)], AttemptVerdict.REFUNDED, "", id="refunded"),
        pytest.param(
            [report(SessionStatus.PAID_VERIFIED, amount_rial=None)],
            AttemptVerdict.UNDECIDED,
            "amount_missing",
            id="no amount",
        ),
        pytest.param(
            [report(SessionStatus.PAID_VERIFIED, order_ref=None)],
            AttemptVerdict.UNDECIDED,
            "order_missing",
            id="no order",
        ),
        pytest.param(
            [report(SessionStatus.PAID_VERIFIED, amount_rial=AMOUNT // 10)],
            AttemptVerdict.MISMATCH,
            "amount",
            id="other amount",
        ),
        pytest.param(
            [report(SessionStatus.PAID_VERIFIED, order_ref="order-2")],
            AttemptVerdict.MISMATCH,
            "order",
            id="other order",
        ),
        pytest.param(
            [UNVERIFIED, report(SessionStatus.PAID_VERIFIED, amount_rial=1), PAID],
            AttemptVerdict.MISMATCH,
            "amount",
            id="one of three differs",
        ),
    ],
)
def test_only_proof_is_paid(
    answers: list[GatewayEvidence | None], verdict: AttemptVerdict, reason: str
) -> None:
    decision = rules.decide(attempt(), *answers)

    assert (decision.verdict, decision.reason) == (verdict, reason)


evidences = st.none() | st.builds(
    GatewayEvidence,
    result=st.sampled_from([100, 102, 201, 202, 203, 999]),
    is_report=st.booleans(),
    session_status=st.none() | st.sampled_from(SessionStatus),
    status=st.none() | st.integers(-5, 99),
    amount_rial=st.none() | st.sampled_from([AMOUNT, AMOUNT + 1]),
    order_ref=st.none() | st.sampled_from(["order-1", "order-2"]),
)


@given(st.lists(evidences, min_size=1, max_size=3))
def test_nothing_is_paid_without_one_answer_that_proves_it_alone(
    answers: list[GatewayEvidence | None],
) -> None:
    decision = rules.decide(attempt(), *answers)

    proven = [each for each in answers if rules.is_proof(attempt(), each)]
    assert decision.verdict != AttemptVerdict.PAID or proven


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
    inquiry: GatewayEvidence | None, claims_success: bool, expected: bool
) -> None:
    assert rules.wants_verify(attempt(), inquiry, claims_success=claims_success) is expected


@pytest.mark.parametrize(
    ("state", "verdict", "has_expired", "expected"),
    [
        *[
            pytest.param(state, AttemptVerdict.PAID, False, AttemptState.SETTLED, id=f"{state} paid")
            for state in AttemptState
        ],
        pytest.param(
            AttemptState.SETTLED, AttemptVerdict.REFUNDING, False, AttemptState.REFUNDING, id="refund begins"
        ),
        pytest.param(
            AttemptState.SETTLED, AttemptVerdict.REFUNDED, False, AttemptState.REFUNDED, id="refunded"
        ),
        pytest.param(
            AttemptState.RETURNED,
            AttemptVerdict.REVERSED,
            False,
            AttemptState.REVERSED,
            id="reversed unsettled",
        ),
        pytest.param(
            AttemptState.SETTLED,
            AttemptVerdict.WAITING,
            True,
            AttemptState.SETTLED,
            id="money is not unsettled by a word",
        ),
        pytest.param(
            AttemptState.SETTLED, AttemptVerdict.MISMATCH, False, AttemptState.SETTLED, id="nor by a lie"
        ),
        pytest.param(
            AttemptState.CANCELLED,
            AttemptVerdict.UNVERIFIED,
            False,
            AttemptState.CANCELLED,
            id="closed stays closed",
        ),
        pytest.param(
            AttemptState.RETURNED, AttemptVerdict.MISMATCH, False, AttemptState.REVIEW, id="mismatch"
        ),
        pytest.param(
            AttemptState.RETURNED,
            AttemptVerdict.UNVERIFIED,
            False,
            AttemptState.PAID_UNVERIFIED,
            id="unverified",
        ),
        pytest.param(
            AttemptState.RETURNED, AttemptVerdict.CANCELLED, False, AttemptState.CANCELLED, id="cancelled"
        ),
        pytest.param(AttemptState.RETURNED, AttemptVerdict.NOT_PAID, False, AttemptState.FAILED, id="failed"),
        pytest.param(
            AttemptState.RETURNED,
            AttemptVerdict.UNDECIDED,
            True,
            AttemptState.RETURNED,
            id="undecided never expires",
        ),
        pytest.param(
            AttemptState.REDIRECTED, AttemptVerdict.WAITING, False, AttemptState.REDIRECTED, id="waiting"
        ),
        pytest.param(
            AttemptState.REDIRECTED, AttemptVerdict.WAITING, True, AttemptState.EXPIRED, id="expired"
        ),
        pytest.param(
            AttemptState.REVIEW, AttemptVerdict.WAITING, False, AttemptState.RETURNED, id="a lie that heals"
        ),
    ],
)
def test_a_verdict_leads_on(
    state: AttemptState, verdict: AttemptVerdict, has_expired: bool, expected: AttemptState
) -> None:
    assert rules.next_state(state, verdict, has_expired=has_expired) == expected


@given(st.sampled_from(AttemptState), st.sampled_from(AttemptVerdict), st.booleans())
def test_a_closed_attempt_never_opens_again(
    state: AttemptState, verdict: AttemptVerdict, has_expired: bool
) -> None:
    after = rules.next_state(state, verdict, has_expired=has_expired)

    assert state in OPEN_STATES or after not in OPEN_STATES


@given(st.sampled_from(AttemptState), st.sampled_from(AttemptVerdict), st.booleans())
def test_only_proof_settles(state: AttemptState, verdict: AttemptVerdict, has_expired: bool) -> None:
    after = rules.next_state(state, verdict, has_expired=has_expired)

    assert after != AttemptState.SETTLED or verdict == AttemptVerdict.PAID or state == AttemptState.SETTLED


@pytest.mark.parametrize(
    ("state", "settlement_no", "verdict", "flags"),
    [
        pytest.param(
            AttemptState.RETURNED, 0, AttemptVerdict.MISMATCH, (PaymentFlag.MISMATCH,), id="mismatch"
        ),
        pytest.param(
            AttemptState.SETTLED,
            1,
            AttemptVerdict.REVERSED,
            (PaymentFlag.RETURNED_MONEY,),
            id="money went back",
        ),
        pytest.param(AttemptState.RETURNED, 0, AttemptVerdict.REVERSED, (), id="it was never ours"),
        pytest.param(
            AttemptState.SETTLED,
            1,
            AttemptVerdict.CANCELLED,
            (PaymentFlag.CONTRADICTION,),
            id="contradiction",
        ),
        pytest.param(AttemptState.RETURNED, 0, AttemptVerdict.CANCELLED, (), id="nothing strange"),
        pytest.param(AttemptState.SETTLED, 1, AttemptVerdict.PAID, (), id="still paid"),
    ],
)
def test_strange_things_are_flagged(
    state: AttemptState, settlement_no: int, verdict: AttemptVerdict, flags: tuple[PaymentFlag, ...]
) -> None:
    assert rules.flags_after(attempt(state, settlement_no=settlement_no), verdict) == flags


def test_a_flag_is_put_on_once() -> None:
    assert rules.with_flag((PaymentFlag.SURPLUS,), PaymentFlag.SURPLUS) == (PaymentFlag.SURPLUS,)


@pytest.mark.parametrize(
    ("state", "verdict", "credit", "expected"),
    [
        pytest.param(AttemptState.SETTLED, AttemptVerdict.PAID, 0, ReturnOutcome.PAID, id="paid"),
        pytest.param(
            AttemptState.SETTLED, AttemptVerdict.PAID, 10, ReturnOutcome.PAID, id="paid with some credit"
        ),
        pytest.param(
            AttemptState.SETTLED,
            AttemptVerdict.PAID,
            AMOUNT,
            ReturnOutcome.PAID_AS_CREDIT,
            id="all of it is credit",
        ),
        pytest.param(
            AttemptState.REFUNDED, AttemptVerdict.REFUNDED, 0, ReturnOutcome.RETURNED_MONEY, id="refunded"
        ),
        pytest.param(
            AttemptState.REVERSED, AttemptVerdict.REVERSED, 0, ReturnOutcome.RETURNED_MONEY, id="reversed"
        ),
        pytest.param(
            AttemptState.REFUNDING,
            AttemptVerdict.REFUNDING,
            0,
            ReturnOutcome.RETURNING_MONEY,
            id="being refunded",
        ),
        pytest.param(
            AttemptState.CANCELLED, AttemptVerdict.CANCELLED, 0, ReturnOutcome.CANCELLED, id="cancelled"
        ),
        pytest.param(AttemptState.FAILED, AttemptVerdict.NOT_PAID, 0, ReturnOutcome.NOT_PAID, id="not paid"),
        pytest.param(AttemptState.EXPIRED, AttemptVerdict.WAITING, 0, ReturnOutcome.WAITING, id="waiting"),
        pytest.param(
            AttemptState.REVIEW, AttemptVerdict.MISMATCH, 0, ReturnOutcome.CHECKING, id="under review"
        ),
        pytest.param(AttemptState.RETURNED, None, 0, ReturnOutcome.CHECKING, id="not asked yet"),
    ],
)
def test_the_payer_is_told_how_it_stands(
    state: AttemptState, verdict: AttemptVerdict | None, credit: int, expected: ReturnOutcome
) -> None:
    assert rules.outcome_of(attempt(state, verdict=verdict), credit) == expected


@pytest.mark.parametrize(
    ("state", "verdict", "expected"),
    [
        pytest.param(AttemptState.SETTLED, AttemptVerdict.UNDECIDED, AttemptState.SETTLED, id="settled"),
        pytest.param(AttemptState.REVERSED, AttemptVerdict.REVERSED, AttemptState.REVERSED, id="reversed"),
        pytest.param(
            AttemptState.REFUNDING,
            AttemptVerdict.UNDECIDED,
            AttemptState.REFUNDING,
            id="refunding, then silence",
        ),
        pytest.param(AttemptState.EXPIRED, AttemptVerdict.WAITING, AttemptState.EXPIRED, id="decided"),
        pytest.param(AttemptState.REVIEW, AttemptVerdict.MISMATCH, AttemptState.CLOSED, id="mismatch"),
        pytest.param(AttemptState.REDIRECTED, None, AttemptState.CLOSED, id="never asked"),
    ],
)
def test_resolving_closes_only_what_is_not_decided(
    state: AttemptState, verdict: AttemptVerdict | None, expected: AttemptState
) -> None:
    assert rules.resolved_state(attempt(state, verdict=verdict)) == expected
