"""The main job, in both languages: usage equals the counters, the invoice equals the usage, nobody sees another's."""

import re
import signal
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect

from backend.clock import billing_day, utc_now
from backend.i18n import format as shown
from backend.i18n.catalog import Lang
from backend.invoices.run_service import SETTLING
from backend.sandbox.history import INSTANCES
from backend.sandbox.processes import wait_until
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from portal.place import PAGE_SIZE
from tests.e2e.conftest import Visitor, asked, measured, run_module

LANGUAGES: tuple[Lang, ...] = ("fa", "en")


def total(rows: list[dict[str, Any]]) -> int:
    return sum(row["tokens"] for row in rows)


def today() -> date:
    return billing_day(utc_now())


@cache
def yesterday() -> date:
    """The last day that was closed when the stack began to bill; one that closes under the tests is no other."""
    return billing_day(utc_now() - SETTLING) - timedelta(days=1)


def answered_by_the_vendor(stack: Stack, label: str) -> int:
    """Tokens that the model provider says it answered a tenant with, since the stack began."""
    entries = httpx.get(f"{stack.openai_url}/sandbox/ledger").json()["entries"]
    return sum(entry["tokens"] for entry in entries if entry["who"] == label and entry["reported"])


@pytest.fixture
def quiet(stack: Stack, people: dict[str, SignIn]) -> Iterator[None]:
    """DocuChat stops asking, politely: its last counters are scraped before it goes, so numbers stand still."""
    vendor = stack.parts["openai"].child
    assert vendor is not None
    label = str(people["tenant_admin"].tenant)
    wait_until(lambda: answered_by_the_vendor(stack, label) > 0, child=vendor, timeout_s=120)
    children = [child for name in INSTANCES if (child := stack.parts[name].child) is not None]
    for child in children:
        child.process.send_signal(signal.SIGTERM)
    for child in children:
        child.process.wait(60)
    try:
        yield
    finally:
        for name in INSTANCES:
            stack.start(name)


def invoice_of(stack: Stack, label: str, day: date) -> tuple[str, int, int]:
    """Id, tokens and rial of a stored invoice."""
    [(invoice_id, tokens, amount_rial)] = asked(
        stack,
        "SELECT i.id::text, i.tokens, i.amount_rial FROM tenant_invoice i JOIN tenant t ON t.id = i.tenant_id"
        " WHERE t.label = %s AND i.day = %s",
        label,
        day,
    )
    return invoice_id, tokens, amount_rial


def text_of(page: Page) -> str:
    return page.locator("main").inner_text()


def test_the_counters_of_the_running_stack_equal_what_the_vendor_answered(
    stack: Stack, before_the_stack: datetime, people: dict[str, SignIn], quiet: None
) -> None:
    label = str(people["tenant_admin"].tenant)
    vendor = answered_by_the_vendor(stack, label)
    counted = sum(
        reading["closing"] - reading["opening"]
        for row in measured(stack, today().isoformat(), label)
        for reading in row["readings"]
        if datetime.fromisoformat(reading["incarnation_start"]) > before_the_stack
    )

    assert counted == vendor > 0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_usage_page_shows_what_the_counters_say(
    stack: Stack, people: dict[str, SignIn], visit: Visitor, quiet: None, lang: Lang
) -> None:
    person = people["tenant_admin"]
    now = visit(lang).sign_in(person)
    page = now.go("/usage")

    tokens = total(measured(stack, today().isoformat(), str(person.tenant)))
    closed = total(measured(stack, yesterday().isoformat(), str(person.tenant)))

    expect(page.get_by_test_id("today-tokens")).to_contain_text(shown.number(tokens, lang))
    expect(page.get_by_role("row").filter(has_text=shown.day(yesterday(), lang))).to_contain_text(
        shown.number(closed, lang)
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_yesterdays_invoice_equals_the_same_function(
    stack: Stack, people: dict[str, SignIn], visit: Visitor, lang: Lang
) -> None:
    person = people["tenant_admin"]
    invoice_id, tokens, amount_rial = invoice_of(stack, str(person.tenant), yesterday())
    now = visit(lang).sign_in(person)
    page = now.go("/invoices")
    page.get_by_role("row").filter(has_text=shown.day(yesterday(), lang)).get_by_role("link").click()
    page.wait_for_url(f"**/invoices/{invoice_id}")
    now.settle()

    assert tokens == total(measured(stack, yesterday().isoformat(), str(person.tenant)))
    expect(page.locator("main")).to_contain_text(shown.number(tokens, lang))
    expect(page.locator("main")).to_contain_text(shown.toman(amount_rial, lang))
    readings = page.get_by_role("table").filter(has_text=now.t("page.invoice.opening"))
    # They are open already where there are several pages of them.
    if not readings.is_visible():
        page.locator("summary").filter(has_text=now.t("page.invoice.readings")).click()
    expect(readings.get_by_role("row").nth(1)).to_be_visible()


def test_a_tenant_cannot_open_another_tenants_invoice(
    stack: Stack, people: dict[str, SignIn], visit: Visitor
) -> None:
    invoice_id, tokens, _ = invoice_of(stack, str(people["tenant_admin"].tenant), yesterday())
    now = visit("fa").sign_in(people["tenant_viewer"])

    page = now.page
    page.goto(f"{stack.web_url}/invoices/{invoice_id}")

    expect(page.get_by_role("heading", level=1)).to_have_text(now.t("page.not_found.heading"))
    assert shown.number(tokens, "fa") not in page.content()


def test_a_tenant_is_led_away_from_the_operators_page(people: dict[str, SignIn], visit: Visitor) -> None:
    now = visit("fa").sign_in(people["tenant_viewer"])
    page = now.page
    page.goto(now.stack.web_url + "/billing")

    page.wait_for_url("**/usage")
    assert now.t("page.billing.heading") not in text_of(page)


def test_a_stranger_signs_in_and_lands_where_he_wanted(people: dict[str, SignIn], visit: Visitor) -> None:
    now = visit("en")
    now.page.goto(now.stack.web_url + "/invoices")
    now.page.wait_for_url(re.compile(f"/sign-in.*{quote('/invoices', safe='')}"))
    now.settle()
    now.page.locator("#email").fill(people["tenant_admin"].email)
    now.page.locator("#password").fill(people["tenant_admin"].password)
    now.page.get_by_role("button", name=now.t("page.sign_in.submit")).click()

    now.page.wait_for_url("**/invoices")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_wrong_password_is_refused_in_plain_words(
    people: dict[str, SignIn], visit: Visitor, lang: Lang
) -> None:
    now = visit(lang)
    now.go("/sign-in")
    # Pasted from a line that runs from right to left.
    now.page.locator("#email").fill(f"\u200f\u2066{people['operator'].email}\u2069\u200b")
    now.page.locator("#password").fill("not the password")
    now.page.get_by_role("button", name=now.t("page.sign_in.submit")).click()

    # At its field, with the cursor there, and without a second e-mail to type.
    expect(now.page.locator("#password-error")).to_have_text(now.t("error.sign_in_failed"))
    expect(now.page.locator("#password")).to_be_focused()
    expect(now.page.locator("#email")).to_have_value(people["operator"].email)
    now.page.locator("#email").fill("")
    now.page.get_by_role("button", name=now.t("page.sign_in.submit")).click()
    expect(now.page.locator("#email-error")).to_have_text(now.t("page.sign_in.missing"))
    expect(now.page.locator("#email")).to_be_focused()
    now.page.locator("#email").fill("abc")
    now.page.get_by_role("button", name=now.t("page.sign_in.submit")).click()
    expect(now.page.locator("#email-error")).to_have_text(now.t("page.sign_in.mistyped"))


def unbill(stack: Stack, day: date) -> None:
    """Make a billed day open again, as if its night had been missed. Numbers stay given."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(
            "UPDATE billing_meter m SET tokens = m.tokens - l.tokens, billed_rial = m.billed_rial - l.amount_rial"
            " FROM invoice_line l JOIN tenant_invoice i ON i.id = l.invoice_id WHERE i.day = %s AND i.status <> 'held'"
            " AND m.tenant_id = i.tenant_id AND m.model = l.model AND m.type = l.type",
            [day],
        )
        connection.execute(
            "DELETE FROM invoice_line l USING tenant_invoice i WHERE i.id = l.invoice_id AND i.day = %s",
            [day],
        )
        for table in ("tenant_invoice", "measured_day", "daily_usage", "meter_reading", "billing_run"):
            connection.execute(
                psycopg.sql.SQL("DELETE FROM {} WHERE day = %s").format(psycopg.sql.Identifier(table)), [day]
            )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_operator_plans_and_runs_a_billing_day(
    stack: Stack, people: dict[str, SignIn], visit: Visitor, lang: Lang
) -> None:
    label = str(people["tenant_admin"].tenant)
    before = invoice_of(stack, label, yesterday())
    stack.stop("jobs")
    unbill(stack, yesterday())
    try:
        now = visit(lang).sign_in(people["operator"])
        page = now.go("/billing")
        page.get_by_role("tab", name=now.t("page.billing.plan")).click()
        page.get_by_role("button", name=now.t("page.billing.make_plan")).click()
        expect(page.get_by_role("row").filter(has_text=shown.day(yesterday(), lang))).to_be_visible()
        now.is_answered(page.get_by_role("button", name=now.t("page.billing.run"), exact=True))
        page.get_by_role("button", name=now.t("page.billing.run"), exact=True).dblclick()
        expect(page.get_by_test_id("done")).to_be_visible()
        now.is_answered(page.get_by_test_id("done"))
    finally:
        stack.start("jobs")

    after = invoice_of(stack, label, yesterday())
    assert after[1:] == before[1:]
    page.get_by_role("tab", name=now.t("page.billing.runs")).click()
    run = page.get_by_role("row").filter(
        has=page.get_by_role("cell", name=shown.day(yesterday(), lang), exact=True)
    )
    expect(run).to_have_count(1)
    expect(run).to_contain_text(now.t("billing.state.finished"))


def test_a_second_run_by_hand_changes_nothing(stack: Stack, people: dict[str, SignIn]) -> None:
    label = str(people["tenant_admin"].tenant)
    before = invoice_of(stack, label, yesterday())

    run = run_module(stack, "jobs", "run", "nightly_billing", "--day", yesterday().isoformat())

    assert run.returncode == 0, run.stderr
    assert invoice_of(stack, label, yesterday()) == before


@pytest.fixture
def many_runs(stack: Stack) -> Iterator[None]:
    """More runs than the page lists, all of them older than any real one."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(
            "INSERT INTO billing_run (id, day, started_by, state, started_at, finished_at)"
            " SELECT gen_random_uuid(), day, 'user:many', 'finished', day + 1, day + 1"
            " FROM (SELECT date '2020-01-01' + n AS day FROM generate_series(1, %s) AS n) AS days",
            [PAGE_SIZE + 1],
        )
    yield
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("DELETE FROM billing_run WHERE started_by = 'user:many'")


@pytest.fixture
def nothing_held(stack: Stack) -> Iterator[None]:
    """What the history holds for review is out of sight for the time of a test."""
    hide = "UPDATE tenant_invoice SET status = 'void', number = left(id::text, 13) WHERE status = 'held' RETURNING id"
    held = [found for (found,) in asked(stack, hide)]
    yield
    show = "UPDATE tenant_invoice SET status = 'held', number = NULL WHERE id = ANY(%s) RETURNING id"
    assert len(asked(stack, show, held)) == len(held)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_older_runs_are_on_other_pages_and_nothing_held_is_no_alarm(
    people: dict[str, SignIn], visit: Visitor, many_runs: None, nothing_held: None, lang: Lang
) -> None:
    now = visit(lang).sign_in(people["operator"])

    page = now.go("/billing")

    expect(page.locator("tbody tr")).to_have_count(PAGE_SIZE)
    page.get_by_role("link", name=now.t("pager.next"), exact=True).click()
    expect(page.locator("#list")).to_have_attribute("data-list", "/billing?page=2")
    expect(page.locator("#list")).to_be_focused()
    held = page.get_by_role("tab", name=now.t("page.billing.held")).locator(".badge")
    expect(held).to_have_text(shown.number(0, lang))
    assert "warn" not in (held.get_attribute("class") or "")


def hold(stack: Stack, label: str, day: date) -> None:
    """Turn a pending invoice into a held one, as low coverage would have made it."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(
            "UPDATE tenant_invoice i SET status = 'held', number = NULL, issued_at = NULL, net_rial = 0, tax_rial = 0,"
            " amount_rial = 0, held_reasons = '{low_coverage}', paid_at = NULL FROM tenant t"
            " WHERE t.id = i.tenant_id AND t.label = %s AND i.day = %s",
            [label, day],
        )


def test_an_operator_issues_a_held_invoice_with_a_reason(
    stack: Stack, people: dict[str, SignIn], visit: Visitor
) -> None:
    label, day = str(people["tenant_viewer"].tenant), yesterday()
    hold(stack, label, day)
    now = visit("fa").sign_in(people["operator"])
    page = now.go("/billing")
    page.get_by_role("tab", name=now.t("page.billing.held")).click()
    row = (
        page.get_by_role("row")
        .filter(has_text=now.t("usage.flag_name.low_coverage"))
        .filter(has_text=shown.day(day, "fa"))
    )
    row.first.get_by_role("button", name=now.t("page.billing.release")).click()
    now.screenshot("billing-release")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(now.t("page.billing.reason")).fill("شکاف اندازه‌گیری بررسی شد")
    dialog.get_by_role("button", name=now.t("page.billing.release")).click()
    expect(page.get_by_test_id("done")).to_be_visible()
    now.is_answered(page.get_by_test_id("done"))

    [(detail,)] = asked(stack, "SELECT detail::text FROM audit_entry ORDER BY id DESC LIMIT 1")
    assert "شکاف اندازه‌گیری بررسی شد" in detail


def test_who_forgot_the_figure_of_a_fall_chooses_one_and_goes_on(
    stack: Stack, people: dict[str, SignIn], visit: Visitor
) -> None:
    now = visit("fa").sign_in(people["operator"])
    page = now.go("/billing")
    page.get_by_role("tab", name=now.t("page.billing.held")).click()
    fallen = page.get_by_role("row").filter(has_text=now.t("usage.flag_name.counter_fell"))
    fallen.get_by_role("button", name=now.t("page.billing.release")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(now.t("page.billing.reason")).fill("کارگرها پروندهٔ خود را پاک کردند")
    issue = dialog.get_by_role("button", name=now.t("page.billing.release"))
    issue.click()
    least = dialog.get_by_label(now.t("billing.figure.least"))
    assert least.evaluate("field => field.validationMessage") == now.t("page.billing.figure_missing")

    dialog.get_by_label(now.t("billing.figure.most")).check()
    issue.click()

    expect(page.get_by_test_id("done")).to_be_visible()
    [(figure,)] = asked(
        stack, "SELECT fall_figure FROM tenant_invoice WHERE 'counter_fell' = ANY(held_reasons)"
    )
    assert figure == "most"


def test_the_invoice_is_announced_by_mail_with_a_link_to_our_page(
    stack: Stack, people: dict[str, SignIn]
) -> None:
    invoice_id, _, _ = invoice_of(stack, str(people["tenant_admin"].tenant), yesterday())

    def has_come() -> bool:
        mails = httpx.get(f"{stack.mail_url}/api/messages").json()
        link = f"{stack.web_url}/invoices/{invoice_id}"
        return any(link in mail["text"] and link in mail["html"] for mail in mails)

    mail_child = stack.parts["mail"].child
    assert mail_child is not None
    wait_until(has_come, child=mail_child, timeout_s=60)
