"""What a payer is told of payments that have not ended."""

from datetime import timedelta
from typing import Any

import pytest

from backend.payments import rules, standing_rules
from backend.payments.types import AttemptState, AttemptVerdict, PaymentFlag, ReturnOutcome
from tests.unit.payments.examples import NOW, attempt

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("state", "fields", "is_checked"),
    [
        pytest.param(AttemptState.RETURNED, {}, True, id="returned and not asked about"),
        pytest.param(
            AttemptState.RETURNED,
            {"verdict": AttemptVerdict.WAITING},
            False,
            id="returned, waits for the payer",
        ),
        pytest.param(AttemptState.REDIRECTED, {}, False, id="at the bank"),
        pytest.param(AttemptState.PAID_UNVERIFIED, {}, True, id="paid and not verified"),
        pytest.param(AttemptState.REVIEW, {"verdict": AttemptVerdict.WAITING}, True, id="in review"),
        pytest.param(
            AttemptState.EXPIRED, {"verdict": AttemptVerdict.UNDECIDED}, True, id="expired and undecided"
        ),
        pytest.param(
            AttemptState.EXPIRED, {"verdict": AttemptVerdict.WAITING}, False, id="expired and unpaid"
        ),
        pytest.param(AttemptState.SETTLED, {"verdict": AttemptVerdict.UNDECIDED}, False, id="settled"),
        pytest.param(
            AttemptState.REFUNDING, {"verdict": AttemptVerdict.UNDECIDED}, False, id="on its way back"
        ),
        pytest.param(AttemptState.REVIEW, {"redirected_at": None}, False, id="handed to nobody"),
    ],
)
def test_what_is_being_checked(state: AttemptState, fields: dict[str, Any], is_checked: bool) -> None:
    one = attempt(state, **fields)

    assert standing_rules.is_being_checked(one) is is_checked
    if is_checked:
        assert standing_rules.needs_consent(one, NOW)


@pytest.mark.parametrize(
    ("state", "fields", "after", "may_be"),
    [
        pytest.param(AttemptState.REDIRECTED, {}, HOUR - timedelta(seconds=1), True, id="within the hour"),
        pytest.param(AttemptState.REDIRECTED, {}, HOUR, False, id="after it"),
        pytest.param(
            AttemptState.EXPIRED, {"verdict": AttemptVerdict.WAITING}, timedelta(0), True, id="expired"
        ),
        pytest.param(
            AttemptState.REDIRECTED, {"verdict": AttemptVerdict.PAID}, timedelta(0), False, id="paid"
        ),
        pytest.param(AttemptState.REDIRECTED, {"returned_at": NOW}, timedelta(0), False, id="came back"),
        pytest.param(AttemptState.REDIRECTED, {"redirected_at": None}, timedelta(0), False, id="never sent"),
        pytest.param(AttemptState.CREATED, {}, timedelta(0), False, id="not opened"),
    ],
)
def test_who_may_be_at_the_bank_still(
    state: AttemptState, fields: dict[str, Any], after: timedelta, may_be: bool
) -> None:
    one = attempt(state, **fields)

    assert standing_rules.may_be_at_bank(one, NOW + after) is may_be
    assert standing_rules.needs_consent(one, NOW + after) is may_be


@pytest.mark.parametrize(
    ("asked_s_ago", "of_tenants", "of_strangers"),
    [(None, False, False), (4, True, True), (5, True, False), (9, True, False), (10, False, False)],
)
def test_who_asks_again_and_again_gets_the_last_answer(
    asked_s_ago: int | None, of_tenants: bool, of_strangers: bool
) -> None:
    asked_at = None if asked_s_ago is None else NOW - timedelta(seconds=asked_s_ago)
    one = attempt(last_inquiry_at=asked_at)

    assert standing_rules.was_checked_lately(one, NOW) is of_tenants
    assert rules.was_asked_lately(one, NOW) is of_strangers


def test_what_asking_came_to_is_counted() -> None:
    paid, unclear = attempt(AttemptState.SETTLED, settled_at=NOW), attempt(AttemptState.REVIEW)
    unpaid = attempt(AttemptState.EXPIRED, verdict=AttemptVerdict.WAITING)

    told = standing_rules.to_report([paid, unclear, unclear, unpaid, unpaid, unpaid])

    assert (told.paid, told.unclear, told.unpaid) == (1, 2, 3)


@pytest.mark.parametrize(
    ("verdict", "was_handed_over"),
    [
        (AttemptVerdict.WAITING, False),
        (AttemptVerdict.UNDECIDED, False),
        (AttemptVerdict.PAID, True),
        (AttemptVerdict.MISMATCH, True),
    ],
)
def test_somebody_was_there_when_the_gateway_says_so(verdict: AttemptVerdict, was_handed_over: bool) -> None:
    later = NOW + HOUR
    nobody = attempt(redirected_at=None)

    assert rules.handed_over_at(nobody, verdict, later) == (later if was_handed_over else None)
    assert rules.handed_over_at(attempt(), verdict, later) == NOW


UNDECIDED = attempt(AttemptState.REVIEW, verdict=AttemptVerdict.UNDECIDED)
SETTLED = attempt(AttemptState.SETTLED, verdict=AttemptVerdict.PAID)


@pytest.mark.parametrize(
    ("before", "after", "is_news"),
    [
        pytest.param(SETTLED, SETTLED, False, id="nothing new"),
        pytest.param(
            SETTLED,
            attempt(AttemptState.REFUNDING, verdict=AttemptVerdict.PAID),
            True,
            id="money on its way back",
        ),
        pytest.param(
            SETTLED, attempt(AttemptState.REFUNDED, verdict=AttemptVerdict.PAID), True, id="money is back"
        ),
        pytest.param(
            SETTLED,
            attempt(AttemptState.REVERSED, verdict=AttemptVerdict.PAID),
            True,
            id="money was taken back",
        ),
        pytest.param(
            attempt(AttemptState.REFUNDED, verdict=AttemptVerdict.PAID),
            attempt(AttemptState.REFUNDED, verdict=AttemptVerdict.PAID),
            False,
            id="still back",
        ),
        pytest.param(
            attempt(AttemptState.EXPIRED, verdict=AttemptVerdict.WAITING), UNDECIDED, True, id="a doubt"
        ),
        pytest.param(UNDECIDED, UNDECIDED, False, id="the same doubt"),
        pytest.param(UNDECIDED, SETTLED, False, id="a doubt less"),
        pytest.param(
            SETTLED,
            attempt(AttemptState.SETTLED, verdict=AttemptVerdict.PAID, flags=(PaymentFlag.SURPLUS,)),
            True,
            id="a flag",
        ),
    ],
)
def test_news_is_what_an_earlier_word_did_not_speak_of(before: Any, after: Any, is_news: bool) -> None:
    assert rules.is_news(before, after) is is_news


@pytest.mark.parametrize(
    ("fields", "resolvable"),
    [
        pytest.param({}, False, id="asked about soon"),
        pytest.param({"verdict": AttemptVerdict.UNDECIDED}, True, id="asked in vain"),
        pytest.param({"redirected_at": NOW - timedelta(hours=24)}, True, id="asked by nobody for a day"),
        pytest.param({"redirected_at": NOW - timedelta(hours=23)}, False, id="for less"),
        pytest.param(
            {"redirected_at": None, "created_at": NOW - timedelta(hours=24)}, True, id="prepared long ago"
        ),
        pytest.param({"redirected_at": None, "created_at": NOW}, False, id="prepared now"),
        pytest.param({"verdict": AttemptVerdict.UNDECIDED, "resolved_at": NOW}, False, id="dealt with"),
    ],
)
def test_a_word_is_asked_for_where_it_would_change_something(
    fields: dict[str, Any], resolvable: bool
) -> None:
    assert rules.is_resolvable(attempt(AttemptState.RETURNED, **fields), NOW) is resolvable


@pytest.mark.parametrize(
    ("state", "verdict", "credit_rial", "outcome"),
    [
        (AttemptState.SETTLED, AttemptVerdict.PAID, 0, ReturnOutcome.PAID),
        (AttemptState.SETTLED, AttemptVerdict.PAID, 49_999, ReturnOutcome.PAID),
        (AttemptState.SETTLED, AttemptVerdict.PAID, 50_000, ReturnOutcome.PAID_AS_CREDIT),
        (AttemptState.CLOSED, AttemptVerdict.UNDECIDED, 0, ReturnOutcome.CASE_CLOSED),
        (AttemptState.CLOSED, AttemptVerdict.CANCELLED, 0, ReturnOutcome.CANCELLED),
    ],
)
def test_a_payer_is_told_how_a_payment_ended(
    state: AttemptState, verdict: AttemptVerdict, credit_rial: int, outcome: ReturnOutcome
) -> None:
    assert rules.outcome_of(attempt(state, verdict=verdict), credit_rial) == outcome


def test_the_smallest_payment_that_is_no_credit_is_paid() -> None:
    assert rules.outcome_of(attempt(AttemptState.SETTLED, amount_rial=1)) == ReturnOutcome.PAID
