"""What one payment covers, and what an earlier attempt means for a new one."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.money import Rial
from backend.payments import start_rules
from backend.payments.reconcile_types import PaymentPlan
from backend.payments.start_rules import Obstacle, OpenAttemptAction
from backend.payments.types import AttemptState, AttemptVerdict, PreviewProblem
from tests.unit.payments.examples import NOW, attempt, changed, payable

FLOOR, CEILING = Rial(10_000), Rial(200_000)


@pytest.mark.parametrize(
    ("outstanding", "payments"),
    [
        pytest.param([10_000], (10_000,), id="the floor itself"),
        pytest.param([4_000, 6_000], (10_000,), id="two below the floor together"),
        pytest.param([200_000], (200_000,), id="the ceiling itself"),
        pytest.param([200_001], (190_001, 10_000), id="the last part reaches the floor"),
        pytest.param([450_000], (200_000, 200_000, 50_000), id="three parts"),
    ],
)
def test_an_amount_is_paid_within_floor_and_ceiling(
    outstanding: list[int], payments: tuple[int, ...]
) -> None:
    plan = start_rules.plan([payable(each) for each in outstanding], FLOOR, CEILING)

    assert isinstance(plan, PaymentPlan)
    assert (plan.payments, plan.amount_rial) == (len(payments), payments[0])


def test_the_largest_amount_is_planned_at_once() -> None:
    plan = start_rules.plan([payable(2**63 - 1)], FLOOR, CEILING)

    assert isinstance(plan, PaymentPlan)
    assert (plan.payments, plan.amount_rial) == (46_116_860_184_274, CEILING)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=8))
def test_parts_add_up_and_each_is_within_the_limits(outstanding: list[int]) -> None:
    plan = start_rules.plan([payable(each, day=n) for n, each in enumerate(outstanding)], FLOOR, CEILING)

    if isinstance(plan, PreviewProblem):
        assert sum(outstanding) < FLOOR
    else:
        left, paid = Rial(sum(outstanding)), []
        while left:
            paid.append(start_rules.first_part(left, FLOOR, CEILING))
            left = Rial(left - paid[-1])
        assert len(paid) == plan.payments
        assert all(FLOOR <= each <= CEILING for each in paid)
        assert sum(each.amount_rial for each in plan.allocations) == plan.amount_rial


@pytest.mark.parametrize(
    ("outstanding", "problem"),
    [
        pytest.param([], PreviewProblem.NOTHING_TO_PAY, id="nothing"),
        pytest.param([0], PreviewProblem.NOTHING_TO_PAY, id="nothing left"),
        pytest.param([9_999], PreviewProblem.BELOW_MINIMUM, id="below the floor"),
    ],
)
def test_what_cannot_be_paid_is_said(outstanding: list[int], problem: PreviewProblem) -> None:
    assert start_rules.plan([payable(each) for each in outstanding], FLOOR, CEILING) == problem


def test_money_goes_to_the_oldest_invoice_first() -> None:
    young, old, middle = payable(90_000, day=9), payable(90_000, day=1), payable(90_000, day=5)

    plan = start_rules.plan([young, old, middle], FLOOR, CEILING)

    assert isinstance(plan, PaymentPlan)
    found = [(each.invoice_id, each.amount_rial, each.position) for each in plan.allocations]
    assert found == [
        (old.invoice_id, 90_000, 0),
        (middle.invoice_id, 90_000, 1),
        (young.invoice_id, 20_000, 2),
    ]


def wanted() -> PaymentPlan:
    plan = start_rules.plan([payable(50_000)], FLOOR, CEILING)
    assert isinstance(plan, PaymentPlan)
    return plan


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"state": AttemptState.CREATED}, Obstacle.STARTING, id="another tab"),
        pytest.param(
            {"state": AttemptState.CREATED, "created_at": NOW - timedelta(minutes=1)},
            Obstacle.DEAD,
            id="a dead process",
        ),
        pytest.param({"state": AttemptState.REQUESTED}, Obstacle.UNUSED, id="prepared for other invoices"),
        pytest.param({"state": AttemptState.REDIRECTED}, Obstacle.ASK, id="handed over"),
    ],
)
def test_an_open_attempt_is_an_obstacle_of_its_kind(fields: dict[str, Any], expected: Obstacle) -> None:
    assert start_rules.obstacle(attempt(**fields), wanted(), NOW) == expected


def test_a_prepared_attempt_at_the_same_invoices_is_asked_about() -> None:
    plan = wanted()

    prepared = attempt(AttemptState.REQUESTED, allocations=plan.allocations)

    assert start_rules.obstacle(prepared, plan, NOW) == Obstacle.ASK


OLD = NOW - timedelta(minutes=20)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"verdict": AttemptVerdict.WAITING}, OpenAttemptAction.REUSE, id="fresh"),
        pytest.param(
            {"verdict": AttemptVerdict.WAITING, "redirected_at": OLD}, OpenAttemptAction.REPLACE, id="stale"
        ),
        pytest.param(
            {"verdict": AttemptVerdict.WAITING, "requested_at": NOW - timedelta(hours=7)},
            OpenAttemptAction.REUSE,
            id="prepared and handed over just now",
        ),
        pytest.param(
            {"state": AttemptState.REQUESTED, "verdict": AttemptVerdict.WAITING, "requested_at": OLD},
            OpenAttemptAction.REUSE,
            id="prepared",
        ),
        pytest.param(
            {
                "state": AttemptState.REQUESTED,
                "verdict": AttemptVerdict.WAITING,
                "requested_at": NOW - timedelta(days=2),
            },
            OpenAttemptAction.REPLACE,
            id="prepared too long ago",
        ),
        pytest.param(
            {"state": AttemptState.RETURNED, "verdict": AttemptVerdict.WAITING},
            OpenAttemptAction.REPLACE,
            id="came back unpaid",
        ),
        pytest.param(
            {"verdict": AttemptVerdict.WAITING, "merchant_fingerprint": "n"},
            OpenAttemptAction.REPLACE,
            id="other merchant",
        ),
        pytest.param(
            {"verdict": AttemptVerdict.WAITING, "allocations": ()},
            OpenAttemptAction.REPLACE,
            id="other invoices",
        ),
        pytest.param(
            {"state": AttemptState.PAID_UNVERIFIED}, OpenAttemptAction.WAIT, id="the money is there"
        ),
        pytest.param({"state": AttemptState.REVIEW}, OpenAttemptAction.WAIT, id="under review"),
        pytest.param({"verdict": AttemptVerdict.UNDECIDED}, OpenAttemptAction.WAIT, id="unclear"),
        pytest.param(
            {"state": AttemptState.REQUESTED, "verdict": AttemptVerdict.UNDECIDED, "redirected_at": None},
            OpenAttemptAction.REPLACE,
            id="unclear but nobody was sent",
        ),
        pytest.param(
            {"verdict": AttemptVerdict.UNDECIDED, "redirected_at": OLD},
            OpenAttemptAction.REPLACE,
            id="unclear for its lifetime",
        ),
        pytest.param(
            {"verdict": AttemptVerdict.UNDECIDED, "last_error": "no_answer", "redirected_at": OLD},
            OpenAttemptAction.WAIT,
            id="silence, and it may be paid",
        ),
        pytest.param(
            {
                "verdict": AttemptVerdict.UNDECIDED,
                "last_error": "no_answer",
                "redirected_at": NOW - timedelta(days=1),
            },
            OpenAttemptAction.REPLACE,
            id="silence for a day",
        ),
        pytest.param(
            {"verdict": AttemptVerdict.UNDECIDED, "last_error": "no_answer", "redirected_at": None},
            OpenAttemptAction.REPLACE,
            id="silence, but nobody was sent",
        ),
    ],
)
def test_an_open_attempt_is_reused_replaced_or_waited_for(
    fields: dict[str, Any], expected: OpenAttemptAction
) -> None:
    plan = wanted()
    old = changed(attempt(allocations=plan.allocations), **fields)

    found = start_rules.answer(
        old, plan, "m", now=NOW, ttl=timedelta(minutes=15), prepared_ttl=timedelta(days=1)
    )

    assert found == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"verdict": AttemptVerdict.UNVERIFIED}, True, id="paid after it expired"),
        pytest.param({"verdict": AttemptVerdict.MISMATCH}, True, id="paid otherwise, perhaps"),
        pytest.param(
            {"verdict": AttemptVerdict.UNDECIDED, "gateway_status": 2}, True, id="paid, then silence"
        ),
        pytest.param({"verdict": AttemptVerdict.UNDECIDED}, False, id="unclear for its lifetime"),
        pytest.param({"verdict": AttemptVerdict.WAITING}, False, id="unpaid"),
        pytest.param({"verdict": None, "redirected_at": None}, False, id="prepared in vain"),
        pytest.param(
            {"verdict": AttemptVerdict.UNVERIFIED, "state": AttemptState.CLOSED},
            False,
            id="closed by an operator",
        ),
        pytest.param(
            {"verdict": AttemptVerdict.UNVERIFIED, "state": AttemptState.SETTLED}, False, id="settled"
        ),
    ],
)
def test_money_of_an_attempt_that_ended_is_in_doubt_where_it_may_be_at_the_bank(
    fields: dict[str, Any], expected: bool
) -> None:
    ended = changed(attempt(AttemptState.EXPIRED, redirected_at=OLD), **fields)

    assert start_rules.is_in_doubt(ended, NOW, timedelta(minutes=15)) is expected


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param([], id="nothing"),
        pytest.param([("trackId", "")], id="empty"),
        pytest.param([("trackId", "1"), ("trackId", "2")], id="repeated"),
        pytest.param([("trackId", "1"), ("n", "a"), ("n", "b")], id="repeated nonce"),
        pytest.param([("trackId", "12a")], id="letters"),
        pytest.param([("trackId", "۱۲۳")], id="persian digits"),
        pytest.param([("trackId", "-1")], id="negative"),
        pytest.param([("trackId", str(2**63))], id="too large"),
        pytest.param([("trackId", "1" * 5000)], id="endless"),
        pytest.param([("trackId", "1"), ("x", "y" * 201)], id="a long value"),
        pytest.param([("trackId", "1"), ("x" * 201, "y")], id="a long name"),
        pytest.param([("trackId", "1")] + [(f"x{n}", "") for n in range(20)], id="too many"),
    ],
)
def test_a_callback_that_no_gateway_would_send_is_refused(parameters: list[tuple[str, str]]) -> None:
    assert start_rules.read_callback(parameters) is None


def test_a_callback_needs_no_more_than_a_track_id() -> None:
    query = start_rules.read_callback([("trackId", "9900")])

    assert query is not None
    assert (query.track_id, query.nonce, query.claims_success) == (9900, "", False)


def test_a_callback_is_read_whole() -> None:
    query = start_rules.read_callback(
        [
            ("n", "nonce"),
            ("trackId", str(2**63 - 1)),
            ("success", "1"),
            ("status", "2"),
            ("utm", "x"),
            ("utm", "y"),
        ]
    )

    assert query is not None
    assert (query.track_id, query.nonce, query.claims_success) == (2**63 - 1, "nonce", True)
