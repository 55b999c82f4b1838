"""A tenant's credit: used on a click, paid out by an operator, and taken back with the payment that it came from."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from backend.actor import Role, TenantId
from backend.audit import service as audit
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from backend.payments import __main__ as command
from backend.payments import repository, service
from backend.payments.types import LedgerEntryKind
from tests import factories
from tests.integration.payments.payer import (
    SWEEPER,
    Payer,
    count_rows,
    invoice_row,
    ledger_of,
    let_time_pass,
    status_of,
    sweep,
    track_of,
)
from tests.soak import truths


def test_credit_pays_the_next_invoices_oldest_first(payer: Payer) -> None:
    payer.overpay(50_000)
    old, young = payer.invoice(30_000), payer.invoice(30_000)

    with ThreadPoolExecutor(4) as tabs:
        used = [each.result() for each in [tabs.submit(service.use_credit, payer.actor) for _ in range(4)]]

    assert sum(each.used_rial for each in used) == 50_000
    assert (payer.credit(), status_of(old), status_of(young)) == (0, "paid", "pending")
    assert service.history(payer.actor, young).outstanding_rial == 10_000
    payer.pay_whole(young)
    assert (status_of(young), payer.credit()) == ("paid", 0)


def test_credit_leaves_alone_what_is_just_being_paid(payer: Payer) -> None:
    payer.overpay(50_000)
    invoice = payer.invoice(30_000)
    payer.start(invoice)

    assert service.use_credit(payer.actor).used_rial == 0
    assert service.preview(payer.actor).credit_rial == 50_000


def test_credit_pays_an_invoice_whose_payment_was_only_prepared(
    payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer.overpay(50_000)
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", "3")
    settings.cache_clear()
    reached, beyond = payer.invoice(30_000), payer.invoice(30_000)
    untouched = payer.invoice(30_000)
    service.open_sessions(SWEEPER)
    let_time_pass(None, hours=7)
    assert service.health(factories.actor(Role.OPERATOR)).open == 0

    used = service.use_credit(payer.actor)

    assert (used.used_rial, used.paid) == (50_000, (reached,))
    kept = repository.open_or_undecided([reached, beyond, untouched])
    assert [each.invoice_ids for each in kept] == [(untouched,)]
    assert count_rows("payment_attempt", "state = 'superseded' AND redirected_at IS NULL") == 2
    assert payer.start(beyond).amount_rial == 10_000


def test_an_invoice_names_the_session_that_paid_it_and_no_other(payer: Payer) -> None:
    surplus = payer.overpay(50_000)
    invoice = payer.invoice(50_000)
    never_paid = payer.start(invoice)
    payer.bank.cancel(track_of(never_paid))
    payer.come_back(never_paid)

    assert service.use_credit(payer.actor).paid == (invoice,)
    by_credit = invoice_row(invoice)
    payer.take_back(surplus)
    paying = payer.pay_whole(invoice)
    by_bank = invoice_row(invoice)

    assert (by_credit["status"], by_credit["zibal_track_id"]) == ("paid", None)
    assert by_credit["paid_at"] is not None
    assert (by_bank["status"], by_bank["zibal_track_id"]) == ("paid", track_of(paying))


def test_credit_that_was_used_and_then_taken_back_opens_the_invoice_that_it_paid(payer: Payer) -> None:
    surplus = payer.overpay(50_000)
    invoice = payer.invoice(50_000)
    service.use_credit(payer.actor)
    assert status_of(invoice) == "paid"

    payer.take_back(surplus)

    assert (status_of(invoice), payer.credit()) == ("pending", 0)
    assert ledger_of(payer.tenant.id)[-2:] == [("reversal", -50_000), ("reopening", 50_000)]
    assert truths.book_errors() == []
    payer.pay_whole(invoice)
    assert (status_of(invoice), payer.credit()) == ("paid", 0)


def test_money_goes_where_its_payer_sent_it_though_an_invoice_was_opened_again_meanwhile(
    payer: Payer,
) -> None:
    lost = payer.overpay(30_000)
    opened_again = payer.invoice(50_000)
    service.use_credit(payer.actor)
    other = payer.invoice(30_000)
    hand_off = payer.start(opened_again, other)
    assert hand_off.amount_rial == 50_000

    payer.take_back(lost)
    payer.pay(hand_off)
    payer.come_back(hand_off)

    assert (status_of(opened_again), status_of(other)) == ("pending", "paid")
    assert service.history(payer.actor, opened_again).outstanding_rial == 30_000
    assert (payer.credit(), truths.book_errors()) == (0, [])


def test_the_youngest_use_of_credit_is_undone_first_and_only_as_far_as_needed(payer: Payer) -> None:
    payer.overpay(60_000)
    lost = payer.overpay(50_000)
    old, middle, young = payer.invoice(40_000), payer.invoice(40_000), payer.invoice(30_000)
    service.use_credit(payer.actor)
    assert [status_of(each) for each in (old, middle, young)] == ["paid", "paid", "paid"]

    payer.take_back(lost)

    assert [status_of(each) for each in (old, middle, young)] == ["paid", "pending", "pending"]
    assert service.history(payer.actor, middle).outstanding_rial == 20_000
    assert service.history(payer.actor, young).outstanding_rial == 30_000
    assert (payer.credit(), truths.book_errors()) == (0, [])


def test_credit_that_is_left_is_taken_before_any_invoice_is_opened(payer: Payer) -> None:
    payer.overpay(30_000)
    lost = payer.overpay(50_000)
    invoice = payer.invoice(30_000)
    service.use_credit(payer.actor)

    payer.take_back(lost)

    assert (status_of(invoice), payer.credit()) == ("paid", 0)


def test_an_invoice_of_credit_and_bank_money_loses_both(payer: Payer) -> None:
    surplus = payer.overpay(20_000)
    invoice = payer.invoice(50_000)
    service.use_credit(payer.actor)
    bank_part = payer.pay_whole(invoice)
    assert status_of(invoice) == "paid"

    payer.take_back(surplus)
    assert service.history(payer.actor, invoice).outstanding_rial == 20_000
    payer.take_back(bank_part)

    assert (status_of(invoice), payer.credit()) == ("pending", 0)
    assert service.history(payer.actor, invoice).outstanding_rial == 50_000
    assert truths.book_errors() == []


def test_several_uses_of_credit_on_one_invoice_are_undone_together(payer: Payer) -> None:
    surplus = payer.overpay(50_000)
    invoice = payer.invoice(60_000)
    service.use_credit(payer.actor)
    rest = payer.pay_whole(invoice)
    payer.take_back(rest)
    payer.overpay(10_000)
    service.use_credit(payer.actor)
    assert status_of(invoice) == "paid"

    payer.take_back(surplus)

    assert service.history(payer.actor, invoice).outstanding_rial == 50_000
    assert (payer.credit(), truths.book_errors()) == (0, [])


def test_a_refund_that_is_withdrawn_gives_the_credit_back(payer: Payer) -> None:
    surplus = payer.overpay(50_000)
    invoice = payer.invoice(50_000)
    service.use_credit(payer.actor)
    payer.take_back(surplus, "refunding")
    assert status_of(invoice) == "pending"

    payer.bank.act(track_of(surplus), "status", status=1)
    let_time_pass(payer.bank, hours=25)
    sweep()

    assert payer.credit() == 50_000
    assert service.use_credit(payer.actor).paid == (invoice,)
    assert truths.book_errors() == []


def pay_out(payer: Payer, amount_rial: int, key: str = "bank-transfer-1") -> int:
    operator = factories.actor(Role.OPERATOR)
    paid = service.pay_out_credit(operator, payer.tenant.id, amount_rial, "asked by mail", key)
    return paid.balance_rial


def test_credit_is_paid_out_once_for_each_key_and_audited(payer: Payer) -> None:
    payer.overpay(50_000)

    with ThreadPoolExecutor(4) as clicks:
        list(clicks.map(lambda _: pay_out(payer, 30_000), range(4)))

    assert (payer.credit(), ledger_of(payer.tenant.id)[-1]) == (20_000, ("payout", -30_000))
    [entry] = [
        each
        for each in audit.entries(factories.actor(Role.AUDITOR))
        if each.event.action == "credit.paid_out"
    ]
    assert entry.event.target == f"tenant:{payer.tenant.id}"
    assert service.ledger(payer.actor, payer.tenant.id)[0].kind == LedgerEntryKind.PAYOUT
    assert pay_out(payer, 20_000, "bank-transfer-2") == 0
    assert truths.book_errors() == []


@pytest.mark.parametrize(
    ("amount_rial", "reason", "key", "refusal"),
    [
        (50_001, "x", "k-1", Conflict(reason="payout_above_credit")),
        (40_000, "x", "used", Conflict(reason="payout_key_used")),
        (0, "x", "k-1", Invalid(reason="payout_amount")),
        (-5, "x", "k-1", Invalid(reason="payout_amount")),
        (5, "  ", "k-1", Invalid(reason="reason")),
        (5, "x" * 501, "k-1", Invalid(reason="reason")),
        (5, "x", "", Invalid(reason="payout_key")),
        (5, "x", "a key", Invalid(reason="payout_key")),
    ],
)
def test_a_payout_that_does_not_fit_is_refused(
    payer: Payer, amount_rial: int, reason: str, key: str, refusal: AppError
) -> None:
    payer.overpay(51_000)
    pay_out(payer, 1_000, "used")

    with pytest.raises(type(refusal), match=str(refusal.data["reason"])):
        service.pay_out_credit(factories.actor(Role.OPERATOR), payer.tenant.id, amount_rial, reason, key)

    assert payer.credit() == 50_000


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.TENANT_VIEWER, Role.AUDITOR])
def test_only_operators_pay_credit_out(payer: Payer, role: Role) -> None:
    payer.overpay(50_000)
    somebody = factories.actor(role, None if role == Role.AUDITOR else payer.tenant.id)

    with pytest.raises(Forbidden):
        service.pay_out_credit(somebody, payer.tenant.id, 5, "x", "k")


def test_credit_that_was_paid_out_and_then_taken_back_is_a_debt(payer: Payer) -> None:
    """Nothing is left that could be opened again: the money left the house."""
    surplus = payer.overpay(50_000)
    payer.overpay(20_000)
    pay_out(payer, 40_000)
    invoice = payer.invoice(30_000)
    service.use_credit(payer.actor)

    payer.take_back(surplus)

    assert (payer.credit(), status_of(invoice)) == (-20_000, "pending")
    assert service.preview(payer.actor).credit_rial == 0
    assert truths.book_errors() == []


def test_a_debt_that_invoices_could_make_up_for_is_seen_as_a_breach(payer: Payer) -> None:
    """The truths of the soak would find a refund that leaves the invoice paid which its credit had paid."""
    payer.overpay(50_000)
    payer.invoice(50_000)
    service.use_credit(payer.actor)
    assert truths.book_errors() == []

    with transaction() as connection:
        connection.exec_driver_sql(
            "INSERT INTO tenant_ledger (tenant_id, kind, amount_rial, at, actor, payout_key)"
            " VALUES (%s, 'payout', -1, now(), 'x', 'x')",
            (payer.tenant.id,),
        )

    [(rule, _)] = truths.book_errors()
    assert rule.startswith("credit is below zero only by what was paid out")


def test_the_command_pays_out_and_says_what_is_left(payer: Payer, capsys: pytest.CaptureFixture[str]) -> None:
    payer.overpay(50_000)
    asked = ["pay-out", "--tenant", payer.tenant.label, "--amount-rial", "\u200f۳۰٬۰۰۰"]
    asked += ["--reason", "asked by mail", "--key", "transfer-7"]

    assert [command.main(asked), command.main(asked)] == [0, 0]
    assert command.main([*asked[:4], "90000", *asked[5:8], "transfer-8"]) == 1
    assert command.main(["pay-out", "--tenant", "nobody", *asked[3:]]) == 1

    told = capsys.readouterr()
    first, second = told.out.splitlines()
    assert "3,000 Toman" in first
    assert "2,000 Toman" in first
    assert "already" in second
    assert payer.credit() == 20_000
    assert "more than" in told.err


def test_credit_of_a_company_that_does_not_exist_cannot_be_paid_out(payer: Payer) -> None:
    with pytest.raises(NotFound):
        service.pay_out_credit(factories.actor(Role.OPERATOR), TenantId(uuid4()), 5, "x", "k")
