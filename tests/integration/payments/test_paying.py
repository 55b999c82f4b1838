"""From the click to the receipt, as it should go."""

from backend.payments import service
from backend.payments.types import AttemptState, ReturnOutcome
from tests.integration.payments.payer import (
    Payer,
    attempt_of,
    invoice_row,
    ledger_of,
    let_time_pass,
    mails,
    status_of,
    sweep,
    track_of,
)


def test_a_paid_invoice_is_settled_when_the_payer_comes_back(payer: Payer) -> None:
    invoice = payer.invoice(50_000)

    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    back = payer.come_back(hand_off)

    assert (back.outcome, back.amount_rial) == (ReturnOutcome.PAID, 50_000)
    assert back.ref_number == attempt_of(hand_off).check.ref_number is not None
    row = invoice_row(invoice)
    assert (row["status"], row["zibal_track_id"]) == ("paid", track_of(hand_off))
    assert row["paid_at"] == attempt_of(hand_off).settled_at is not None
    assert ledger_of(payer.tenant.id) == [("payment", 50_000), ("settlement", -50_000)]
    assert attempt_of(hand_off).state == AttemptState.SETTLED
    assert payer.credit() == 0


def test_the_receipt_is_written_once_in_the_tenants_language(payer: Payer) -> None:
    hand_off = payer.pay_whole(payer.invoice())

    payer.come_back(hand_off)
    sweep()

    [mail] = mails()
    assert (mail["recipient"], mail["language"]) == (payer.tenant.billing_email, "fa")
    assert mail["params"]["track_id"] == str(track_of(hand_off))


def test_several_invoices_are_paid_at_once_and_noted_oldest_first(payer: Payer) -> None:
    small, large = payer.invoice(5_000), payer.invoice(70_000)

    hand_off = payer.pay_whole(large, small)

    assert hand_off.amount_rial == 75_000
    assert hand_off.invoice_ids == (small, large)
    assert [status_of(small), status_of(large)] == ["paid", "paid"]


def test_a_payer_who_never_comes_back_is_settled_by_the_sweeper(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.pay(payer.start(invoice))

    let_time_pass(payer.bank, minutes=1.1)
    sweep()

    assert status_of(invoice) == "paid"


def test_the_history_of_an_invoice_shows_reference_and_masked_card(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.pay_whole(invoice)

    history = service.history(payer.actor, invoice)

    assert (history.outstanding_rial, history.paid_rial) == (0, 50_000)
    [attempt] = history.attempts
    assert attempt.check.card_mask == "62741****44"
    assert attempt.check.ref_number
