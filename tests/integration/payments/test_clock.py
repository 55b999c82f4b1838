"""A clock that was set back: what was written in its future is due now, and keeps nobody waiting."""

import pytest

from backend.errors import Conflict
from backend.payments import repository, service, start_service
from backend.payments.types import AttemptState
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    attempt_of,
    let_time_pass,
    status_of,
    sweep,
    track_of,
)


def set_clock_back(**span: float) -> None:
    """All that was written lies that far in the future then."""
    let_time_pass(None, **{unit: -count for unit, count in span.items()})


def test_a_payment_from_the_future_is_swept(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.pay(payer.start(invoice))
    set_clock_back(days=2)

    sweep()

    assert status_of(invoice) == "paid"


def test_a_payment_from_the_future_is_asked_about_again_soon(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    set_clock_back(days=2)
    sweep()
    payer.pay(hand_off)

    let_time_pass(None, minutes=1.1)
    sweep()

    assert status_of(invoice) == "paid"


def test_a_settled_payment_from_the_future_is_looked_at_again_soon(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.pay_whole(invoice)
    payer.bank.act(int(hand_off.start_url.rpartition("/")[2]), "reverse")
    set_clock_back(days=2)

    sweep()

    assert attempt_of(hand_off).state == AttemptState.REVERSED


def test_a_start_from_the_future_blocks_nobody(payer: Payer) -> None:
    invoice = payer.invoice()
    start_service.claim(payer.actor, payer.tenant.id, [invoice])
    set_clock_back(hours=2)

    assert payer.start(invoice).is_reused is False


def test_a_start_from_the_future_is_closed_by_the_sweeper(payer: Payer) -> None:
    invoice = payer.invoice()
    start_service.claim(payer.actor, payer.tenant.id, [invoice])
    set_clock_back(hours=2)

    assert service.sweep(SWEEPER).expired == 1
    assert repository.open_or_undecided([invoice]) == []


def test_a_session_from_the_future_is_not_handed_out_for_days(payer: Payer) -> None:
    invoice = payer.invoice()
    old = payer.start(invoice)
    set_clock_back(days=2)

    assert payer.start(invoice).attempt_id != old.attempt_id
    assert attempt_of(old).next_check_at is not None


def test_a_doubt_from_the_future_blocks_nobody_for_days(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.bank.act(track_of(payer.start(invoice)), "status", status=11)
    with pytest.raises(Conflict, match="payment_undecided"):
        payer.start(invoice)
    set_clock_back(days=2)
    sweep()
    let_time_pass(payer.bank, minutes=60)
    sweep()

    assert payer.start(invoice).is_reused is False
