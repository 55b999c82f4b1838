"""The sweeper and the night's opening: nothing that is broken, slow or tiny keeps the rest from its turn."""

import pytest

from backend.clock import utc_now
from backend.config import settings
from backend.db.engine import transaction
from backend.payments import hand_off_service, repository, service, start_service, sweep_service
from backend.payments.types import AttemptState
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    attempt_of,
    let_time_pass,
    set_columns,
    status_of,
    track_of,
)


def test_tiny_invoices_do_not_keep_the_night_from_opening_others(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "2")
    monkeypatch.setenv("ZIBAL_MAX_RIAL", "100000")
    settings.cache_clear()
    wanted = [payer.invoice(50_000), payer.invoice(60_000)]
    for amount in (9_999, 1, 5_000, 100_001):
        payer.invoice(amount)

    report = service.open_sessions(SWEEPER)

    assert report.opened == 2
    assert {each.invoice_ids[0] for each in repository.open_or_undecided(wanted)} == set(wanted)


def test_a_rest_below_the_floor_takes_nobodys_place_at_night(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "1")
    settings.cache_clear()
    payer.overpay(45_000)
    older, paid_in_part = payer.invoice(), payer.invoice(50_000)
    assert service.use_credit(payer.actor, [paid_in_part]).used_rial == 45_000

    report = service.open_sessions(SWEEPER)

    assert (report.opened, report.failed) == (1, 0)
    assert [each.invoice_ids for each in repository.open_or_undecided([older])] == [(older,)]


def test_a_row_that_hits_a_bug_is_postponed_and_blocks_nobody(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_service, "AT_ONCE", 1)
    broken, whole = payer.start(payer.invoice()), payer.start(payer.invoice())
    payer.pay(whole)
    set_columns(broken, flags='["nobody knows"]')
    let_time_pass(payer.bank, minutes=1.1)

    reports = [service.sweep(SWEEPER) for _ in range(2)]

    assert [(each.failed, each.settled) for each in reports] == [(1, 0), (0, 1)]
    let_time_pass(payer.bank, minutes=61)
    assert service.sweep(SWEEPER).failed == 1


def test_fresh_money_goes_before_a_late_check(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    late = payer.pay_whole(payer.invoice())
    let_time_pass(payer.bank, hours=2)
    invoice = payer.invoice()
    payer.pay(payer.start(invoice))
    set_columns(late, next_check_at="2020-01-01T00:00Z")
    let_time_pass(payer.bank, minutes=5)
    monkeypatch.setattr(sweep_service, "AT_ONCE", 1)

    service.sweep(SWEEPER)
    assert status_of(invoice) == "paid"
    service.sweep(SWEEPER)

    assert len(payer.bank.calls("inquiry", track_of(late))) == 2


def test_an_unused_attempt_that_hits_a_bug_keeps_no_other_from_expiring(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_service, "AT_ONCE", 1)
    broken, whole = payer.invoice(), payer.invoice()
    for invoice in (broken, whole):
        assert isinstance(
            start_service.claim(payer.actor, payer.tenant.id, [invoice]), hand_off_service.Claimed
        )
    with transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE payment_attempt SET flags = '[\"nobody knows\"]' WHERE id ="
            " (SELECT attempt_id FROM payment_allocation WHERE invoice_id = %s)",
            (broken,),
        )
    let_time_pass(None, seconds=31)

    reports = [service.sweep(SWEEPER) for _ in range(2)]

    assert [(each.failed, each.expired) for each in reports] == [(1, 0), (0, 1)]
    assert repository.open_or_undecided([whole]) == []


def test_what_a_click_took_just_before_it_would_expire_is_left_alone(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())

    assert sweep_service._expire(SWEEPER, hand_off.attempt_id, utc_now()) is False
    assert attempt_of(hand_off).state == AttemptState.REDIRECTED


def test_a_round_takes_no_new_rows_after_its_time(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    invoices = [payer.invoice() for _ in range(3)]
    for invoice in invoices:
        payer.pay(payer.start(invoice))
    let_time_pass(payer.bank, minutes=1.1)
    with monkeypatch.context() as hurried:
        hurried.setattr(sweep_service, "ROUND_S", 0)
        report = service.sweep(SWEEPER)
    assert (report.reconciled, report.left, report.failed) == (0, 3, 0)

    report = service.sweep(SWEEPER)

    assert (report.settled, report.left) == (3, 0)
    assert {status_of(each) for each in invoices} == {"paid"}
