"""Payments that nobody could decide: asked about on and on, told as what they are, and resolved by a person."""

from backend.actor import Role
from backend.payments import service
from backend.payments.types import State, Verdict
from tests import factories
from tests.integration.payments.payer import (
    Payer,
    attempt_of,
    let_time_pass,
    status_of,
    sweep,
    track_of,
)


def test_money_that_arrives_after_it_was_given_up_is_found_by_the_sweeper(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.bank.act(track_of(hand_off), "status", status=77)
    let_time_pass(payer.bank, hours=25)
    sweep()
    service.resolve(factories.actor(Role.OPERATOR), hand_off.attempt_id, "given up")

    payer.bank.pay(track_of(hand_off))
    let_time_pass(payer.bank, hours=25)
    sweep()

    assert (attempt_of(hand_off).state, status_of(invoice)) == (State.SETTLED, "paid")


def test_a_refund_that_meets_silence_and_is_resolved_can_still_be_withdrawn(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.pay_whole(invoice)
    payer.bank.act(track_of(hand_off), "refunding")
    let_time_pass(payer.bank, hours=1.1)
    sweep()
    payer.bank.fault("inquiry", "drop")
    let_time_pass(payer.bank, hours=25)
    sweep()
    assert attempt_of(hand_off).verdict == Verdict.UNDECIDED

    resolved = service.resolve(factories.actor(Role.OPERATOR), hand_off.attempt_id, "the customer knows")
    payer.bank.heal()
    payer.bank.act(track_of(hand_off), "status", status=1)
    let_time_pass(payer.bank, hours=25)
    sweep()

    assert resolved.state == State.REFUNDING
    assert (attempt_of(hand_off).state, status_of(invoice)) == (State.SETTLED, "paid")
