"""An invoice stands the same wherever it is shown: being checked, at the bank, paid in part; and its rows add up."""

from datetime import timedelta

import pytest

from backend.actor import Role
from backend.clock import utc_now
from backend.config import settings
from backend.errors import Forbidden, NotFound
from backend.i18n import format as fmt
from backend.i18n.catalog import text
from backend.invoices.types import InvoiceId
from backend.payments import rules, service
from backend.payments.standing_rules import CheckReport, is_being_checked
from backend.payments.types import AttemptState, AttemptVerdict, HandOff, ReturnOutcome
from portal.features.invoices.check_state import ask_now
from portal.features.invoices.detail_state import detail_view
from portal.features.invoices.list_state import list_view
from portal.payment_words import standing_of
from portal.place import Place
from tests import factories
from tests.integration.payments.payer import (
    Payer,
    attempt_of,
    let_time_pass,
    set_columns,
    status_of,
    sweep,
    track_of,
)


def in_doubt(payer: Payer, invoice: InvoiceId) -> HandOff:
    """A payer who came back from the bank while it gave no clear answer."""
    hand_off = payer.start(invoice)
    payer.bank.act(track_of(hand_off), "status", status=11)
    assert payer.come_back(hand_off).outcome == ReturnOutcome.CHECKING
    return hand_off


def test_what_is_being_checked_says_so_on_list_invoice_head_and_to_staff(payer: Payer) -> None:
    invoice, other = payer.invoice(50_000), payer.invoice(70_000)
    hand_off = in_doubt(payer, invoice)

    listed = list_view(payer.actor, Place(path="/invoices"), "en")
    shown = detail_view(payer.actor, str(invoice), "en")
    to_staff = detail_view(factories.actor(Role.OPERATOR), str(invoice), "en")

    assert {row.key: (row.status, row.is_payable) for row in listed.rows} == {
        str(invoice): ("Payment being checked", False),
        str(other): ("Waiting for payment", True),
    }
    assert (listed.check.count, listed.check.amount) == ("1", "5,000 Toman")
    number = next(row.number for row in listed.rows if row.key == str(invoice))
    assert number in listed.check.sentences[0]
    assert {shown.invoice.status, to_staff.invoice.status} == {"Payment being checked"}
    assert (shown.check.is_shown, shown.offer.can_pay, shown.offer.is_shown) == (True, False, False)
    assert str(track_of(hand_off)) in shown.check.sentences[0]
    assert standing_of(attempt_of(hand_off), "en")[0] == text("payment.state.paid_unverified", "en")


def test_when_the_rules_allow_it_an_invoice_can_be_paid_beside_the_check_and_still_says_so(
    payer: Payer,
) -> None:
    invoice = payer.invoice()
    in_doubt(payer, invoice)
    let_time_pass(payer.bank, minutes=16)

    shown = detail_view(payer.actor, str(invoice), "en")

    assert (shown.invoice.status, shown.check.is_shown) == ("Payment being checked", True)
    assert shown.check.sentences[-1] == text("payment.check.may_pay", "en")
    assert shown.offer.can_pay


def test_checking_now_asks_the_bank_at_most_every_ten_seconds(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = in_doubt(payer, invoice)
    asked = len(payer.bank.calls("inquiry"))

    for _ in range(3):
        assert service.check_now(payer.actor, [invoice]) == CheckReport(unclear=1)
    assert len(payer.bank.calls("inquiry")) == asked
    payer.bank.act(track_of(hand_off), "status", status=2)
    let_time_pass(None, seconds=11)

    words, is_settled = ask_now(payer.actor, None, "en")

    assert (words, is_settled) == (text("payment.check.paid", "en"), True)
    assert status_of(invoice) == "paid"
    assert service.check_now(payer.actor) == CheckReport()


def test_one_click_has_those_checked_that_were_asked_about_longest_ago(payer: Payer) -> None:
    doubts = [in_doubt(payer, payer.invoice()) for _ in range(4)]
    for hand_off, minutes in zip(doubts, (5, 20, 10, 15), strict=True):
        set_columns(hand_off, last_inquiry_at=utc_now() - timedelta(minutes=minutes))
    before = len(payer.bank.calls("inquiry"))

    service.check_now(payer.actor)

    asked = [call["trackId"] for call in payer.bank.calls("inquiry")[before:]]
    assert asked == [track_of(doubts[place]) for place in (1, 3, 2)]


def test_only_the_tenants_people_have_its_payments_checked(payer: Payer) -> None:
    invoice = payer.invoice()
    in_doubt(payer, invoice)
    viewer = factories.actor(Role.TENANT_VIEWER, payer.tenant.id)

    assert service.check_now(viewer, [invoice]).unclear == 1
    for act in (service.check_now, service.standings):
        with pytest.raises(NotFound):
            act(Payer(payer.bank).actor, [invoice])
    with pytest.raises(Forbidden):
        service.check_now(factories.actor(Role.OPERATOR), [invoice])


def test_whoever_is_told_that_a_payment_is_checked_finds_its_invoice_being_checked(payer: Payer) -> None:
    hand_off = payer.start(payer.invoice())
    for state in AttemptState:
        for verdict in AttemptVerdict:
            set_columns(hand_off, state=state.value, verdict=verdict.value)
            found = attempt_of(hand_off)
            if state in {AttemptState.CREATED, AttemptState.FAILED_TO_START}:
                continue
            told = rules.outcome_of(found) == ReturnOutcome.CHECKING
            if told and verdict in rules.NOT_DECIDED:
                assert is_being_checked(found), (state, verdict)


def test_a_payer_at_the_bank_is_told_apart_from_one_who_has_not_begun(payer: Payer) -> None:
    invoice = payer.invoice()
    payer.start(invoice)

    assert detail_view(payer.actor, str(invoice), "en").invoice.status == "Being paid at the bank"
    let_time_pass(payer.bank, minutes=61)
    sweep()

    assert detail_view(payer.actor, str(invoice), "en").invoice.status == "Waiting for payment"


def sum_of(values: list[str]) -> float:
    return sum(float(each.replace(",", "")) for each in values if each != "—")


def test_what_is_left_in_the_rows_adds_up_to_the_head(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIBAL_MAX_RIAL", "200000")
    settings.cache_clear()
    payer.overpay(70_000)
    by_credit, by_bank = payer.invoice(100_000), payer.invoice(350_000)
    payer.invoice(99_000, status="held")
    service.use_credit(payer.actor, [by_credit])
    payer.pay_whole(by_bank)
    in_doubt(payer, payer.invoice(12_340))

    view = list_view(payer.actor, Place(path="/invoices"), "en")

    assert view.due == "19,234 Toman"
    assert sum_of([row.left for row in view.rows]) == 19_234
    assert {row.status for row in view.rows} >= {"Partly paid", "Paid", "Payment being checked"}


def test_an_invoice_tells_each_payment_and_use_of_credit_and_that_nothing_is_left(payer: Payer) -> None:
    payer.overpay(30_000)
    invoice = payer.invoice(50_000)
    service.use_credit(payer.actor, [invoice])
    part = detail_view(payer.actor, str(invoice), "en")
    hand_off = payer.pay_whole(invoice)
    whole = detail_view(payer.actor, str(invoice), "fa")

    assert (part.paid, part.outstanding) == ("3,000.0 Toman", "2,000.0 Toman")
    assert [(each.kind, each.amount) for each in part.movements] == [("Company credit", "3,000.0")]
    assert (whole.paid, whole.outstanding) == (
        fmt.toman_in_column(50_000, "fa"),
        fmt.toman_in_column(0, "fa"),
    )
    assert [(each.kind, each.amount, each.track_id) for each in whole.movements] == [
        ("اعتبار شرکت", fmt.toman_bare(30_000, "fa"), "—"),
        ("پرداخت بانکی", fmt.toman_bare(20_000, "fa"), str(track_of(hand_off))),
    ]
    assert all(each.at.count(":") == 2 and "۱۴۰۵" in each.at for each in whole.movements)


def test_money_that_went_back_is_told_with_its_sign(payer: Payer) -> None:
    invoice = payer.invoice(50_000)
    payer.take_back(payer.pay_whole(invoice))

    shown = detail_view(payer.actor, str(invoice), "en")

    assert [(each.kind, each.amount) for each in shown.movements] == [
        ("Bank payment", "5,000.0"),
        ("Money returned", "-5,000.0"),
    ]
    assert (shown.paid, shown.outstanding) == ("0.0 Toman", "5,000.0 Toman")


def test_a_case_that_was_closed_without_an_answer_no_longer_says_that_it_is_checked(payer: Payer) -> None:
    invoice = payer.invoice()
    hand_off = in_doubt(payer, invoice)
    service.resolve(factories.actor(Role.OPERATOR), hand_off.attempt_id, "the customer called")

    assert payer.come_back(hand_off).outcome == ReturnOutcome.CASE_CLOSED
    assert detail_view(payer.actor, str(invoice), "en").invoice.status == "Waiting for payment"
