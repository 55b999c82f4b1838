"""What happens when somebody else was faster, or nobody answers: refused in plain words, and nothing lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from backend.actor import Role
from backend.clock import utc_now
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import Conflict, Invalid, NotFound
from backend.invoices.types import InvoiceId
from backend.payments import (
    gateway_service,
    hand_off_service,
    reconcile_service,
    repository,
    service,
    start_service,
)
from backend.payments.types import Attempt, AttemptId, AttemptState, AttemptVerdict, LedgerEntryKind
from tests import factories
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    attempt_of,
    count_rows,
    let_time_pass,
    status_of,
    track_of,
)
from tests.waiting import PATIENCE_S, until


def claimed(payer: Payer, *invoice_ids: InvoiceId) -> hand_off_service.Claimed:
    """What a start stored before it asked the gateway."""
    found = start_service.claim(payer.actor, payer.tenant.id, invoice_ids)
    assert isinstance(found, hand_off_service.Claimed)
    return found


def test_a_second_tab_does_not_wait_for_ever(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_service, "PATIENCE_S", 0.1)
    invoice = payer.invoice()
    claimed(payer, invoice)

    with pytest.raises(Conflict, match="payment_starting"):
        payer.start(invoice)


def test_a_start_that_never_gets_its_turn_gives_up(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_service, "ROUNDS", 0)

    with pytest.raises(Conflict, match="payment_starting"):
        payer.start(payer.invoice())


def test_a_start_that_was_given_up_meanwhile_hands_nothing_over(payer: Payer) -> None:
    invoice = payer.invoice()
    slow = claimed(payer, invoice)
    let_time_pass(None, seconds=31)
    other = payer.start(invoice)

    with pytest.raises(Conflict, match="payment_starting"):
        hand_off_service.open_session(payer.actor, slow, hands_over=True)

    found = reconcile_service.found(slow.attempt.id)
    assert (found.state, found.track_id) == (AttemptState.FAILED_TO_START, None)
    assert attempt_of(other).state == AttemptState.REDIRECTED


def test_an_attempt_that_moved_on_is_neither_replaced_nor_handed_out_again(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    before = attempt_of(hand_off)
    payer.pay(hand_off)
    payer.come_back(hand_off)

    hand_off_service.supersede(payer.actor, before)
    with pytest.raises(Conflict, match="payment_starting"):
        hand_off_service.hand_over_again(payer.actor, before)

    assert attempt_of(hand_off).state == AttemptState.SETTLED


def test_what_was_handed_over_meanwhile_is_no_prepared_payment_any_more(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())

    with transaction():
        assert hand_off_service.supersede_prepared(payer.actor, hand_off.attempt_id) is False

    assert attempt_of(hand_off).state == AttemptState.REDIRECTED


@contextmanager
def holding(
    database: str, attempt: Attempt, lock: str, work: Callable[[], object]
) -> Iterator[Future[object]]:
    """Work that begins while this block has locked an account or an attempt; it ends after the block."""
    with (
        ThreadPoolExecutor(1) as others,
        psycopg.connect(database, autocommit=True) as watcher,
        transaction(),
    ):
        if lock == "account":
            repository.lock_account(attempt.tenant_id)
        else:
            repository.attempt(attempt.id, lock=True)
        working = others.submit(work)
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        until(lambda: working.done() or watcher.execute(waiting).fetchone())
        assert not working.done()
        yield working


@pytest.mark.parametrize("lock", ["account", "attempt"])
def test_a_payment_whose_payer_comes_back_at_that_moment_is_not_replaced(
    payer: Payer, database: str, lock: str
) -> None:
    hand_off = payer.start(payer.invoice())
    found = attempt_of(hand_off)

    with holding(database, found, lock, lambda: hand_off_service.supersede(payer.actor, found)) as replacing:
        repository.change(found.id, AttemptState.RETURNED)

    replacing.result(timeout=PATIENCE_S)
    assert attempt_of(hand_off).state == AttemptState.RETURNED


def test_an_operators_decision_waits_for_money_that_is_being_booked(payer: Payer, database: str) -> None:
    hand_off = payer.start(payer.invoice())
    payer.bank.act(track_of(hand_off), "status", status=11)
    payer.come_back(hand_off)
    let_time_pass(payer.bank, hours=25)
    operator, found = factories.actor(Role.OPERATOR), attempt_of(hand_off)
    payer.pay(hand_off)
    decision = gateway_service.examine(found)

    def decide() -> object:
        return service.resolve(operator, found.id, "no money came")

    with holding(database, found, "account", decide) as deciding:
        assert reconcile_service.apply(SWEEPER, found, decision, utc_now()).state == AttemptState.SETTLED

    with pytest.raises(Conflict):
        deciding.result(timeout=PATIENCE_S)
    assert attempt_of(hand_off).state == AttemptState.SETTLED


@pytest.mark.parametrize("minutes", [0, 16, 23 * 60])
def test_while_the_gateway_is_silent_an_open_payment_is_not_replaced(payer: Payer, minutes: int) -> None:
    """It may have been paid, so nobody is told that no money was moved, or sent to pay again."""
    invoice = payer.invoice()
    hand_off = payer.start(invoice)
    payer.pay(hand_off)
    payer.bank.fault("inquiry", "drop")
    let_time_pass(None, minutes=minutes)

    with pytest.raises(Conflict, match="payment_undecided"):
        payer.start(invoice)

    assert attempt_of(hand_off).state == AttemptState.REDIRECTED


def test_after_a_day_of_silence_a_payer_may_begin_anew(payer: Payer) -> None:
    invoice = payer.invoice()
    old = payer.start(invoice)
    payer.bank.fault("inquiry", "drop")
    let_time_pass(None, hours=25)

    new = payer.start(invoice)

    assert (new.attempt_id != old.attempt_id, attempt_of(old).state) == (True, AttemptState.SUPERSEDED)


def test_a_reconciliation_that_is_overtaken_again_and_again_leaves_it_to_the_others(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_service, "TRIES", 1)
    hand_off = payer.start(payer.invoice())
    before = attempt_of(hand_off)
    service.reconcile(SWEEPER, hand_off.attempt_id)
    payer.pay(hand_off)

    assert (
        reconcile_service.reconcile_attempt(SWEEPER, before, utc_now()).check.verdict
        == AttemptVerdict.WAITING
    )
    assert service.reconcile(SWEEPER, hand_off.attempt_id).state == AttemptState.SETTLED


def test_an_attempt_without_a_session_is_not_asked_about(payer: Payer) -> None:
    stored = claimed(payer, payer.invoice())

    assert service.reconcile(SWEEPER, stored.attempt.id) == reconcile_service.found(stored.attempt.id)
    assert gateway_service.examine(stored.attempt).reason == "no_session"
    assert payer.bank.calls() == []


def test_the_night_leaves_alone_what_somebody_is_starting(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "5")
    settings.cache_clear()
    claimed(payer, payer.invoice())

    report = service.open_sessions(SWEEPER)

    assert (report.opened, report.failed) == (0, 0)


def test_a_payment_that_is_over_is_not_handed_out(payer: Payer) -> None:
    hand_off = payer.pay_whole(payer.invoice())

    for attempt_id in (hand_off.attempt_id, AttemptId(uuid4())):
        with pytest.raises(NotFound):
            service.hand_off(payer.actor, attempt_id)


def test_a_thousand_invoices_at_once_are_enough(payer: Payer) -> None:
    with pytest.raises(Invalid, match="too_many_invoices"):
        payer.start(*[InvoiceId(uuid4()) for _ in range(1001)])


def test_the_movements_of_a_tenants_money_are_listed_newest_first(payer: Payer) -> None:
    payer.pay_whole(payer.invoice())

    kinds = [entry.kind for entry in service.ledger(payer.actor, payer.tenant.id)]

    assert kinds == [LedgerEntryKind.SETTLEMENT, LedgerEntryKind.PAYMENT]


def test_a_payment_at_the_very_moment_of_a_replacement_is_found(payer: Payer) -> None:
    invoice = payer.invoice()
    old = payer.start(invoice)
    let_time_pass(None, minutes=16)
    new = payer.start(invoice)
    payer.pay(old)

    let_time_pass(payer.bank, minutes=5)
    service.sweep(SWEEPER)

    assert (status_of(invoice), attempt_of(old).state) == ("paid", AttemptState.SETTLED)
    assert track_of(new) != track_of(old)
    assert count_rows("tenant_ledger") == 2
