"""What the bank can answer, and amounts that one payment does not cover: what the payer reads, and what is booked."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from backend.i18n import format as shown
from backend.i18n.catalog import Lang, has
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from backend.sandbox.zibal.codes import FAILURES, INTERNAL_ERROR
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.sessions import Behaviour
from tests.e2e.conftest import Visitor
from tests.e2e.paying import (
    at_the_bank,
    attempts_at,
    change,
    enter,
    expect_outcome,
    new_invoice,
    number_of,
    pay_button,
    somebody,
    status_of,
    straight_to_the_bank,
)

PAY = "پرداخت"
CEILING_RIAL = 500_000_000
REST_RIAL = 100_000_000
LANGUAGES: tuple[Lang, ...] = ("fa", "en")
# An error of the switch or inside the gateway is no answer, so the gateway is asked again.
NEITHER_YES_NOR_NO = {11, INTERNAL_ERROR}
# It pays nothing by itself, and no other test leaves an undecided payment behind in it.
QUIET_COMPANY = "peyktiz-delivery"
REFUSALS = [(status, LANGUAGES[place % 2]) for place, status in enumerate(FAILURES)]


@pytest.fixture
def admin(people: dict[str, SignIn]) -> SignIn:
    return people["tenant_admin"]


@pytest.fixture
def bank(stack: Stack) -> Iterator[Driver]:
    """The stand-in of the stack, as usual again afterwards."""
    with Driver(stack.zibal_url) as driver:
        yield driver
        driver.behave(session_life_s=Behaviour().session_life_s)


@pytest.mark.parametrize(("status", "lang"), REFUSALS)
def test_each_refusal_of_the_bank_is_told_and_the_invoice_waits(
    stack: Stack, admin: SignIn, visit: Visitor, status: int, lang: Lang
) -> None:
    invoice_id = new_invoice(stack, str(admin.tenant))
    now = visit(lang, "phone")
    page = straight_to_the_bank(now, admin, invoice_id)
    at_the_bank(page, FAILURES[status])

    expect_outcome(now, "checking" if status in NEITHER_YES_NOR_NO else "not_paid")
    if has(f"payment.refused.status_{status}"):
        expect(page.locator("main")).to_contain_text(now.t(f"payment.refused.status_{status}"))
    now.screenshot(f"pay-refused-{status}")
    assert status_of(stack, invoice_id) == "pending"


@pytest.mark.parametrize("sight", [("fa", "desktop"), ("en", "phone")], ids="-".join)
def test_a_payment_in_doubt_is_being_checked_everywhere_until_the_bank_answers(
    stack: Stack, admin: SignIn, visit: Visitor, bank: Driver, sight: tuple[Lang, str]
) -> None:
    invoice_id = new_invoice(stack, str(admin.tenant))
    now = visit(*sight)
    page = straight_to_the_bank(now, admin, invoice_id)
    at_the_bank(page, FAILURES[11])
    expect_outcome(now, "checking")
    [(_, track_id)] = attempts_at(stack, invoice_id)

    now.go("/invoices")
    number = shown.identifier(number_of(stack, invoice_id), now.lang)
    expect(page.get_by_test_id("being-checked")).to_contain_text(number)
    row = page.get_by_role("row").filter(has_text=number)
    expect(row).to_contain_text(now.t("payment.status.checked"))
    expect(row.get_by_role("checkbox")).to_have_count(0)
    now.screenshot("pay-being-checked-list")
    now.go(f"/invoices/{invoice_id}")
    expect(page.get_by_test_id("being-checked")).to_contain_text(str(track_id))
    expect(page.get_by_test_id("pay-card")).to_have_count(0)
    now.screenshot("pay-being-checked")
    bank.act(track_id, "status", status=2)
    change(
        stack,
        "UPDATE payment_attempt SET last_inquiry_at = last_inquiry_at - interval '1 minute' WHERE track_id = %s",
        track_id,
    )
    page.get_by_role("button", name=now.t("payment.check.now")).click()

    expect(page.get_by_test_id("check-answer")).to_have_text(now.t("payment.check.paid"))
    expect(page.get_by_test_id("movements")).to_contain_text(str(track_id))
    now.screenshot("pay-checked")


def test_a_session_that_the_bank_closed_is_no_loss_and_the_next_one_pays(
    stack: Stack, admin: SignIn, visit: Visitor, bank: Driver
) -> None:
    invoice_id = new_invoice(stack, str(admin.tenant))
    now = visit("fa")
    page = straight_to_the_bank(now, admin, invoice_id)
    bank.behave(session_life_s=0)
    page.reload()
    expect(page.get_by_role("heading", name="زمان این پرداخت به پایان رسیده است")).to_be_visible()
    bank.behave(session_life_s=Behaviour().session_life_s)
    page.get_by_role("link").click()

    expect_outcome(now, "waiting")
    now.screenshot("pay-session-over")
    assert status_of(stack, invoice_id) == "pending"
    page.get_by_role("link", name=now.t("payment.try_again")).click()
    now.settle()
    page.get_by_role("button", name=pay_button(now)).click()
    page.wait_for_url("**/start/*")
    at_the_bank(page, PAY)
    expect_outcome(now, "paid")
    assert len(attempts_at(stack, invoice_id)) == 2


def test_more_than_one_payment_may_be_is_paid_in_parts(stack: Stack, admin: SignIn, visit: Visitor) -> None:
    invoice_id = new_invoice(stack, str(admin.tenant), CEILING_RIAL + REST_RIAL)
    now = enter(visit("en"), admin)
    first = shown.toman(CEILING_RIAL, "en")
    page = now.go("/invoices")
    several = page.get_by_test_id("pay-several")
    expect(
        several.get_by_role("button", name=re.compile(f"Pay the first part: {re.escape(first)}"))
    ).to_be_visible()
    now.screenshot("pay-all-in-parts")
    now.go(f"/invoices/{invoice_id}")
    expect(page.get_by_test_id("pay-card")).to_contain_text(
        now.t("payment.split", maximum=first, count=2, first=first)
    )
    page.get_by_role("button", name=pay_button(now, CEILING_RIAL)).click()
    page.wait_for_url("**/start/*")
    at_the_bank(page, PAY)
    expect_outcome(now, "paid")

    page = now.go(f"/invoices/{invoice_id}")
    expect(page.locator(".sums")).to_contain_text(shown.toman_in_column(REST_RIAL, "en"))
    now.screenshot("pay-part-paid")
    assert status_of(stack, invoice_id) == "pending"
    page.get_by_role("button", name=pay_button(now, REST_RIAL)).click()
    page.wait_for_url("**/start/*")
    at_the_bank(page, PAY)
    expect_outcome(now, "paid")
    assert status_of(stack, invoice_id) == "paid"
    assert [state for state, _ in attempts_at(stack, invoice_id)] == ["settled", "settled"]


def test_everything_unpaid_is_paid_at_once(stack: Stack, visit: Visitor) -> None:
    wanted = [new_invoice(stack, QUIET_COMPANY) for _ in range(2)]
    now = enter(visit("fa", "phone"), somebody(stack, "tenant_admin", QUIET_COMPANY))
    page = now.go("/invoices")
    due = page.get_by_test_id("due").locator(".value").inner_text()
    page.get_by_role("button", name=now.t("payment.pay_all", amount=due)).click()
    page.wait_for_url("**/start/*")
    at_the_bank(page, PAY)

    expect_outcome(now, "paid")
    now.screenshot("pay-all-paid")
    assert [status_of(stack, each) for each in wanted] == ["paid", "paid"]
    now.go("/invoices")
    expect(page.get_by_test_id("due").locator(".value")).to_have_text(shown.toman(0, "fa"))
    expect(page.get_by_test_id("pay-several")).to_have_count(0)
