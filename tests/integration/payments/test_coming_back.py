"""The callback: honest, forged, replayed, substituted, in parallel; and a gateway that lies or is silent."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backend.actor import Role
from backend.payments import service
from backend.payments.types import AttemptState, AttemptVerdict, PaymentFlag, ReturnOutcome
from portal.bridge import RETURN_THREADS
from tests import factories
from tests.integration.payments.payer import (
    Payer,
    attempt_of,
    callback_of,
    count_rows,
    ledger_of,
    let_time_pass,
    mails,
    status_of,
    sweep,
    track_of,
)


@pytest.mark.parametrize(
    ("status", "outcome", "state"),
    [
        (3, ReturnOutcome.CANCELLED, AttemptState.CANCELLED),
        *[(status, ReturnOutcome.NOT_PAID, AttemptState.FAILED) for status in (4, 5, 6, 7, 8, 9, 10, 12, 21)],
        *[(status, ReturnOutcome.CHECKING, AttemptState.RETURNED) for status in (-2, 11, 13, 77)],
        (-1, ReturnOutcome.WAITING, AttemptState.RETURNED),
    ],
)
def test_each_outcome_is_told_and_keeps_the_invoice_open(
    payer: Payer, status: int, outcome: ReturnOutcome, state: AttemptState
) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.bank.act(track_of(hand_off), "status", status=status)

    back = payer.come_back(hand_off)

    assert (back.outcome, back.gateway_status) == (outcome, status)
    assert attempt_of(hand_off).state == state
    assert status_of(invoice) == "pending"
    assert ledger_of(payer.tenant.id) == []


def test_a_return_keeps_when_its_payer_left_and_names_the_session(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    let_time_pass(None, minutes=1)
    left_at = attempt_of(hand_off).redirected_at

    back = payer.come_back(hand_off)

    assert back.track_id == track_of(hand_off)
    assert attempt_of(hand_off).redirected_at == left_at


def test_a_forged_success_is_not_believed(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)

    back = service.callback(None, [("trackId", str(track_of(hand_off))), ("success", "1"), ("status", "2")])

    assert back.outcome == ReturnOutcome.WAITING
    assert status_of(invoice) == "pending"


def test_a_forged_failure_does_not_lose_the_money(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)

    back = service.callback(None, [("trackId", str(track_of(hand_off))), ("success", "0"), ("status", "3")])

    assert back.outcome == ReturnOutcome.PAID
    assert status_of(invoice) == "paid"


def test_another_payments_track_id_pays_only_its_own_invoice(payer: Payer) -> None:
    dear, cheap = payer.invoice(5_000_000), payer.invoice(20_000)
    dear_hand_off, cheap_hand_off = payer.start(dear), payer.start(cheap)
    payer.pay(cheap_hand_off)
    forged = dict(callback_of(payer.bank, track_of(dear_hand_off))) | {
        "trackId": str(track_of(cheap_hand_off))
    }

    service.callback(payer.actor, list(forged.items()))

    assert [status_of(dear), status_of(cheap)] == ["pending", "paid"]
    assert ledger_of(payer.tenant.id) == [("payment", 20_000), ("settlement", -20_000)]


def test_a_replayed_callback_settles_nothing_again_and_asks_nobody(payer: Payer) -> None:
    hand_off = payer.pay_whole(payer.invoice())
    asked = len(payer.bank.calls("inquiry"))

    backs = [payer.come_back(hand_off) for _ in range(3)]

    assert {back.outcome for back in backs} == {ReturnOutcome.PAID}
    assert len(payer.bank.calls("inquiry")) == asked
    assert len(ledger_of(payer.tenant.id)) == 2


def test_amount_and_invoices_are_told_with_the_nonce_or_to_the_tenant_only(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.pay_whole(invoice)
    bare = [("trackId", str(track_of(hand_off)))]
    viewer = factories.actor(Role.TENANT_VIEWER, payer.tenant.id)

    for back in (
        service.callback(None, bare),
        service.callback(Payer(payer.bank).actor, bare),
        service.callback(None, [*bare, ("n", "guessed")]),
    ):
        assert (back.outcome, back.track_id) == (ReturnOutcome.PAID, track_of(hand_off))
        assert (back.amount_rial, back.attempt_id, back.ref_number, back.invoice_ids) == (
            None,
            None,
            None,
            (),
        )
    for back in (service.callback(viewer, bare), payer.come_back(hand_off)):
        assert (back.amount_rial, back.invoice_ids) == (50_000, (invoice,))
        assert back.ref_number == attempt_of(hand_off).check.ref_number is not None


@pytest.mark.parametrize(
    ("parameters", "outcome"),
    [
        ([("trackId", "123456789")], ReturnOutcome.UNKNOWN),
        ([], ReturnOutcome.UNREADABLE),
        ([("trackId", "1"), ("trackId", "2")], ReturnOutcome.UNREADABLE),
        ([("trackId", "1 OR 1=1")], ReturnOutcome.UNREADABLE),
        ([("trackId", "9" * 19)], ReturnOutcome.UNKNOWN if 10**19 - 1 < 2**63 else ReturnOutcome.UNREADABLE),
        ([("trackId", "1"), ("status", "9" * 5000)], ReturnOutcome.UNREADABLE),
    ],
)
def test_whatever_comes_gets_a_plain_answer(
    payer: Payer, parameters: list[tuple[str, str]], outcome: ReturnOutcome
) -> None:
    assert service.callback(None, parameters).outcome == outcome


def test_a_callback_without_status_and_order_is_enough(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    payer.pay(hand_off)

    back = service.callback(None, [("trackId", str(track_of(hand_off))), ("success", "1")])

    assert back.outcome == ReturnOutcome.PAID


@pytest.mark.parametrize("kind", ["drop", "http_error", "html"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_answer_to_verify_is_resolved_by_inquiry(payer: Payer, kind: str, times: int) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    payer.bank.fault("verify", kind, after=True, times=times)

    first = payer.come_back(hand_off)
    let_time_pass(payer.bank, minutes=1.1)
    sweep()

    assert first.outcome == (ReturnOutcome.PAID if times == 1 else ReturnOutcome.CHECKING)
    assert status_of(invoice) == "paid"
    assert len(ledger_of(payer.tenant.id)) == 2


def test_when_inquiry_is_down_a_payer_who_claims_success_is_verified_at_once(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    payer.bank.fault("inquiry", "http_error")

    assert payer.come_back(hand_off).outcome == ReturnOutcome.PAID
    assert status_of(invoice) == "paid"


def test_a_dead_gateway_leaves_the_payment_undecided_and_loses_nothing(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    dead = [payer.bank.fault(point, "drop") for point in ("inquiry", "verify")]

    assert payer.come_back(hand_off).outcome == ReturnOutcome.CHECKING
    sweep()
    for number in dead:
        payer.bank.heal(number)
    let_time_pass(payer.bank, minutes=2)
    sweep()

    assert status_of(invoice) == "paid"


LIES: list[tuple[str, Any, AttemptVerdict]] = [
    ("wrong_amount", None, AttemptVerdict.MISMATCH),
    ("wrong_amount", 1, AttemptVerdict.MISMATCH),
    ("swapped_order", None, AttemptVerdict.MISMATCH),
    ("without", ["amount"], AttemptVerdict.UNDECIDED),
    ("fields", {"amount": "50000"}, AttemptVerdict.UNDECIDED),
    ("without", ["orderId"], AttemptVerdict.UNDECIDED),
]


@pytest.mark.parametrize(("kind", "value", "verdict"), LIES)
def test_without_equal_amount_and_order_nothing_is_settled(
    payer: Payer, kind: str, value: Any, verdict: AttemptVerdict
) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    for point in ("inquiry", "verify"):
        payer.bank.fault(point, kind, value)

    assert payer.come_back(hand_off).outcome == ReturnOutcome.CHECKING
    assert status_of(invoice) == "pending"
    assert attempt_of(hand_off).check.verdict == verdict
    assert (PaymentFlag.MISMATCH in attempt_of(hand_off).flags) == (verdict == AttemptVerdict.MISMATCH)

    payer.bank.heal()
    let_time_pass(payer.bank, minutes=2)
    sweep()
    assert status_of(invoice) == "paid"


def test_200_parallel_callbacks_settle_once(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    parameters = callback_of(payer.bank, track_of(hand_off))

    def come_back(_number: int) -> tuple[float, float, ReturnOutcome]:
        began = time.monotonic()
        outcome = service.callback(None, parameters).outcome
        return began, time.monotonic(), outcome

    with ThreadPoolExecutor(RETURN_THREADS) as browsers:
        backs = list(browsers.map(come_back, range(200)))

    # While nobody knows yet, the crowd reads that it is being checked; after the first who knows, nobody does.
    known_at = min(ended for _, ended, outcome in backs if outcome == ReturnOutcome.PAID)
    assert {outcome for began, _, outcome in backs if began > known_at} <= {ReturnOutcome.PAID}
    assert {outcome for _, _, outcome in backs} <= {ReturnOutcome.PAID, ReturnOutcome.CHECKING}
    assert service.callback(None, parameters).outcome == ReturnOutcome.PAID
    assert attempt_of(hand_off).has_money
    # Only who had looked before it was stored may ask once more.
    assert 1 <= len(payer.bank.calls("inquiry")) <= RETURN_THREADS
    assert ledger_of(payer.tenant.id) == [("payment", 50_000), ("settlement", -50_000)]
    assert len(mails()) == 1
    assert status_of(invoice) == "paid"


def test_50_payments_at_once_lose_none(payer: Payer) -> None:
    payers = [Payer(payer.bank) for _ in range(50)]
    invoices = [each.invoice() for each in payers]

    with ThreadPoolExecutor(RETURN_THREADS) as browsers:
        list(browsers.map(lambda each: each[0].pay_whole(each[1]), zip(payers, invoices, strict=True)))

    assert {status_of(each) for each in invoices} == {"paid"}
    assert count_rows("tenant_ledger", "kind = 'payment'") == 50
    assert len(mails()) == 50


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("status", 3_000_000_000),
        ("status", -(10**12)),
        ("fields", {"orderId": "a\x00b"}),
        ("fields", {"orderId": "x" * 5_000}),
        ("fields", {"refNumber": 10**90}),
        ("fields", {"amount": 10**30}),
    ],
)
def test_an_answer_that_cannot_be_stored_leaves_a_payment_undecided_and_crashes_nothing(
    payer: Payer, kind: str, value: object
) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    payer.bank.fault("verify", "drop")
    payer.bank.fault("inquiry", kind, value)

    assert payer.come_back(hand_off).outcome == ReturnOutcome.CHECKING
    payer.bank.heal()

    assert payer.come_back(hand_off).outcome == ReturnOutcome.PAID


def test_an_order_that_is_ours_but_for_what_cannot_be_stored_is_not_ours(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    payer.pay(hand_off)
    own = attempt_of(hand_off).order_ref
    for point in ("inquiry", "verify"):
        payer.bank.fault(point, "fields", {"orderId": f"{own}\x00"})

    assert payer.come_back(hand_off).outcome == ReturnOutcome.CHECKING
    assert attempt_of(hand_off).state == AttemptState.REVIEW
