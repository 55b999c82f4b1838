"""Who knows a track id, or guesses one, but has neither the nonce nor a session: learns little and changes nothing."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from backend.actor import Role
from backend.config import settings
from backend.payments import reconcile_service, repository, return_service, service
from backend.payments.types import AttemptState, AttemptVerdict, HandOff, Returned, ReturnOutcome
from tests import factories
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    attempt_of,
    callback_of,
    let_time_pass,
    status_of,
    sweep,
    track_of,
)
from tests.waiting import until


def guessed(hand_off: HandOff) -> list[tuple[str, str]]:
    return [("trackId", str(track_of(hand_off))), ("success", "1"), ("status", "2"), ("n", "guessed")]


def test_a_guessed_track_id_brings_nobody_back_from_the_bank(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    for actor in (None, Payer(payer.bank).actor, factories.actor(Role.OPERATOR)):
        service.callback(actor, guessed(hand_off))

    found = attempt_of(hand_off)
    assert (found.state, found.returned_at) == (AttemptState.REDIRECTED, None)
    assert service.hand_off(payer.actor, hand_off.attempt_id).start_url == hand_off.start_url
    assert payer.start(invoice).attempt_id == hand_off.attempt_id


def test_a_session_of_the_tenant_brings_it_back_without_the_nonce(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    viewer = factories.actor(Role.TENANT_VIEWER, payer.tenant.id)

    service.callback(viewer, guessed(hand_off))

    assert attempt_of(hand_off).state == AttemptState.RETURNED


def test_guesses_in_a_row_ask_the_gateway_once(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())

    for _ in range(5):
        assert service.callback(None, guessed(hand_off)).outcome == ReturnOutcome.WAITING
    assert len(payer.bank.calls("inquiry")) == 1
    payer.come_back(hand_off)
    assert len(payer.bank.calls("inquiry")) == 2
    let_time_pass(None, seconds=6)
    service.callback(None, guessed(hand_off))

    assert len(payer.bank.calls("inquiry")) == 3


def test_the_banks_reason_is_told_to_the_payer_only(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    payer.bank.fail(track_of(hand_off), 5)

    told = service.callback(None, guessed(hand_off))

    assert (told.outcome, told.gateway_status) == (ReturnOutcome.NOT_PAID, None)
    assert payer.come_back(hand_off).gateway_status == 5


def prepared(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> HandOff:
    """A payment that the night opened and nobody has clicked on."""
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "1")
    settings.cache_clear()
    invoice = payer.invoice()
    service.open_sessions(SWEEPER)
    [found] = repository.open_or_undecided([invoice])
    return HandOff(
        attempt_id=found.id,
        start_url=f"x/{found.track_id}",
        amount_rial=found.amount_rial,
        invoice_ids=(invoice,),
        is_reused=False,
    )


def test_a_return_is_asked_about_also_when_its_process_dies_right_after(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_off = prepared(payer, monkeypatch)
    payer.pay(hand_off)
    with monkeypatch.context() as dying:
        dying.setattr(reconcile_service, "TRIES", 0)
        payer.come_back(hand_off)
    assert attempt_of(hand_off).state == AttemptState.RETURNED

    let_time_pass(payer.bank, minutes=1.1)
    sweep()

    assert status_of(hand_off.invoice_ids[0]) == "paid"


@pytest.mark.parametrize("hours", [0, 25])
def test_a_prepared_payment_that_is_paid_all_the_same_is_looked_at_again_for_a_month(
    payer: Payer, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    hand_off = prepared(payer, monkeypatch)
    let_time_pass(payer.bank, hours=hours)
    sweep()
    payer.pay(hand_off)
    service.callback(None, guessed(hand_off))
    assert attempt_of(hand_off).state == AttemptState.SETTLED

    payer.bank.act(track_of(hand_off), "reverse")
    let_time_pass(payer.bank, hours=25)
    sweep()

    assert attempt_of(hand_off).state == AttemptState.REVERSED
    assert status_of(hand_off.invoice_ids[0]) == "pending"


def test_a_prepared_payment_that_somebody_pays_without_our_hand_over_is_asked_about(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_off = prepared(payer, monkeypatch)
    payer.pay(hand_off)
    payer.bank.fault("verify", "drop", times=3)
    service.callback(None, guessed(hand_off))
    assert attempt_of(hand_off).check.verdict == AttemptVerdict.UNVERIFIED

    let_time_pass(payer.bank, minutes=1.1)
    sweep()

    assert status_of(hand_off.invoice_ids[0]) == "paid"


def test_the_card_and_reference_of_another_payment_are_evidence_and_no_more(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    payer.bank.fault("inquiry", "swapped_order")

    payer.come_back(hand_off)

    found = attempt_of(hand_off)
    assert (found.check.verdict, found.check.card_mask, found.check.ref_number) == (
        AttemptVerdict.MISMATCH,
        None,
        None,
    )
    assert found.check.raw["card"] == "62741****44"
    [reconciled] = [
        each
        for each in service.file_of(factories.actor(Role.OPERATOR), found.id).events
        if each.kind == "judged"
    ]
    assert reconciled.detail["card"] == "62741****44"
    assert callback_of(payer.bank, track_of(hand_off))


def asking(payer: Payer, hand_off: HandOff, pool: ThreadPoolExecutor) -> Future[Returned]:
    """A stranger whose question hangs: what the gateway says was true when it was asked, and comes later."""
    payer.bank.fault("inquiry", "delay", 1.5, after=True, times=1)
    hanging = pool.submit(service.callback, None, guessed(hand_off))
    until(lambda: len(payer.bank.calls("inquiry")) == 1)
    return hanging


def test_while_a_question_hangs_strangers_are_told_what_is_stored(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())

    with ThreadPoolExecutor(1) as pool:
        hanging = asking(payer, hand_off, pool)
        told = [service.callback(None, guessed(hand_off)).outcome for _ in range(28)]
        assert not hanging.done()

    assert set(told) == {ReturnOutcome.CHECKING}
    assert hanging.result().outcome == ReturnOutcome.WAITING
    assert len(payer.bank.calls("inquiry")) == 1


def test_a_payer_who_comes_back_while_an_older_question_hangs_is_told_of_his_payment(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())

    with ThreadPoolExecutor(1) as pool:
        asking(payer, hand_off, pool)
        payer.pay(hand_off)
        assert payer.come_back(hand_off).outcome == ReturnOutcome.PAID

    assert len(payer.bank.calls("inquiry")) == 2


def test_payers_who_come_back_at_once_share_one_question(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    payer.pay(hand_off)
    payer.bank.fault("inquiry", "delay", 0.5, times=1)

    with ThreadPoolExecutor(5) as tabs:
        told = [each.result() for each in [tabs.submit(payer.come_back, hand_off) for _ in range(5)]]

    assert {each.outcome for each in told} == {ReturnOutcome.PAID}
    assert len(payer.bank.calls("verify")) == 1


def test_strangers_keep_no_more_threads_than_they_are_allowed(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(return_service, "_strangers", threading.BoundedSemaphore(1))
    one, two = payer.start(payer.invoice()), payer.start(payer.invoice())

    with ThreadPoolExecutor(1) as pool:
        asking(payer, one, pool)
        service.callback(None, guessed(two))
        assert payer.bank.calls("inquiry", track_of(two)) == []

    service.callback(None, guessed(two))
    assert len(payer.bank.calls("inquiry", track_of(two))) == 1
