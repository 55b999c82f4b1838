"""Two tabs, or two admins of one company: nobody's payment is replaced without a word, and who was replaced is told."""

import pytest

from backend.actor import Role
from backend.errors import Conflict, Forbidden, NotFound
from backend.invoices.types import InvoiceId
from backend.payments import service
from backend.payments.types import AttemptState, HandOff, ReturnOutcome
from tests import factories
from tests.integration.payments.payer import (
    Payer,
    attempt_of,
    let_time_pass,
    status_of,
    sweep,
    told_of,
    track_of,
)


def at_the_bank(payer: Payer, *invoice_ids: InvoiceId) -> HandOff:
    """A tab that was led on to the bank."""
    return service.leave_for_bank(payer.actor, service.start(payer.actor, invoice_ids).attempt_id)


@pytest.mark.parametrize("wants", ["the same", "all"])
def test_a_second_tab_is_told_of_what_is_open_at_the_bank_before_anything_is_opened(
    payer: Payer, wants: str
) -> None:
    one, _ = payer.invoice(), payer.invoice()
    first = at_the_bank(payer, one)
    colleague = factories.actor(Role.TENANT_ADMIN, payer.tenant.id)

    with pytest.raises(Conflict, match="payment_open") as told:
        service.start(colleague, [one] if wants == "the same" else None)

    assert told_of(told.value) == {first.attempt_id}
    assert [each.id for each in service.to_tell_of(colleague, [first.attempt_id])] == [first.attempt_id]
    assert attempt_of(first).state == AttemptState.REDIRECTED
    assert len(payer.bank.calls("request")) == 1
    assert service.hand_off(colleague, first.attempt_id).start_url == first.start_url


def test_who_confirms_begins_a_new_payment_and_the_first_tab_gets_no_further(payer: Payer) -> None:
    invoice = payer.invoice()
    first = at_the_bank(payer, invoice)

    second = service.start(payer.actor, [invoice], consents={first.attempt_id})

    assert track_of(second) != track_of(first)
    for act in (service.hand_off, service.leave_for_bank):
        with pytest.raises(Conflict, match="payment_replaced"):
            act(payer.actor, first.attempt_id)
    assert payer.come_back(first).outcome == ReturnOutcome.REPLACED
    payer.bank.cancel(track_of(first))
    assert payer.come_back(first).outcome == ReturnOutcome.REPLACED


def test_a_tab_that_is_still_on_our_page_shares_its_payment_with_the_second(payer: Payer) -> None:
    invoice = payer.invoice()
    first = service.start(payer.actor, [invoice])

    second = service.start(payer.actor, [invoice])

    assert second.attempt_id == first.attempt_id


@pytest.mark.parametrize("swept", [False, True])
def test_a_payment_of_half_an_hour_ago_may_still_be_at_the_bank(payer: Payer, *, swept: bool) -> None:
    invoice = payer.invoice()
    first = at_the_bank(payer, invoice)
    let_time_pass(None, minutes=30)
    if swept:
        sweep()

    with pytest.raises(Conflict, match="payment_open"):
        service.start(payer.actor, [invoice])
    service.start(payer.actor, [invoice], consents={first.attempt_id})

    assert attempt_of(first).state == AttemptState.SUPERSEDED
    assert payer.come_back(first).outcome == ReturnOutcome.REPLACED


def test_what_was_paid_in_the_replaced_tab_all_the_same_is_booked(payer: Payer) -> None:
    invoice = payer.invoice()
    first = at_the_bank(payer, invoice)
    second = service.start(payer.actor, [invoice], consents={first.attempt_id})
    for each in (first, second):
        payer.pay(each)

    assert payer.come_back(first).outcome == ReturnOutcome.PAID
    assert payer.come_back(second).outcome == ReturnOutcome.PAID_AS_CREDIT
    assert (status_of(invoice), payer.credit()) == ("paid", 50_000)


def test_after_an_hour_or_a_return_nobody_is_warned_of_it(payer: Payer) -> None:
    old, returned = payer.invoice(), payer.invoice()
    at_the_bank(payer, old)
    let_time_pass(None, minutes=61)
    payer.come_back(at_the_bank(payer, returned))

    for invoice in (old, returned):
        assert service.start(payer.actor, [invoice]).is_reused is False


def test_beside_a_payment_that_is_being_checked_another_begins_only_after_a_word(payer: Payer) -> None:
    invoice = payer.invoice()
    first = at_the_bank(payer, invoice)
    payer.bank.act(track_of(first), "status", status=11)
    payer.come_back(first)
    with pytest.raises(Conflict, match="payment_undecided"):
        service.start(payer.actor, [invoice], consents={first.attempt_id})
    let_time_pass(payer.bank, minutes=16)

    with pytest.raises(Conflict, match="payment_open"):
        service.start(payer.actor, [invoice])

    assert service.start(payer.actor, [invoice], consents={first.attempt_id}).is_reused is False


def test_only_admins_of_the_tenant_are_told_of_its_payments(payer: Payer) -> None:
    first = at_the_bank(payer, payer.invoice())
    stranger = Payer(payer.bank).actor

    for act in (service.leave_for_bank, lambda who, one: service.to_tell_of(who, [one])):
        with pytest.raises(NotFound):
            act(stranger, first.attempt_id)
        with pytest.raises(Forbidden):
            act(factories.actor(Role.TENANT_VIEWER, payer.tenant.id), first.attempt_id)


def test_leaving_for_the_bank_is_noted_once(payer: Payer) -> None:
    first = at_the_bank(payer, payer.invoice())
    service.leave_for_bank(payer.actor, first.attempt_id)

    events = service.file_of(factories.actor(Role.OPERATOR), first.attempt_id).events

    assert [each.kind for each in events] == ["created", "requested", "departed"]
