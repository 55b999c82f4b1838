"""Paying in a real browser: whatever payer, bank and browser do, the books are right and the page says so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from backend.i18n import format as shown
from backend.i18n.catalog import Lang
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from backend.sandbox.zibal.driver import Driver
from tests.e2e.conftest import Visit, Visitor, asked, run_module
from tests.e2e.paying import (
    AMOUNT_RIAL,
    at_the_bank,
    attempts_at,
    box_of,
    change,
    expect_outcome,
    new_invoice,
    pay_button,
    receipt_has_come,
    status_of,
    to_the_bank,
)
from tests.waiting import until

PAY, CANCEL = "پرداخت", "انصراف"
SIGHTS: tuple[tuple[Lang, str], ...] = (
    ("fa", "desktop"),
    ("fa", "phone"),
    ("en", "desktop"),
    ("en", "phone"),
)


@pytest.fixture
def admin(people: dict[str, SignIn]) -> SignIn:
    return people["tenant_admin"]


@pytest.fixture
def invoice_id(stack: Stack, admin: SignIn) -> str:
    return new_invoice(stack, str(admin.tenant))


@pytest.fixture
def bank(stack: Stack) -> Iterator[Driver]:
    """The stand-in of the stack, healthy again afterwards."""
    with Driver(stack.zibal_url) as driver:
        yield driver
        driver.heal()


def go_on_with_what_is_open(now: Visit, page: Page) -> None:
    """A second click on pay is told of the first, and goes on with it."""
    page.wait_for_url("**/pay/open*")
    expect(page.get_by_role("heading", level=1)).to_have_text(now.t("page.open_payments.heading"))
    if page is now.page:
        now.screenshot("pay-open")
    page.get_by_role("link", name=now.t("page.open_payments.continue")).click()
    page.wait_for_url("**/start/*")


@pytest.mark.parametrize("sight", SIGHTS, ids=["-".join(each) for each in SIGHTS])
def test_an_invoice_is_paid_and_its_receipt_is_mailed(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str, sight: tuple[Lang, str]
) -> None:
    lang, width = sight
    now = visit(lang, width).sign_in(admin)
    page = now.go(f"/invoices/{invoice_id}")
    expect(page.get_by_role("note")).to_have_text(now.t("payment.sandbox_gateway"))
    expect(page.get_by_test_id("pay-card")).to_contain_text(shown.rial(AMOUNT_RIAL, lang))
    now.screenshot("pay-invoice")
    page.route("**/pay.js", lambda route: route.abort())
    page.get_by_role("button", name=pay_button(now)).click()
    page.wait_for_url("**/pay/*")
    expect(page.get_by_role("heading", level=1)).to_have_text(now.t("page.hand_off.heading"))
    expect(page.locator("main")).to_contain_text(shown.toman(AMOUNT_RIAL, lang))
    now.expect_stillness()
    now.screenshot("pay-hand-off")
    page.get_by_role("link", name=now.t("page.hand_off.go")).click()
    page.wait_for_url("**/start/*")
    at_the_bank(page, PAY)

    expect_outcome(now, "paid")
    [(state, track_id)] = attempts_at(stack, invoice_id)
    expect(page.locator("main")).to_contain_text(str(track_id))
    now.expect_stillness()
    now.screenshot("pay-paid")
    page.get_by_role("link", name=now.t("payment.to_invoice")).click()
    now.settle()
    expect(page.get_by_test_id("payment-history")).to_contain_text(str(track_id))
    expect(page.get_by_test_id("pay-card")).to_have_count(0)
    now.screenshot("pay-invoice-paid")
    assert (state, status_of(stack, invoice_id)) == ("settled", "paid")
    until(lambda: receipt_has_come(stack, invoice_id))


@pytest.mark.parametrize("sight", [("fa", "desktop"), ("en", "phone")], ids="-".join)
def test_cancelling_pays_nothing_and_the_way_back_leads_to_paying(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str, sight: tuple[Lang, str]
) -> None:
    now = visit(*sight).sign_in(admin)
    page = to_the_bank(now, invoice_id)
    at_the_bank(page, CANCEL)
    expect_outcome(now, "cancelled")
    now.screenshot("pay-cancelled")
    page.get_by_role("link", name=now.t("payment.try_again")).click()
    now.settle()
    page.get_by_role("button", name=pay_button(now)).click()
    page.wait_for_url("**/start/*")
    at_the_bank(page, PAY)

    expect_outcome(now, "paid")
    assert [state for state, _ in attempts_at(stack, invoice_id)] == ["cancelled", "settled"]


@pytest.mark.parametrize("sight", [("fa", "phone"), ("en", "desktop")], ids="-".join)
def test_back_from_the_bank_is_the_invoice_and_paying_again_goes_on_with_the_same_payment(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str, sight: tuple[Lang, str]
) -> None:
    now = visit(*sight).sign_in(admin)
    page = to_the_bank(now, invoice_id)
    page.go_back()
    page.wait_for_url(f"**/invoices/{invoice_id}")
    now.settle()
    page.get_by_role("button", name=pay_button(now)).click()
    go_on_with_what_is_open(now, page)
    at_the_bank(page, PAY)

    expect_outcome(now, "paid")
    page.go_back()
    page.go_forward()
    expect_outcome(now, "paid")
    assert [state for state, _ in attempts_at(stack, invoice_id)] == ["settled"]


def test_a_double_click_opens_one_payment(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str
) -> None:
    now = visit("fa").sign_in(admin)
    page = now.go(f"/invoices/{invoice_id}")
    page.get_by_role("button", name=pay_button(now)).dblclick()
    page.wait_for_url("**/start/*")
    at_the_bank(page, PAY)

    expect_outcome(now, "paid")
    assert [state for state, _ in attempts_at(stack, invoice_id)] == ["settled"]


def pay_in_a_second_tab(now: Visit, invoice_id: str) -> Page:
    """Another tab of the same person, in which the invoice was to be paid."""
    second = now.context.new_page()
    second.goto(f"{now.stack.web_url}/invoices/{invoice_id}")
    second.get_by_role("button", name=pay_button(now)).click()
    return second


def test_a_second_tab_is_told_of_the_first_and_goes_on_with_its_payment(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str
) -> None:
    now = visit("fa").sign_in(admin)
    first = to_the_bank(now, invoice_id)
    second = pay_in_a_second_tab(now, invoice_id)
    go_on_with_what_is_open(now, second)
    assert second.url == first.url
    at_the_bank(second, PAY)
    expect_outcome(now, "paid", second)
    first.reload()
    first.get_by_role("link").click()

    expect_outcome(now, "paid", first)
    assert [state for state, _ in attempts_at(stack, invoice_id)] == ["settled"]


def test_who_replaces_an_open_payment_says_so_and_the_first_tab_is_told(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str
) -> None:
    now = visit("fa").sign_in(admin)
    first = to_the_bank(now, invoice_id)
    second = pay_in_a_second_tab(now, invoice_id)
    second.get_by_role("button", name=now.t("page.open_payments.replace")).click()
    second.wait_for_url("**/start/*")
    assert second.url != first.url
    at_the_bank(first, CANCEL)
    expect_outcome(now, "replaced", first)
    now.screenshot("pay-replaced")
    at_the_bank(second, PAY)

    expect_outcome(now, "paid", second)
    assert [state for state, _ in attempts_at(stack, invoice_id)] == ["superseded", "settled"]


def test_who_closes_the_browser_at_the_bank_has_paid(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str, bank: Driver
) -> None:
    now = visit("fa").sign_in(admin)
    page = to_the_bank(now, invoice_id)
    [(_, track_id)] = attempts_at(stack, invoice_id)
    bank.fault("callback", "never", track_id=track_id)
    at_the_bank(page, PAY)
    page.get_by_text("می‌توانید این صفحه را ببندید").wait_for()
    page.close()
    assert status_of(stack, invoice_id) == "pending"
    change(stack, "UPDATE payment_attempt SET next_check_at = now() WHERE track_id = %s", track_id)

    run = run_module(stack, "jobs", "run", "sweep_payments")

    assert run.returncode == 0, run.stderr
    # The running scheduler may just have been at it.
    until(lambda: status_of(stack, invoice_id) == "paid")
    until(lambda: receipt_has_come(stack, invoice_id))


def test_who_comes_back_without_a_session_is_told_all_the_same(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str
) -> None:
    now = visit("fa").sign_in(admin)
    page = to_the_bank(now, invoice_id)
    now.context.clear_cookies()
    at_the_bank(page, PAY)

    expect_outcome(now, "paid")
    expect(page.locator("main")).to_contain_text(shown.toman(AMOUNT_RIAL, "fa"))
    page.get_by_role("link", name=now.t("payment.to_invoice")).click()
    page.wait_for_url("**/sign-in*")
    assert status_of(stack, invoice_id) == "paid"


def test_a_viewer_cannot_pay(stack: Stack, people: dict[str, SignIn], visit: Visitor) -> None:
    viewer = people["tenant_viewer"]
    invoice_id = new_invoice(stack, str(viewer.tenant))
    now = visit("fa").sign_in(viewer)
    page = now.go(f"/invoices/{invoice_id}")
    expect(page.get_by_test_id("pay-card")).to_have_text(
        now.t("payment.pay_heading") + now.t("payment.only_admins")
    )
    expect(page.get_by_test_id("pay-card").get_by_role("button")).to_have_count(0)
    now.screenshot("pay-viewer")
    now.go("/invoices")
    expect(page.get_by_role("checkbox")).to_have_count(0)

    answer = now.context.request.post(
        f"{stack.web_url}/pay/start", form={"invoices": invoice_id}, max_redirects=0
    )

    assert answer.status == 303
    assert answer.headers["location"] == f"/invoices/{invoice_id}?error=forbidden"
    assert attempts_at(stack, invoice_id) == []
    now.go(answer.headers["location"])
    expect(page.get_by_test_id("pay-problem")).to_have_text(now.t("error.forbidden"))


def test_another_tenants_callback_changes_and_tells_nothing(
    stack: Stack, people: dict[str, SignIn], admin: SignIn, visit: Visitor, invoice_id: str
) -> None:
    now = visit("fa").sign_in(admin)
    to_the_bank(now, invoice_id)
    [(_, track_id)] = attempts_at(stack, invoice_id)
    other = visit("fa").sign_in(people["tenant_viewer"])

    other.page.goto(f"{stack.web_url}/pay/return?trackId={track_id}&success=1&status=2&n=guessed")

    expect_outcome(other, "waiting")
    assert shown.toman(AMOUNT_RIAL, "fa") not in other.page.content()
    assert invoice_id not in other.page.content()
    assert status_of(stack, invoice_id) == "pending"


def test_a_broken_address_gets_a_human_page(stack: Stack, visit: Visitor) -> None:
    now = visit("fa", "phone")
    now.page.goto(f"{stack.web_url}/pay/return?trackId=1&trackId=2")
    expect_outcome(now, "unreadable")
    now.screenshot("pay-unreadable")


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_several_invoices_are_chosen_and_paid_at_once(
    stack: Stack, admin: SignIn, visit: Visitor, width: str
) -> None:
    wanted = [new_invoice(stack, str(admin.tenant)) for _ in range(2)]
    now = visit("fa", width).sign_in(admin)
    page = now.go("/invoices")
    chosen = shown.toman(2 * AMOUNT_RIAL, "fa")
    boxes = [box_of(now, each) for each in wanted]
    for box in boxes:
        box_now = page.get_by_role("checkbox", name=box)
        box_now.click()
        expect(box_now).to_be_checked()
    expect(page.get_by_test_id("chosen-sum")).to_contain_text(chosen)
    now.screenshot("pay-several")
    page.get_by_role("button", name=now.t("payment.pay_selected")).click()
    page.wait_for_url("**/start/*")
    at_the_bank(page, PAY)

    expect_outcome(now, "paid")
    assert [status_of(stack, each) for each in wanted] == ["paid", "paid"]
    assert attempts_at(stack, wanted[0]) == attempts_at(stack, wanted[1])


def test_a_second_payment_becomes_credit_that_pays_the_next_invoice(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str
) -> None:
    now = visit("fa").sign_in(admin)
    page = to_the_bank(now, invoice_id)
    change(stack, "UPDATE tenant_invoice SET status = 'paid', paid_at = now() WHERE id = %s", invoice_id)
    at_the_bank(page, PAY)
    expect_outcome(now, "paid_as_credit")
    now.screenshot("pay-as-credit")

    next_one = new_invoice(stack, str(admin.tenant), AMOUNT_RIAL)
    now.go("/invoices")
    expect(page.get_by_test_id("credit")).to_contain_text(shown.toman(AMOUNT_RIAL, "fa"))
    now.go(f"/invoices/{next_one}")
    now.screenshot("pay-from-credit")
    page.get_by_role("button", name=now.t("payment.use_credit")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(now.t("payment.use_credit_ask", amount=shown.toman(AMOUNT_RIAL, "fa")))
    now.screenshot("pay-from-credit-question")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name=now.t("payment.use_credit"))).to_be_focused()
    assert status_of(stack, next_one) == "pending"
    page.get_by_role("button", name=now.t("payment.use_credit")).click()
    dialog.get_by_role("button", name=now.t("payment.use_credit")).dblclick()

    expect(page.get_by_test_id("pay-done")).to_have_text(
        now.t("payment.credit_used", amount=shown.toman(AMOUNT_RIAL, "fa"))
    )
    expect(page.get_by_test_id("pay-card")).to_have_count(0)
    assert status_of(stack, next_one) == "paid"
    now.go("/invoices")
    expect(page.get_by_test_id("credit")).to_have_count(0)


def test_an_amount_below_the_banks_floor_is_explained_before_the_click(
    stack: Stack, admin: SignIn, visit: Visitor
) -> None:
    invoice_id = new_invoice(stack, str(admin.tenant), 5_000)
    now = visit("en").sign_in(admin)
    page = now.go(f"/invoices/{invoice_id}")

    expect(page.get_by_test_id("pay-card")).to_contain_text(
        now.t("payment.below_minimum", minimum=shown.toman(10_000, "en"))
    )
    expect(page.get_by_test_id("pay-card").get_by_role("button")).to_have_count(0)
    change(stack, "DELETE FROM tenant_invoice WHERE id = %s", invoice_id)


def test_a_dead_gateway_is_said_in_plain_words(
    stack: Stack, admin: SignIn, visit: Visitor, invoice_id: str, bank: Driver
) -> None:
    bank.fault("request", "http_error", 503)
    now = visit("fa").sign_in(admin)
    page = now.go(f"/invoices/{invoice_id}")
    page.get_by_role("button", name=pay_button(now)).click()

    expect(page.get_by_test_id("pay-problem")).to_have_text(now.t("error.unavailable.zibal"))
    now.is_answered(page.get_by_test_id("pay-problem"))
    now.screenshot("pay-gateway-dead")


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_an_operator_checks_an_undecided_payment_again_and_resolves_it(
    stack: Stack, people: dict[str, SignIn], visit: Visitor, bank: Driver, lang: Lang
) -> None:
    admin = people["tenant_admin"]
    invoice_id = new_invoice(stack, str(admin.tenant))
    to_the_bank(visit(lang).sign_in(admin), invoice_id)
    [(_, track_id)] = attempts_at(stack, invoice_id)
    bank.fault("inquiry", "http_error", 503, track_id=track_id)
    change(
        stack,
        "UPDATE payment_attempt SET redirected_at = now() - interval '2 days', verdict = 'undecided',"
        " next_check_at = now() + interval '1 day' WHERE track_id = %s",
        track_id,
    )
    now = visit(lang, "phone" if lang == "fa" else "desktop").sign_in(people["operator"])
    page = now.go("/payments")
    row = page.get_by_role("row").filter(has_text=str(track_id))
    if now.width == "phone":
        row.locator("[data-opener]").click()
    row.get_by_role("button", name=now.t("page.payments.evidence")).click()
    expect(page.get_by_test_id("evidence")).to_contain_text(now.t("payment.event.requested"))
    page.get_by_role("button", name=now.t("page.payments.check_again")).click()
    expect(page.get_by_test_id("action-problem")).to_contain_text(now.t("payment.undecided.no_answer"))
    now.is_answered(page.get_by_test_id("action-problem"))
    expect(page.get_by_test_id("done")).to_have_count(0)
    now.screenshot("payments-evidence")
    evidence = page.get_by_test_id("evidence")
    close = evidence.get_by_role("button", name=now.t("page.payments.resolve"), exact=True)
    close.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=now.t("dialog.cancel")).click()
    expect(close).to_be_focused()
    close.click()
    dialog.get_by_label(now.t("page.payments.reason")).fill("با بانک گفت‌وگو شد")
    dialog.get_by_role("button", name=now.t("page.payments.resolve")).click()

    expect(page.get_by_test_id("resolved")).to_have_text(now.t("page.payments.resolved"))
    now.is_answered(page.get_by_test_id("resolved"))
    expect(row).to_have_count(0)
    [(action, detail)] = asked(stack, "SELECT action, detail::text FROM audit_entry ORDER BY id DESC LIMIT 1")
    assert action == "payment.resolved"
    assert "با بانک گفت‌وگو شد" in str(detail)
    assert [state for state, _ in attempts_at(stack, invoice_id)] == ["closed"]
