"""What may come later: refunds, reversals, second and late payments, doubt, and operators."""

from uuid import uuid4

import pytest

from backend.actor import Role
from backend.audit import service as audit
from backend.clock import utc_now
from backend.config import settings
from backend.db.engine import advisory_lock, transaction
from backend.db.locks import LockNumber
from backend.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from backend.payments import gateway_service, reconcile_service, service
from backend.payments.types import (
    AttemptEventKind,
    AttemptId,
    AttemptState,
    AttemptVerdict,
    PaymentFlag,
    ReturnOutcome,
)
from portal.features.payments.rows import to_file
from tests import factories
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    attempt_of,
    count_rows,
    invoice_row,
    ledger_of,
    let_time_pass,
    mails,
    status_of,
    sweep,
    track_of,
)


@pytest.mark.parametrize(
    ("act", "state"),
    [
        ("refund", AttemptState.REFUNDED),
        ("refunding", AttemptState.REFUNDING),
        ("reverse", AttemptState.REVERSED),
    ],
)
def test_money_that_goes_back_opens_the_invoice_again(payer: Payer, act: str, state: AttemptState) -> None:
    invoice = payer.invoice()
    hand_off = payer.pay_whole(invoice)
    payer.bank.act(track_of(hand_off), act)

    let_time_pass(payer.bank, hours=1.1)
    sweep()

    assert status_of(invoice) == "pending"
    assert (attempt_of(hand_off).state, payer.credit()) == (state, 0)
    assert ledger_of(payer.tenant.id)[2:] == [("reversal", -50_000), ("reopening", 50_000)]
    assert [each.id for each in service.flagged(factories.actor(Role.AUDITOR))] == [hand_off.attempt_id]
    assert payer.come_back(hand_off).outcome in {ReturnOutcome.RETURNED_MONEY, ReturnOutcome.RETURNING_MONEY}
    [mail] = mails("payment_returned")
    told = ("amount_rial", "reopened_rial", "credit_rial", "debt_rial", "is_returning", "invoice_id")
    assert [mail["params"][name] for name in told] == [
        50_000,
        50_000,
        0,
        0,
        int(state == AttemptState.REFUNDING),
        str(invoice),
    ]


def test_money_that_had_become_credit_goes_back_and_the_mail_says_what_is_left(payer: Payer) -> None:
    hand_off = payer.overpay(50_000)
    others = [payer.invoice(20_000), payer.invoice(10_000)]
    service.use_credit(payer.actor, others[:1])

    payer.take_back(hand_off)

    [mail] = mails("payment_returned")
    told = {name: mail["params"][name] for name in ("reopened_rial", "credit_rial", "debt_rial")}
    assert told == {"reopened_rial": 20_000, "credit_rial": 0, "debt_rial": 0}
    assert mail["params"]["invoice_id"] == str(others[0])
    assert [status_of(each) for each in others] == ["pending", "pending"]


def test_money_that_had_been_paid_out_and_goes_back_is_a_debt_in_the_mail(payer: Payer) -> None:
    hand_off = payer.overpay(50_000)
    service.pay_out_credit(SWEEPER, payer.tenant.id, 50_000, "asked for it", "transfer-1")

    payer.take_back(hand_off)

    [mail] = mails("payment_returned")
    assert (mail["params"]["numbers"], mail["params"]["debt_rial"]) == ("", 50_000)


def test_a_refund_that_is_withdrawn_pays_the_invoice_again(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.pay_whole(invoice)
    payer.bank.act(track_of(hand_off), "refunding")
    let_time_pass(payer.bank, hours=1.1)
    sweep()

    payer.bank.act(track_of(hand_off), "status", status=1)
    let_time_pass(payer.bank, hours=25)
    sweep()

    assert status_of(invoice) == "paid"
    assert (attempt_of(hand_off).settlement_no, len(mails())) == (2, 2)
    assert len(mails("payment_returned")) == 1


def test_a_reopened_invoice_can_be_paid_anew(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.bank.act(track_of(payer.pay_whole(invoice)), "reverse")
    let_time_pass(payer.bank, hours=1.1)
    sweep()

    payer.pay_whole(invoice)

    assert status_of(invoice) == "paid"
    assert payer.credit() == 0


def test_money_that_was_taken_back_unverified_settles_nothing(payer: Payer) -> None:
    payer.bank.behave(auto_reverse_s=900)
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)

    let_time_pass(payer.bank, minutes=16)
    sweep()

    assert attempt_of(hand_off).state == AttemptState.REVERSED
    assert (status_of(invoice), ledger_of(payer.tenant.id)) == ("pending", [])


def test_a_second_payment_becomes_credit_and_is_flagged(payer: Payer) -> None:
    invoice = payer.invoice()
    first = payer.start(invoice)
    let_time_pass(None, minutes=16)
    second = payer.start(invoice)

    payer.pay(first)
    payer.pay(second)
    told = [payer.come_back(second).outcome, payer.come_back(first).outcome]

    assert told == [ReturnOutcome.PAID, ReturnOutcome.PAID_AS_CREDIT]
    assert payer.credit() == 50_000
    assert attempt_of(first).flags == (PaymentFlag.SURPLUS,)
    assert mails()[-1]["params"]["credit_rial"] == 50_000


def test_a_late_payment_still_pays_its_invoice(payer: Payer) -> None:
    invoice = payer.invoice()
    late = payer.start(invoice)
    let_time_pass(None, minutes=50)
    sweep()
    assert attempt_of(late).state == AttemptState.EXPIRED

    payer.pay(late)
    let_time_pass(None, minutes=15)
    sweep()

    assert (status_of(invoice), attempt_of(late).state) == ("paid", AttemptState.SETTLED)


def test_what_stays_undecided_for_a_day_alarms_until_somebody_resolves_it(payer: Payer) -> None:
    operator, auditor = factories.actor(Role.OPERATOR), factories.actor(Role.AUDITOR)
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.bank.act(track_of(hand_off), "status", status=77)
    assert service.undecided(operator) == []

    let_time_pass(payer.bank, hours=25)
    report = service.sweep(SWEEPER)

    assert report.undecided == 1
    assert [each.id for each in service.undecided(auditor)] == [hand_off.attempt_id]
    assert service.health(operator).undecided == 1
    for nobody in (auditor, payer.actor):
        with pytest.raises(Forbidden):
            service.resolve(nobody, hand_off.attempt_id, "x")
        with pytest.raises(Forbidden):
            service.check_again(nobody, hand_off.attempt_id)
    with pytest.raises(Invalid):
        service.resolve(operator, hand_off.attempt_id, "  ")
    with pytest.raises(NotFound):
        service.resolve(operator, AttemptId(uuid4()), "no such payment")
    resolved = service.resolve(operator, hand_off.attempt_id, "bank says no money came")
    assert (resolved.state, service.undecided(operator)) == (AttemptState.CLOSED, [])
    assert audit.entries(operator)[0].event.action == "payment.resolved"
    assert payer.start(invoice).is_reused is False


def test_money_that_arrives_after_it_was_given_up_is_booked_by_checking_again(payer: Payer) -> None:
    operator = factories.actor(Role.OPERATOR)
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.bank.act(track_of(hand_off), "status", status=77)
    let_time_pass(payer.bank, hours=25)
    sweep()
    service.resolve(operator, hand_off.attempt_id, "given up")
    payer.bank.pay(track_of(hand_off))

    checked = service.check_again(operator, hand_off.attempt_id)

    assert (checked.state, status_of(invoice)) == (AttemptState.SETTLED, "paid")


def test_a_flag_is_resolved_without_moving_money_and_only_once(payer: Payer) -> None:
    operator = factories.actor(Role.OPERATOR)
    payer.overpay(50_000)
    [flagged] = service.flagged(operator)
    before = ledger_of(payer.tenant.id)

    resolved = service.resolve(operator, flagged.id, "told the customer")

    assert (resolved.state, resolved.resolution) == (AttemptState.SETTLED, "told the customer")
    assert (service.flagged(operator), ledger_of(payer.tenant.id)) == ([], before)
    with pytest.raises(Conflict):
        service.resolve(operator, flagged.id, "again")


def test_an_operator_sees_all_the_evidence(payer: Payer) -> None:
    hand_off = payer.pay_whole(payer.invoice())

    file = service.file_of(factories.actor(Role.OPERATOR), hand_off.attempt_id)

    assert [each.kind for each in file.events] == [
        AttemptEventKind.CREATED,
        AttemptEventKind.REQUESTED,
        AttemptEventKind.RETURNED,
        AttemptEventKind.RECONCILED,
        AttemptEventKind.SETTLED,
    ]
    assert file.events[1].detail["track_id"] == str(track_of(hand_off))
    assert [each.amount_rial for each in file.entries] == [50_000, -50_000]
    with pytest.raises(Forbidden):
        service.file_of(payer.actor, hand_off.attempt_id)


def test_a_settled_payment_that_the_gateway_denies_is_kept_and_flagged(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.pay_whole(invoice)
    payer.bank.fault("inquiry", "status", 3)

    let_time_pass(payer.bank, hours=1.1)
    sweep()

    assert status_of(invoice) == "paid"
    assert attempt_of(hand_off).flags == (PaymentFlag.CONTRADICTION,)


def test_an_answer_that_is_older_than_the_books_is_dropped(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    read_before = attempt_of(hand_off)
    paid = gateway_service.examine(read_before)
    payer.come_back(hand_off)
    payer.bank.act(track_of(hand_off), "reverse")
    service.check_again(factories.actor(Role.OPERATOR), hand_off.attempt_id)

    after = reconcile_service.apply(SWEEPER, read_before, paid, utc_now())

    assert (paid.verdict, after.state) == (AttemptVerdict.PAID, AttemptState.REVERSED)
    assert status_of(invoice) == "pending"


def test_a_reconciliation_that_was_overtaken_asks_again(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    read_before = attempt_of(hand_off)
    service.check_again(factories.actor(Role.OPERATOR), hand_off.attempt_id)
    payer.pay(hand_off)

    after = reconcile_service.reconcile_attempt(SWEEPER, read_before, utc_now())

    assert after.state == AttemptState.SETTLED


def test_two_sweepers_at_once_do_the_work_once(payer: Payer) -> None:
    payer.pay(payer.start(payer.invoice()))
    let_time_pass(payer.bank, minutes=1.1)

    with advisory_lock(LockNumber.SWEEP) as is_ours:
        assert is_ours
        assert service.sweep(SWEEPER).was_busy
    assert service.sweep(SWEEPER).settled == 1


def test_a_row_that_breaks_the_sweeper_stops_no_other(payer: Payer) -> None:
    broken, whole = payer.invoice(), payer.invoice()
    hand_off = payer.start(broken)
    payer.pay(hand_off)
    payer.pay(payer.start(whole))
    with transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE payment_attempt SET state = 'returned', flags = '[\"nobody knows\"]' WHERE id = %s",
            (hand_off.attempt_id,),
        )
    let_time_pass(payer.bank, minutes=1.1)

    report = service.sweep(SWEEPER)

    assert (report.failed, report.settled) == (1, 1)
    assert status_of(whole) == "paid"


def test_another_merchants_payments_are_left_undecided(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    monkeypatch.setenv("ZIBAL_MERCHANT", "zibal")
    settings.cache_clear()

    assert payer.come_back(hand_off).outcome == ReturnOutcome.CHECKING
    assert attempt_of(hand_off).check.last_error == "merchant_changed"
    assert status_of(invoice) == "pending"
    assert service.is_sandbox_gateway()


def test_payments_of_the_merchant_before_are_settled_under_its_code(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice, other = payer.invoice(), payer.invoice()
    hand_off, waiting = payer.start(invoice), payer.start(other)
    payer.pay(hand_off)
    payer.bank.merchant("docuchat-new")
    monkeypatch.setenv("ZIBAL_MERCHANT", "docuchat-new")
    monkeypatch.setenv("ZIBAL_MERCHANT_PREVIOUS", "docuchat-live")
    settings.cache_clear()

    assert payer.come_back(hand_off).outcome == ReturnOutcome.PAID
    new = payer.start(other)

    assert status_of(invoice) == "paid"
    assert (attempt_of(waiting).state, attempt_of(waiting).check.verdict) == (
        AttemptState.SUPERSEDED,
        AttemptVerdict.WAITING,
    )
    assert attempt_of(new).merchant_fingerprint != attempt_of(waiting).merchant_fingerprint
    payer.pay(new)
    assert payer.come_back(new).outcome == ReturnOutcome.PAID


def test_only_processes_sweep(payer: Payer) -> None:
    for act in (
        lambda: service.sweep(payer.actor),
        lambda: service.open_sessions(payer.actor),
        lambda: service.reconcile(payer.actor, payer.start(payer.invoice()).attempt_id),
        lambda: service.undecided(payer.actor),
        lambda: service.flagged(payer.actor),
        lambda: service.health(payer.actor),
    ):
        with pytest.raises(Forbidden):
            act()


def test_the_ledger_cannot_be_rewritten(payer: Payer) -> None:
    payer.pay_whole(payer.invoice())

    for statement in ("UPDATE tenant_ledger SET amount_rial = 1", "DELETE FROM tenant_ledger"):
        with pytest.raises(Exception, match="append-only"), transaction() as connection:
            connection.exec_driver_sql(statement)

    assert count_rows("tenant_ledger") == 2


def test_who_was_not_asked_is_not_said_to_be(payer: Payer) -> None:
    operator = factories.actor(Role.OPERATOR)
    invoice = payer.invoice()
    payer.bank.fault("request", "drop", times=1)
    with pytest.raises(Unavailable):
        payer.start(invoice)
    [attempt] = service.search_payments(operator, str(invoice_row(invoice)["number"]), limit=5).rows

    with pytest.raises(Conflict, match="payment_no_session"):
        service.check_again(operator, attempt.id)

    assert payer.bank.calls("inquiry") == []
    assert [each for each in audit.entries(operator) if each.event.action == "payment.checked"] == []
    assert not to_file(service.file_of(operator, attempt.id), "en").can_check
