"""The click on pay: once, twice, in two tabs, with the gateway in trouble."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from backend.actor import Role
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound, Unavailable
from backend.invoices.types import InvoiceId
from backend.payments import hand_off_service, repository, rules, service, start_service
from backend.payments.types import AttemptState, PreviewProblem
from tests import factories
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    attempt_of,
    count_rows,
    let_time_pass,
    status_of,
    sweep,
    track_of,
)
from tests.waiting import until


@pytest.mark.parametrize("role", [Role.TENANT_VIEWER, Role.OPERATOR, Role.APPROVER, Role.AUDITOR])
def test_only_a_tenants_admin_can_pay(payer: Payer, role: Role) -> None:
    somebody = factories.actor(role, payer.tenant.id if role == Role.TENANT_VIEWER else None)

    with pytest.raises(Forbidden):
        service.start(somebody, [payer.invoice()])
    with pytest.raises(Forbidden):
        service.use_credit(somebody)


def test_nobody_pays_or_sees_another_tenants_invoice(payer: Payer) -> None:
    stranger = Payer(payer.bank)
    invoice = payer.invoice()
    hand_off = payer.start(invoice)

    for act in (
        lambda: stranger.start(invoice),
        lambda: service.preview(stranger.actor, [invoice]),
        lambda: service.history(stranger.actor, invoice),
        lambda: service.hand_off(stranger.actor, hand_off.attempt_id),
        lambda: service.credit_balance(stranger.actor, payer.tenant.id),
        lambda: service.ledger(stranger.actor, payer.tenant.id),
        lambda: service.use_credit(stranger.actor, [invoice]),
        lambda: payer.start(InvoiceId(uuid4())),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_double_click_opens_one_payment(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.bank.fault("request", "delay", 0.3)

    with ThreadPoolExecutor(3) as tabs:
        hand_offs = [each.result() for each in [tabs.submit(payer.start, invoice) for _ in range(3)]]

    assert len({track_of(each) for each in hand_offs}) == 1
    assert len(payer.bank.calls("request")) == 1


def test_the_attempt_is_stored_before_the_gateway_hears_of_it(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.bank.fault("request", "delay", 0.5)
    started = threading.Thread(target=payer.start, args=[invoice])

    started.start()
    until(lambda: count_rows("payment_attempt", "state = 'created'") == 1)
    heard = payer.bank.sessions()
    started.join()

    assert heard == []


def test_an_open_payment_is_handed_out_again_while_it_is_fresh(payer: Payer) -> None:
    invoice = payer.invoice()

    first, second = payer.start(invoice), payer.start(invoice)

    assert (second.attempt_id, second.is_reused) == (first.attempt_id, True)
    assert service.hand_off(payer.actor, first.attempt_id).start_url == first.start_url


def test_a_stale_payment_is_replaced_and_still_watched(payer: Payer) -> None:
    invoice = payer.invoice()
    old = payer.start(invoice)
    let_time_pass(None, minutes=16)

    new = payer.start(invoice)

    assert track_of(new) != track_of(old)
    assert attempt_of(old).state == AttemptState.SUPERSEDED
    assert attempt_of(old).next_check_at is not None


def test_after_a_cancellation_a_click_opens_a_new_payment(payer: Payer) -> None:
    invoice = payer.invoice()
    old = payer.start(invoice)
    payer.bank.cancel(track_of(old))

    new = payer.start(invoice)

    assert attempt_of(old).state == AttemptState.CANCELLED
    assert new.attempt_id != old.attempt_id


def test_a_click_finds_the_payment_that_never_came_back(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.pay(payer.start(invoice))

    with pytest.raises(Conflict, match="invoices_paid"):
        payer.start(invoice)

    assert status_of(invoice) == "paid"


def test_paying_all_takes_over_from_a_payment_of_one(payer: Payer) -> None:
    one, two = payer.invoice(), payer.invoice()
    first = payer.start(one)

    both = payer.start()

    assert both.invoice_ids == (one, two)
    assert attempt_of(first).state == AttemptState.SUPERSEDED


def test_a_replaced_payment_that_is_paid_after_all_is_found(payer: Payer) -> None:
    one, two = payer.invoice(), payer.invoice()
    replaced = payer.start(one)
    payer.start(one, two)
    payer.pay(replaced)

    let_time_pass(payer.bank, minutes=1.1)
    sweep()

    assert attempt_of(replaced).state == AttemptState.SETTLED
    assert [status_of(one), status_of(two)] == ["paid", "pending"]


@pytest.mark.parametrize("status", [11, -2, 77])
def test_while_a_payment_is_unclear_no_second_one_is_opened(payer: Payer, status: int) -> None:
    invoice = payer.invoice()
    old = payer.start(invoice)
    payer.bank.act(track_of(old), "status", status=status)

    with pytest.raises(Conflict, match="payment_undecided"):
        payer.start(invoice)
    let_time_pass(None, minutes=16)
    new = payer.start(invoice)

    assert attempt_of(old).state == AttemptState.SUPERSEDED
    assert new.attempt_id != old.attempt_id


def test_paying_all_leaves_out_what_a_payment_may_be_on_its_way_to(payer: Payer) -> None:
    unclear, other = payer.invoice(), payer.invoice(70_000)
    payer.bank.act(track_of(payer.start(unclear)), "status", status=11)
    with pytest.raises(Conflict, match="payment_undecided"):
        payer.start(unclear)

    preview = service.preview(payer.actor)
    paid = payer.pay_whole()

    assert ([each.invoice_id for each in preview.invoices], preview.total_rial) == ([other], 70_000)
    assert preview.in_doubt == 1
    assert paid.invoice_ids == (other,)
    assert [status_of(unclear), status_of(other)] == ["pending", "paid"]


def test_only_invoices_that_are_left_out_are_counted(payer: Payer) -> None:
    one, two = payer.invoice(), payer.invoice()
    old, both = payer.start(one), payer.start(one, two)
    payer.bank.act(track_of(both), "status", status=11)
    with pytest.raises(Conflict, match="payment_undecided"):
        payer.start(one, two)
    payer.pay(old)
    let_time_pass(payer.bank, minutes=1.1)
    sweep()
    assert [status_of(one), status_of(two)] == ["paid", "pending"]

    assert service.preview(payer.actor).in_doubt == 1


def test_where_nothing_waits_for_money_there_is_nothing_to_pay_and_nothing_in_doubt(payer: Payer) -> None:
    payer.pay_whole(payer.invoice())

    preview = service.preview(payer.actor)

    assert (preview.problem, preview.in_doubt) == (PreviewProblem.NOTHING_TO_PAY, 0)
    with pytest.raises(Conflict, match="invoices_paid"):
        payer.start()


def test_when_money_may_be_on_its_way_to_all_paying_all_says_so(payer: Payer) -> None:
    unclear = payer.invoice()
    payer.bank.act(track_of(payer.start(unclear)), "status", status=11)
    with pytest.raises(Conflict):
        payer.start(unclear)

    preview = service.preview(payer.actor)

    assert (preview.invoices, preview.in_doubt) == ((), 1)
    with pytest.raises(Conflict, match="payment_undecided"):
        payer.start()


@pytest.mark.parametrize(
    ("kind", "after"),
    [("drop", False), ("drop", True), ("http_error", False), ("html", True), ("without", False)],
)
def test_a_lost_answer_starts_nothing_and_the_next_click_does(payer: Payer, kind: str, after: bool) -> None:
    invoice = payer.invoice()
    payer.bank.fault("request", kind, ["trackId"] if kind == "without" else None, after=after, times=1)

    with pytest.raises(Unavailable):
        payer.start(invoice)
    assert count_rows("payment_attempt", "state = 'failed_to_start'") == 1

    assert payer.pay_whole(invoice).is_reused is False
    assert status_of(invoice) == "paid"


@pytest.mark.parametrize(
    ("result", "error", "reason"),
    [
        (105, Invalid, "payment_too_small"),
        (113, Invalid, "payment_too_large"),
        (103, Unavailable, "zibal_refuses"),
        (999, Unavailable, "zibal_refuses"),
    ],
)
def test_a_refusal_of_the_gateway_is_told(
    payer: Payer, result: int, error: type[AppError], reason: str
) -> None:
    payer.bank.fault("request", "result", result, times=1)

    with pytest.raises(error, match=reason) as refused:
        payer.start(payer.invoice(50_000))

    amount_toman = refused.value.data.get("amount_toman")
    assert amount_toman == (5_000 if error is Invalid else None)
    assert count_rows("payment_attempt", "state = 'failed_to_start'") == 1


def test_a_track_id_that_was_given_before_is_not_believed(payer: Payer) -> None:
    first = payer.start(payer.invoice())
    payer.bank.fault("request", "fields", {"trackId": track_of(first)}, times=1)

    with pytest.raises(Unavailable):
        payer.start(payer.invoice())

    assert count_rows("payment_attempt", "state = 'failed_to_start'") == 1


def test_an_amount_below_the_floor_is_explained_before_the_click(payer: Payer) -> None:
    small = payer.invoice(9_000)

    assert service.preview(payer.actor, [small]).problem == PreviewProblem.BELOW_MINIMUM
    with pytest.raises(Invalid, match="below_minimum"):
        payer.start(small)

    assert payer.start(small, payer.invoice(1_000)).amount_rial == 10_000


def test_an_amount_above_the_ceiling_is_paid_in_parts(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIBAL_MAX_RIAL", "200000")
    settings.cache_clear()
    large = payer.invoice(350_000)

    preview = service.preview(payer.actor)
    assert (preview.payments, preview.next_rial, preview.total_rial) == (2, 200_000, 350_000)
    payer.pay_whole(large)
    assert service.history(payer.actor, large).outstanding_rial == 150_000
    assert status_of(large) == "pending"
    payer.pay_whole(large)

    assert status_of(large) == "paid"


def test_a_held_or_paid_invoice_cannot_be_paid(payer: Payer) -> None:
    paid = payer.invoice()
    payer.pay_whole(paid)

    for invoice in (paid, payer.invoice(status="held")):
        with pytest.raises(Conflict, match="invoices_paid"):
            payer.start(invoice)


def test_the_database_keeps_an_invoice_from_two_open_attempts(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    first = attempt_of(hand_off)
    claimed = start_service.claim(payer.actor, payer.tenant.id, [payer.invoice()])
    assert isinstance(claimed, hand_off_service.Claimed)

    with pytest.raises(IntegrityError), transaction() as connection:
        connection.exec_driver_sql(
            "INSERT INTO payment_allocation VALUES (%s, %s, 1, 9, true)",
            (claimed.attempt.id, first.invoice_ids[0]),
        )


def test_a_start_whose_process_died_is_closed_and_keeps_nobody_waiting(payer: Payer) -> None:
    invoice = payer.invoice()
    start_service.claim(payer.actor, payer.tenant.id, [invoice])
    let_time_pass(None, seconds=31)

    assert payer.start(invoice).is_reused is False
    start_service.claim(payer.actor, payer.tenant.id, [payer.invoice()])
    let_time_pass(None, seconds=31)
    sweep()

    assert count_rows("payment_attempt", "state = 'failed_to_start'") == 2


def test_payments_opened_at_night_are_handed_out_on_the_click(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "3")
    settings.cache_clear()
    payer.bank.fault("request", "drop", times=1)
    invoices = [payer.invoice() for _ in range(4)]

    report = service.open_sessions(SWEEPER)
    let_time_pass(None, hours=7)
    sweep()

    assert (report.opened, report.failed) == (2, 1)
    prepared = repository.open_or_undecided(invoices)
    assert {each.state for each in prepared} == {AttemptState.REQUESTED}
    hand_off = payer.start(*prepared[0].invoice_ids)
    assert (hand_off.attempt_id, hand_off.is_reused) == (prepared[0].id, True)
    handed_over = attempt_of(hand_off)
    assert handed_over.next_check_at is not None
    assert handed_over.redirected_at is not None
    first_check = timedelta(minutes=rules.CHECK_MINUTES[0])
    assert handed_over.next_check_at - handed_over.redirected_at == first_check


def test_a_double_click_on_a_prepared_payment_hands_it_out_twice(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "3")
    settings.cache_clear()
    invoice = payer.invoice()
    service.open_sessions(SWEEPER)
    let_time_pass(None, hours=7)

    first, second = payer.start(invoice), payer.start(invoice)

    assert first.attempt_id == second.attempt_id
    assert len(payer.bank.calls("request")) == 1


def test_prepared_payments_expire_unseen_and_are_replaced_unasked(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "2")
    settings.cache_clear()
    one, two = payer.invoice(), payer.invoice()
    service.open_sessions(SWEEPER)

    both = payer.start(one, two)
    three = payer.invoice()
    service.open_sessions(SWEEPER)
    let_time_pass(None, hours=25)
    sweep()

    assert both.invoice_ids == (one, two)
    assert repository.open_or_undecided([three]) == []
    assert payer.bank.calls("inquiry", track_of(both)) != []


def test_nothing_is_opened_at_night_unless_asked_for(payer: Payer) -> None:
    payer.invoice()

    assert service.open_sessions(SWEEPER).opened == 0
    assert payer.bank.calls("request") == []
