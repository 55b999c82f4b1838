"""Staff in front of payments: finding one, following an invoice to its evidence, and an auditor who only looks."""

import pytest
from playwright.sync_api import expect

from backend.i18n.catalog import Lang
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from tests.e2e.conftest import Visit, Visitor
from tests.e2e.looks import keep
from tests.e2e.paying import (
    at_the_bank,
    attempts_at,
    change,
    enter,
    new_invoice,
    number_of,
    somebody,
    status_of,
    straight_to_the_bank,
)

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


@pytest.fixture
def paid(stack: Stack, people: dict[str, SignIn], visit: Visitor) -> tuple[str, int]:
    """An invoice that was just paid, and its track id: on none of the lists."""
    admin = people["tenant_admin"]
    invoice_id = new_invoice(stack, str(admin.tenant))
    at_the_bank(straight_to_the_bank(visit("fa"), admin, invoice_id), "پرداخت")
    [(_, track_id)] = attempts_at(stack, invoice_id)
    return invoice_id, track_id


@pytest.fixture
def undecided(stack: Stack, people: dict[str, SignIn], visit: Visitor) -> int:
    """The track id of a payment that nobody has decided for two days."""
    admin = people["tenant_admin"]
    invoice_id = new_invoice(stack, str(admin.tenant))
    straight_to_the_bank(visit("fa"), admin, invoice_id)
    [(_, track_id)] = attempts_at(stack, invoice_id)
    change(
        stack,
        "UPDATE payment_attempt SET redirected_at = now() - interval '2 days', verdict = 'undecided',"
        " last_error = 'no_answer', next_check_at = now() + interval '1 day' WHERE track_id = %s",
        track_id,
    )
    return track_id


@pytest.fixture
def auditor(stack: Stack) -> SignIn:
    """Somebody who may read everything and do nothing."""
    return somebody(stack, "auditor")


def find(now: Visit, wanted: str) -> None:
    now.page.get_by_label(now.t("page.payments.search")).fill(wanted)
    now.page.get_by_role("button", name=now.t("page.payments.search_do")).click()


def test_a_payment_of_this_minute_is_found_by_the_number_that_a_customer_reads_out(
    stack: Stack, people: dict[str, SignIn], visit: Visitor, paid: tuple[str, int]
) -> None:
    invoice_id, track_id = paid
    now = enter(visit("fa"), people["operator"])
    page = now.go("/payments")
    find(now, "1405-000000-x")
    expect(page.get_by_test_id("found-none")).to_be_visible()
    find(now, str(track_id).translate(PERSIAN))
    evidence = page.get_by_test_id("evidence")
    expect(evidence).to_contain_text(str(track_id))
    expect(evidence).to_be_focused()
    expect(evidence.get_by_role("button", name=now.t("page.payments.resolve"), exact=True)).to_have_count(0)
    keep(now, "payments-found")
    page.get_by_role("button", name=now.t("page.payments.close_evidence")).click()
    expect(evidence).to_have_count(0)
    find(now, number_of(stack, invoice_id).translate(PERSIAN))

    expect(evidence).to_contain_text(str(track_id))


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_staff_go_from_an_invoice_to_the_evidence_of_its_payment(
    people: dict[str, SignIn], visit: Visitor, paid: tuple[str, int], lang: Lang
) -> None:
    invoice_id, track_id = paid
    now = enter(visit(lang), people["operator"])
    page = now.go(f"/invoices/{invoice_id}")
    expect(page.get_by_role("note")).to_have_text(now.t("payment.sandbox_gateway"))
    expect(page.get_by_test_id("pay-card")).to_have_count(0)
    keep(now, "invoice-staff")
    page.get_by_test_id("payment-history").get_by_role("link", name=str(track_id)).click()
    page.wait_for_url(f"**/payments?track={track_id}")

    expect(page.get_by_test_id("evidence")).to_contain_text(str(track_id))


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_an_auditor_sees_payments_on_a_phone_and_can_do_nothing(
    stack: Stack, visit: Visitor, auditor: SignIn, undecided: int, lang: Lang
) -> None:
    now = enter(visit(lang, "phone"), auditor)
    page = now.go("/payments")
    row = page.get_by_role("row").filter(has_text=str(undecided))
    row.click()  # a line on a phone opens
    row.get_by_role("button", name=now.t("page.payments.evidence")).click()
    evidence = page.get_by_test_id("evidence")
    expect(evidence).to_contain_text(now.t("page.payments.read_only"))
    for name in ("check_again", "resolve"):
        expect(page.get_by_role("button", name=now.t(f"page.payments.{name}"), exact=True)).to_have_count(0)
    keep(now, "payments-auditor")
    now.go("/billing")
    page.get_by_role("tab", name=now.t("page.billing.plan")).click()
    page.get_by_role("button", name=now.t("page.billing.make_plan")).click()
    nothing = page.get_by_text(now.t("page.billing.nothing_open"))
    expect(nothing.or_(page.get_by_text(now.t("page.billing.read_only")))).to_be_visible()
    for name in ("run", "release"):
        expect(page.get_by_role("button", name=now.t(f"page.billing.{name}"), exact=True)).to_have_count(0)


def test_an_auditor_cannot_forge_a_payment(
    stack: Stack, people: dict[str, SignIn], visit: Visitor, auditor: SignIn
) -> None:
    invoice_id = new_invoice(stack, str(people["tenant_admin"].tenant))
    now = enter(visit("fa"), auditor)

    answer = now.context.request.post(
        f"{stack.web_url}/pay/start", form={"invoices": invoice_id}, max_redirects=0
    )

    assert answer.headers["location"] == f"/invoices/{invoice_id}?error=forbidden"
    assert (attempts_at(stack, invoice_id), status_of(stack, invoice_id)) == ([], "pending")
