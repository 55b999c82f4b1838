"""Payments that nobody could decide: asked about on and on, told as what they are, and resolved by a person."""

import pytest

from backend.actor import Role
from backend.clock import utc_now
from backend.errors import Conflict
from backend.payments import (
    hand_off_service,
    report_repository,
    repository,
    rules,
    service,
    standing_rules,
    start_service,
)
from backend.payments.types import AttemptState, AttemptVerdict, HandOff, PaymentFlag, ReturnOutcome
from tests import factories
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    attempt_of,
    let_time_pass,
    set_columns,
    status_of,
    sweep,
    track_of,
)
from tests.soak import truths


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

    assert (attempt_of(hand_off).state, status_of(invoice)) == (AttemptState.SETTLED, "paid")


def test_a_refund_that_meets_silence_and_is_resolved_can_still_be_withdrawn(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.pay_whole(invoice)
    payer.bank.act(track_of(hand_off), "refunding")
    let_time_pass(payer.bank, hours=1.1)
    sweep()
    payer.bank.fault("inquiry", "drop")
    let_time_pass(payer.bank, hours=25)
    sweep()
    assert attempt_of(hand_off).check.verdict == AttemptVerdict.UNDECIDED

    resolved = service.resolve(factories.actor(Role.OPERATOR), hand_off.attempt_id, "the customer knows")
    payer.bank.heal()
    payer.bank.act(track_of(hand_off), "status", status=1)
    let_time_pass(payer.bank, hours=25)
    sweep()

    assert resolved.state == AttemptState.REFUNDING
    assert (attempt_of(hand_off).state, status_of(invoice)) == (AttemptState.SETTLED, "paid")


def test_a_refund_of_money_that_was_never_ours_is_listed_and_resolved(payer: Payer) -> None:
    operator = factories.actor(Role.OPERATOR)
    hand_off = payer.start(payer.invoice())
    payer.bank.act(track_of(hand_off), "refunding")
    let_time_pass(payer.bank, hours=25)
    assert service.sweep(SWEEPER).undecided == 1
    assert [each.id for each in service.undecided(operator)] == [hand_off.attempt_id]

    resolved = service.resolve(operator, hand_off.attempt_id, "the bank returns it by itself")

    assert (resolved.state, resolved.resolution) == (AttemptState.REFUNDING, "the bank returns it by itself")
    assert (service.undecided(operator), service.health(operator).undecided) == ([], 0)
    with pytest.raises(Conflict):
        service.resolve(operator, hand_off.attempt_id, "again")


def test_list_and_metric_and_rule_agree_on_what_is_undecided(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    let_time_pass(None, hours=24)
    now = utc_now()
    for state in AttemptState:
        for verdict in [None, *AttemptVerdict]:
            for resolved_at in (None, now):
                set_columns(
                    hand_off,
                    state=state.value,
                    verdict=verdict and verdict.value,
                    resolved_at=resolved_at,
                )
                listed = report_repository.undecided(now - rules.ALARM_AFTER, 10)
                counted = report_repository.health(now, now - rules.ALARM_AFTER).undecided
                expected = rules.is_alarming(attempt_of(hand_off), now)
                assert (len(listed), counted) == (expected, expected), (state, verdict, resolved_at)


@pytest.mark.parametrize("way", ["expired", "declined", "superseded", "cancelled"])
@pytest.mark.parametrize("silence", [False, True])
def test_money_at_the_bank_of_a_closed_payment_lets_no_second_one_begin(
    payer: Payer, way: str, *, silence: bool
) -> None:
    payer.overpay()
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    close(payer, hand_off, way)
    pay_unverified(payer, hand_off)
    if silence:
        payer.bank.fault("inquiry", "drop")
        let_time_pass(payer.bank, hours=25)
        sweep()

    assert service.preview(payer.actor).in_doubt == 1
    for wanted in ([invoice], None):
        with pytest.raises(Conflict, match="payment_undecided"):
            service.start(payer.actor, wanted)
    assert service.use_credit(payer.actor).used_rial == 0
    payer.bank.heal()
    with pytest.raises(Conflict, match="invoices_paid"):
        payer.start(invoice)
    assert (attempt_of(hand_off).state, status_of(invoice)) == (AttemptState.SETTLED, "paid")


def test_a_second_payment_beside_money_at_the_bank_is_seen_as_a_breach(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The truths of the soak would find a start that forgets payments which have ended."""
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    close(payer, hand_off, "expired")
    pay_unverified(payer, hand_off)
    assert truths.book_errors() == []
    assert truths.preview_errors(payer.tenant.id, service.preview(payer.actor)) == []

    monkeypatch.setattr(start_service, "_is_in_doubt", lambda _attempt, _now: False)
    monkeypatch.setattr(standing_rules, "is_being_checked", lambda _attempt: False)
    payer.start(invoice)

    [(rule, _)] = truths.book_errors()
    assert rule.startswith("no payment begins while money")
    [told] = truths.preview_errors(payer.tenant.id, service.preview(payer.actor))
    assert "is offered" in told


def test_closing_the_case_of_unverified_money_lets_its_invoice_be_paid(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    close(payer, hand_off, "expired")
    pay_unverified(payer, hand_off)

    service.resolve(factories.actor(Role.OPERATOR), hand_off.attempt_id, "the bank gives it back")

    assert service.preview(payer.actor).in_doubt == 0
    assert payer.start(invoice).attempt_id != hand_off.attempt_id


def test_a_closed_payment_that_the_bank_gave_back_blocks_nobody(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    close(payer, hand_off, "expired")
    pay_unverified(payer, hand_off)
    payer.bank.act(track_of(hand_off), "reverse")

    assert payer.start(invoice).attempt_id != hand_off.attempt_id


def close(payer: Payer, hand_off: HandOff, way: str) -> None:
    """Let a payment that was handed over give its invoice free."""
    match way:
        case "expired":
            let_time_pass(None, minutes=16)
            sweep()
        case "declined":
            payer.bank.fail(track_of(hand_off), 5)
            payer.come_back(hand_off)
        case "cancelled":
            payer.bank.act(track_of(hand_off), "status", status=3)
            payer.come_back(hand_off)
        case _:
            payer.bank.act(track_of(hand_off), "status", status=11)
            let_time_pass(None, minutes=16)
            payer.start(*hand_off.invoice_ids)
    assert not attempt_of(hand_off).is_open


def pay_unverified(payer: Payer, hand_off: HandOff) -> None:
    """Pay in a session while the gateway confirms nothing."""
    payer.bank.pay(track_of(hand_off))
    payer.bank.fault("verify", "http_error", 503)
    assert payer.come_back(hand_off).outcome == ReturnOutcome.CHECKING


def test_what_is_listed_as_undecided_can_be_resolved(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    let_time_pass(None, hours=24)
    for state in AttemptState:
        for verdict in [None, *AttemptVerdict]:
            set_columns(hand_off, state=state.value, verdict=verdict and verdict.value)
            found = attempt_of(hand_off)
            if rules.is_alarming(found, utc_now()):
                assert rules.is_resolvable(found, utc_now()), (state, verdict)


def test_a_case_that_was_closed_while_the_payer_is_at_the_bank_is_asked_about_like_any_other(
    payer: Payer,
) -> None:
    payer.bank.behave(auto_reverse_s=900)
    operator = factories.actor(Role.OPERATOR)
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.bank.act(track_of(hand_off), "status", status=11)
    service.check_again(operator, hand_off.attempt_id)
    service.resolve(operator, hand_off.attempt_id, "the customer called")

    payer.pay(hand_off)
    for _ in range(14):
        let_time_pass(payer.bank, minutes=1.05)
        sweep()

    assert (attempt_of(hand_off).state, status_of(invoice)) == (AttemptState.SETTLED, "paid")


def test_a_case_is_not_closed_before_anybody_asked_about_it(payer: Payer) -> None:
    operator = factories.actor(Role.OPERATOR)
    hand_off = payer.start(payer.invoice())

    with pytest.raises(Conflict):
        service.resolve(operator, hand_off.attempt_id, "the customer called")
    assert attempt_of(hand_off).state == AttemptState.REDIRECTED
    let_time_pass(None, hours=25)

    assert service.resolve(operator, hand_off.attempt_id, "nobody asks").state == AttemptState.CLOSED


def test_a_start_that_is_under_way_is_nothing_to_resolve(payer: Payer) -> None:
    claimed = start_service.claim(payer.actor, payer.tenant.id, [payer.invoice()])
    assert isinstance(claimed, hand_off_service.Claimed)

    with pytest.raises(Conflict):
        service.resolve(factories.actor(Role.OPERATOR), claimed.attempt.id, "x")
    assert repository.attempt(claimed.attempt.id) == claimed.attempt


def test_a_second_return_of_money_is_shown_again(payer: Payer) -> None:
    operator = factories.actor(Role.OPERATOR)
    hand_off = payer.pay_whole(payer.invoice())
    payer.bank.act(track_of(hand_off), "refunding")
    let_time_pass(payer.bank, hours=1.1)
    sweep()
    service.resolve(operator, hand_off.attempt_id, "seen")
    payer.bank.act(track_of(hand_off), "status", status=1)
    let_time_pass(payer.bank, hours=25)
    sweep()
    assert service.flagged(operator) == []

    payer.bank.act(track_of(hand_off), "reverse")
    let_time_pass(payer.bank, hours=25)
    sweep()

    assert [(each.id, each.flags) for each in service.flagged(operator)] == [
        (hand_off.attempt_id, (PaymentFlag.RETURNED_MONEY,))
    ]


def test_silence_at_a_late_check_is_asked_again_within_the_hour(payer: Payer) -> None:
    hand_off = payer.pay_whole(payer.invoice())
    payer.bank.act(track_of(hand_off), "reverse")
    payer.bank.fault("inquiry", "drop")
    let_time_pass(payer.bank, hours=73)
    sweep()
    assert attempt_of(hand_off).state == AttemptState.SETTLED
    payer.bank.heal()

    let_time_pass(payer.bank, hours=1.1)
    sweep()

    assert attempt_of(hand_off).state == AttemptState.REVERSED


def test_a_doubt_that_comes_after_a_flag_was_resolved_is_listed(payer: Payer) -> None:
    operator = factories.actor(Role.OPERATOR)
    hand_off = payer.start(payer.invoice())
    payer.bank.fault("inquiry", "wrong_amount", times=1)
    service.check_again(operator, hand_off.attempt_id)
    service.check_again(operator, hand_off.attempt_id)
    assert (
        service.resolve(operator, hand_off.attempt_id, "the gateway lied").check.verdict
        == AttemptVerdict.WAITING
    )

    payer.bank.act(track_of(hand_off), "status", status=77)
    let_time_pass(payer.bank, hours=25)
    sweep()

    assert [each.id for each in service.undecided(operator)] == [hand_off.attempt_id]
