"""What a payer, a mail and the log are told is true: also of parts, of money on its way back, and of debts."""

import io
import json
from typing import Any

import pytest

from backend.actor import Role
from backend.config import settings
from backend.errors import Unavailable
from backend.notifications.mail_rendering import render
from backend.notifications.types import Mail
from backend.payments import service
from backend.payments.types import ReturnOutcome
from portal.features.invoices.list_state import list_view
from portal.place import Place
from tests import factories
from tests.integration.payments.payer import Payer, callback_of, invoice, mails, status_of, track_of


def mails_in(lang: Any = "en") -> list[str]:
    """The receipts so far, as text."""
    return [
        render(
            Mail(
                key=each["key"],
                recipient=each["recipient"],
                language=lang,
                template=each["template"],
                params=each["params"],
            ),
            "https://portal.example",
        ).text
        for each in mails()
    ]


@pytest.mark.parametrize("way", ["a part", "credit"])
def test_total_unpaid_is_what_is_left(payer: Payer, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setenv("ZIBAL_MAX_RIAL", "200000")
    settings.cache_clear()
    invoice(Payer(payer.bank).tenant.id, 70_000)
    payer.invoice(99_000, status="held")
    if way == "credit":
        payer.overpay(200_000)
    first = payer.invoice(350_000)
    if way == "credit":
        service.use_credit(payer.actor)
    else:
        payer.pay_whole(first)
    payer.invoice(10_000)

    view = list_view(payer.actor, Place(path="/invoices"), "en")

    assert (view.due, view.due_count, view.offer.total) == ("16,000 Toman", "2", "16,000 Toman")


def test_the_first_part_of_a_payment_says_what_is_left(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIBAL_MAX_RIAL", "200000")
    settings.cache_clear()
    invoice = payer.invoice(350_000)
    first = payer.start(invoice)
    payer.pay(first)

    part = payer.come_back(first)
    second = payer.start(invoice)
    payer.pay(second)
    whole = payer.come_back(second)

    assert [(each.outcome, each.outstanding_rial) for each in (part, whole)] == [
        (ReturnOutcome.PAID, 150_000),
        (ReturnOutcome.PAID, 0),
    ]
    assert service.callback(None, callback_of(payer.bank, track_of(first))[1:]).outstanding_rial is None
    told, last = mails_in()
    assert "15,000 Toman is still to be paid" in told
    assert "still to be paid" not in last
    assert "هنوز ۱۵٬۰۰۰ تومان" in mails_in("fa")[0]


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        ("refunding", ReturnOutcome.RETURNING_MONEY),
        ("refund", ReturnOutcome.RETURNED_MONEY),
        ("reverse", ReturnOutcome.RETURNED_MONEY),
    ],
)
def test_money_on_its_way_back_is_told_from_money_that_is_back(
    payer: Payer, act: str, outcome: ReturnOutcome
) -> None:
    invoice = payer.invoice()
    hand_off = payer.pay_whole(invoice)
    payer.take_back(hand_off, act)

    back = payer.come_back(hand_off)
    payer.pay_whole(invoice)
    later = payer.come_back(hand_off)

    assert (back.outcome, back.outstanding_rial) == (outcome, 50_000)
    assert (later.outcome, later.outstanding_rial, status_of(invoice)) == (outcome, 0, "paid")


def test_surplus_that_makes_up_for_a_debt_is_not_told_as_credit(payer: Payer) -> None:
    lost = payer.overpay(30_000)
    operator = factories.actor(Role.OPERATOR)
    service.pay_out_credit(operator, payer.tenant.id, 30_000, "asked by mail", "transfer-1")
    payer.take_back(lost)
    assert payer.credit() == -30_000
    invoice = payer.invoice(50_000)
    payer.pay_whole(invoice)
    surplus = next(
        each for each in payer.double_payment(40_000) if each.outcome == ReturnOutcome.PAID_AS_CREDIT
    )

    assert (surplus.credit_rial, surplus.debt_rial, payer.credit()) == (40_000, 30_000, 10_000)
    told = mails_in()[-1]
    assert "Kept as your credit: 1,000 Toman" in told
    assert "3,000 Toman" in told


def test_a_surplus_smaller_than_the_debt_goes_to_it_whole_and_no_credit_is_told(payer: Payer) -> None:
    lost = payer.overpay(50_000)
    service.pay_out_credit(
        factories.actor(Role.OPERATOR), payer.tenant.id, 50_000, "asked by mail", "transfer-1"
    )
    payer.take_back(lost)
    assert payer.credit() == -50_000

    payer.double_payment(40_000)

    told = mails()[-1]["params"]
    assert (told["debt_rial"], told["credit_rial"], payer.credit()) == (40_000, 0, -10_000)


@pytest.mark.parametrize("result", [103, 999])
def test_who_is_told_that_we_know_is_told_the_truth(payer: Payer, logged: io.StringIO, result: int) -> None:
    payer.bank.fault("request", "result", result, times=1)
    with pytest.raises(Unavailable, match="zibal_refuses"):
        payer.start(payer.invoice())

    [told] = errors(logged)
    assert (told["event"], told["result"]) == ("payment.refused", result)


def test_an_account_that_the_bank_refuses_is_told_to_us_once(payer: Payer, logged: io.StringIO) -> None:
    hand_off = payer.start(payer.invoice())
    payer.bank.fail(track_of(hand_off), 21)

    for _ in range(2):
        payer.come_back(hand_off)

    [told] = errors(logged)
    assert (told["event"], told["attempt"]) == ("payment.account_refused", str(hand_off.attempt_id))


def errors(logged: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    return [line for line in lines if line["level"] == "error"]
