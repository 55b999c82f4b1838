"""When the gateway is asked again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from backend.payments import rules
from backend.payments.types import Attempt, AttemptState, AttemptVerdict
from tests.unit.payments.examples import NOW, attempt

TTL = timedelta(minutes=15)


def checks(one: Attempt, most: int = 40) -> list[float]:
    """The minutes after the hand-over at which a sweeper would ask, if nothing changed."""
    found: list[float] = []
    at: datetime | None = NOW
    while at is not None and len(found) < most:
        at = rules.next_check(one, at)
        if at is not None:
            found.append((at - NOW).total_seconds() / 60)
    return found


def test_an_unpaid_payment_is_asked_about_close_together_at_first_and_for_a_day() -> None:
    unpaid = attempt(AttemptState.EXPIRED, verdict=AttemptVerdict.WAITING)

    assert checks(unpaid) == [1, 2, 3, 5, 8, 12, 15, 20, 30, 60, 120, 240, 480, 720, 1440]


def test_what_is_not_decided_is_asked_about_for_ever() -> None:
    found = checks(attempt(AttemptState.RETURNED, verdict=AttemptVerdict.UNDECIDED), most=20)

    assert found[14:17] == [1440, 2880, 4320]


def test_money_that_is_there_is_asked_about_every_minute() -> None:
    assert checks(attempt(AttemptState.PAID_UNVERIFIED, verdict=AttemptVerdict.UNVERIFIED), most=4) == [
        1,
        2,
        3,
        4,
    ]


def test_unverified_money_is_asked_about_daily_after_a_day() -> None:
    old = attempt(
        AttemptState.PAID_UNVERIFIED, verdict=AttemptVerdict.UNVERIFIED, redirected_at=NOW - timedelta(days=2)
    )

    assert rules.next_check(old, NOW) == NOW + timedelta(days=1)


def test_a_settled_payment_is_looked_at_again_for_a_month() -> None:
    settled = attempt(AttemptState.SETTLED, verdict=AttemptVerdict.PAID, settled_at=NOW)

    assert [minutes / 60 for minutes in checks(settled)] == [1, 24, 72, 168, 336, 720]


def test_a_settled_payment_that_met_silence_is_asked_hourly_for_a_day_then_daily_and_for_a_month() -> None:
    found = checks(attempt(AttemptState.SETTLED, verdict=AttemptVerdict.UNDECIDED, settled_at=NOW), most=200)

    hours = [minutes / 60 for minutes in found]
    assert hours[:48] == list(range(1, 49))
    assert hours[48:52] == [72, 73, 74, 75]
    assert [each for each in hours if 100 <= each < 168] == [120, 144]
    assert hours[-2:] == [696, 720]


def test_a_return_begins_the_schedule_anew() -> None:
    late = attempt(
        AttemptState.RETURNED,
        verdict=AttemptVerdict.WAITING,
        redirected_at=NOW - timedelta(hours=5),
        returned_at=NOW,
    )

    assert checks(late)[0] == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"state": AttemptState.REQUESTED, "redirected_at": None}, id="never handed over"),
        pytest.param({"state": AttemptState.REVERSED}, id="reversed"),
        pytest.param({"state": AttemptState.REFUNDED}, id="refunded"),
    ],
)
def test_what_is_over_is_not_asked_about(fields: dict[str, Any]) -> None:
    assert rules.next_check(attempt(**fields), NOW) is None


@pytest.mark.parametrize("resolved_at", [None, NOW])
def test_what_an_operator_closed_is_asked_about_like_any_other_and_daily_for_a_month(
    resolved_at: datetime | None,
) -> None:
    closed = attempt(AttemptState.CLOSED, verdict=AttemptVerdict.WAITING, resolved_at=resolved_at)

    found = checks(closed, most=100)

    assert found[:14] == [1, 2, 3, 5, 8, 12, 15, 20, 30, 60, 120, 240, 480, 720]
    assert [minutes / 1440 for minutes in found[14:]] == list(range(1, 31))


def test_a_refund_under_way_is_asked_about_daily() -> None:
    assert rules.next_check(attempt(AttemptState.REFUNDING), NOW) == NOW + timedelta(days=1)


def test_a_settled_attempt_without_its_instant_is_looked_at_soon() -> None:
    assert rules.next_check(attempt(AttemptState.SETTLED), NOW) == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(14, False, id="fresh"),
        pytest.param(15, True, id="over"),
        pytest.param(-1, False, id="another process's clock"),
        pytest.param(-2, True, id="before the clock was set back"),
    ],
)
def test_an_attempt_expires_after_its_lifetime(age: int, expected: bool) -> None:
    since = NOW - timedelta(minutes=age)

    assert rules.has_expired(attempt(redirected_at=since), NOW, TTL) is expected


@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [
        pytest.param(AttemptState.CREATED, timedelta(seconds=29), False, id="being started"),
        pytest.param(AttemptState.CREATED, timedelta(seconds=30), True, id="its start died"),
        pytest.param(AttemptState.CREATED, timedelta(minutes=-2), True, id="of the future"),
        pytest.param(AttemptState.REQUESTED, timedelta(minutes=14), False, id="prepared"),
        pytest.param(AttemptState.REQUESTED, TTL, True, id="prepared in vain"),
        pytest.param(AttemptState.REDIRECTED, timedelta(days=9), False, id="handed over"),
    ],
)
def test_what_nobody_was_sent_to_in_time_is_unused(
    state: AttemptState, age: timedelta, expected: bool
) -> None:
    assert rules.is_unused(attempt(state, created_at=NOW - age), NOW, TTL) is expected


def test_a_prepared_attempt_waits_for_its_click() -> None:
    assert not rules.has_expired(attempt(AttemptState.REQUESTED, redirected_at=None), NOW + TTL, TTL)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"verdict": AttemptVerdict.UNDECIDED}, True, id="undecided for a day"),
        pytest.param(
            {"verdict": AttemptVerdict.UNDECIDED, "redirected_at": NOW}, False, id="undecided since now"
        ),
        pytest.param(
            {"verdict": AttemptVerdict.UNDECIDED, "redirected_at": None}, False, id="nobody was sent"
        ),
        pytest.param({"verdict": AttemptVerdict.WAITING}, False, id="decided"),
        pytest.param({"verdict": None}, True, id="never asked"),
        pytest.param(
            {"verdict": AttemptVerdict.REFUNDING, "state": AttemptState.REFUNDING},
            True,
            id="a refund for ever",
        ),
        pytest.param({"verdict": AttemptVerdict.UNDECIDED, "resolved_at": NOW}, False, id="resolved"),
        pytest.param(
            {"verdict": AttemptVerdict.UNDECIDED, "state": AttemptState.SETTLED}, False, id="settled"
        ),
        pytest.param({"verdict": AttemptVerdict.UNDECIDED, "state": AttemptState.CLOSED}, False, id="closed"),
    ],
)
def test_a_day_without_a_decision_is_alarming(fields: dict[str, Any], expected: bool) -> None:
    one = attempt(**{"redirected_at": NOW - timedelta(days=1), "state": AttemptState.RETURNED, **fields})

    assert rules.is_alarming(one, NOW) is expected
