"""Every page in both languages and widths: it fits, speaks one language, and its picture is kept to be looked at."""

import pytest
from playwright.sync_api import expect

from backend.actor import Role
from backend.i18n.catalog import Lang
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from portal import routes
from tests.e2e.conftest import WIDTHS, Visit, Visitor, asked
from tests.e2e.looks import fits_a_phone, height_with_all_rows, keep
from tests.own_pages import own_pages

# Twenty lines on a phone, and everything around them.
HIGHEST_USAGE, HIGHEST_PAYMENTS = 1_800, 2_000


@pytest.fixture(params=WIDTHS, ids=WIDTHS.keys())
def width(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=("fa", "en"))
def lang(request: pytest.FixtureRequest) -> Lang:
    return "en" if request.param == "en" else "fa"


def newest_invoice(stack: Stack, label: str) -> str:
    [(invoice_id,)] = asked(
        stack,
        "SELECT i.id::text FROM tenant_invoice i JOIN tenant t ON t.id = i.tenant_id WHERE t.label = %s"
        " ORDER BY day DESC LIMIT 1",
        label,
    )
    return str(invoice_id)


def opens_by_key(now: Visit) -> None:
    """A day is one line on a phone; the Enter key opens it, and closes it again. The button names the day.

    A finger may touch the line anywhere.
    """
    row = now.page.locator("#list tbody tr:not(.group-head)").first
    day = row.locator("td.head").inner_text()
    opener = row.get_by_role("button", name=now.t("table.details", row=day), exact=True)
    prompt = row.locator(f"td[data-label='{now.t('usage.type.prompt')}']")
    for is_open in (False, True, False):
        expect(opener).to_have_attribute("aria-expanded", str(is_open).lower())
        expect(prompt).to_be_visible(visible=is_open)
        opener.press("Enter")
    opener.press("Enter")
    row.locator("td.n").nth(3).click()
    expect(prompt).to_be_visible()


def keep_all(now: Visit, role: Role) -> None:
    """Open each page that a role may see, and keep its picture."""
    for page in own_pages(role):
        if page.has_places:
            continue  # which one, its own test says
        now.go(page.route)
        expect(now.page.locator(".skeleton")).to_have_count(0)
        keep(now, page.route.strip("/"))


def asks_the_runbooks(now: Visit) -> None:
    """A question in the reader's language is answered beside the passages, stands in no address, and is kept."""
    question = {
        "en": "Are other workloads stuck for the same reason?",
        "fa": "آیا بارهای کاری دیگر هم به همین علت گیر کرده‌اند؟",
    }
    now.go(routes.RUNBOOKS)
    now.page.get_by_role("link", name=now.t("page.runbooks.ask"), exact=True).click()
    now.page.get_by_label(now.t("page.ask.question"), exact=True).fill(question[now.lang])
    now.page.get_by_role("button", name=now.t("page.ask.ask"), exact=True).click()
    expect(now.page.get_by_role("heading", name=now.t("page.ask.answer"), exact=True)).to_be_visible()
    assert now.page.url.endswith(routes.ASK)
    expect(now.page.locator("#answer .about")).not_to_have_count(0)
    keep(now, "asked")
    now.page.reload()
    expect(now.page.get_by_label(now.t("page.ask.question"), exact=True)).to_have_value(question[now.lang])
    now.page.locator("#answer li").get_by_role("link", name=now.t("alerts.name.RolloutStuck")).first.click()
    expect(now.page.get_by_role("heading", level=1, name=now.t("alerts.name.RolloutStuck"))).to_be_visible()


def changes_a_price(now: Visit) -> None:
    """A price for a model that was billed at the general one: seen first, saved, and taken back."""
    now.go(routes.PRICES)
    if now.width == "phone":
        now.page.locator("#models .opener").first.click()
    now.page.get_by_role("button", name=now.t("page.prices.give_price")).first.click()
    model = now.page.get_by_label(now.t("page.prices.model_or_all"))
    expect(model).not_to_have_value("")
    now.page.get_by_label(now.t("page.prices.new_price"), exact=True).fill("۱۲٫۵")
    now.page.get_by_role("button", name=now.t("page.prices.look")).click()
    confirm = now.page.get_by_role("button", name=now.t("page.prices.confirm"))
    expect(confirm).to_be_visible()
    keep(now, "prices-preview")
    confirm.dblclick()
    now.is_answered(now.page.get_by_test_id("done"))
    planned = now.page.locator("#price-lists tbody tr").first
    expect(planned).to_contain_text(now.t("prices.state.planned"))
    keep(now, "prices-planned")
    if now.width == "phone":
        planned.locator(".opener").click()
    planned.get_by_role("button", name=now.t("page.prices.withdraw")).click()
    expect(now.page.get_by_test_id("done")).to_have_text(now.t("prices.withdrawn"))
    expect(now.page.get_by_role("button", name=now.t("page.prices.withdraw"))).to_have_count(0)


def leads_by_groups(now: Visit) -> None:
    """The menu of a group names its pages, leads to one of them, and closes."""
    menu = now.page.locator("nav .menu").filter(has_text=now.t("nav.group.money"))
    menu.locator("summary").click()
    expect(menu.get_by_role("link")).to_have_text(
        [
            now.t(key)
            for key in ("page.billing.nav", "page.invoices.nav", "page.payments.nav", "page.prices.nav")
        ]
    )
    now.screenshot("menu-of-money")
    menu.get_by_role("link", name=now.t("page.billing.nav")).click()
    expect(now.page.get_by_role("heading", level=1, name=now.t("page.billing.heading"))).to_be_visible()
    expect(menu.get_by_role("link")).to_have_count(0)
    now.settle()


def test_the_sign_in_page(visit: Visitor, lang: Lang, width: str) -> None:
    now = visit(lang, width)
    now.go("/sign-in")

    keep(now, "sign-in")


def test_the_pages_of_a_tenant(
    stack: Stack, people: dict[str, SignIn], visit: Visitor, lang: Lang, width: str
) -> None:
    person = people["tenant_admin"]
    now = visit(lang, width).sign_in(person)
    keep_all(now, Role.TENANT_ADMIN)
    if width == "phone":
        now.go("/usage")
        assert height_with_all_rows(now) <= HIGHEST_USAGE
        opens_by_key(now)
    now.go(f"/invoices/{newest_invoice(stack, str(person.tenant))}")
    closed = now.page.locator("details:not([open]) > summary").filter(has_text=now.t("page.invoice.readings"))
    # They are open already where there are several pages of them.
    if closed.count():
        closed.click()
    keep(now, "invoice")


def test_the_pages_of_an_operator(people: dict[str, SignIn], visit: Visitor, lang: Lang, width: str) -> None:
    now = visit(lang, width).sign_in(people["operator"])
    now.go(routes.runbook("HighErrorRate"))
    keep(now, "runbook")
    asks_the_runbooks(now)
    keep_all(now, Role.OPERATOR)
    changes_a_price(now)
    leads_by_groups(now)
    for tab in ("held", "unknown", "plan"):
        now.page.get_by_role("tab", name=now.t(f"page.billing.{tab}")).click()
        expect(now.page.get_by_role("tab", selected=True)).to_contain_text(now.t(f"page.billing.{tab}"))
        keep(now, f"billing-{tab}")
    now.page.get_by_role("tab", name=now.t("page.compare.tab")).click()
    now.page.locator("#compared-day").fill(asked(now.stack, "SELECT max(day)::text FROM measured_day")[0][0])
    now.page.get_by_role("button", name=now.t("page.compare.do")).click()
    expect(now.page.get_by_role("link", name=now.t("page.compare.invoices"))).to_be_visible()
    keep(now, "billing-compare")
    now.page.get_by_role("link", name=now.t("page.compare.invoices")).click()
    expect(now.page.get_by_role("heading", name=now.t("page.all_invoices.heading")).first).to_be_visible()
    now.settle()
    keep(now, "all-invoices-of-a-day")
    now.go("/payments?tab=all")
    keep(now, "payments-all")
    if width == "phone":
        assert height_with_all_rows(now) <= HIGHEST_PAYMENTS
        longest = now.t("payment.state.refunding")
        now.page.locator("#list tbody .badge").evaluate_all(
            "(all, words) => all.forEach(each => { each.textContent = words; })", longest
        )
        fits_a_phone(now, "payments-all")


def test_an_address_that_leads_nowhere(
    people: dict[str, SignIn], visit: Visitor, lang: Lang, width: str
) -> None:
    now = visit(lang, width).sign_in(people["tenant_admin"])
    now.page.goto(now.stack.web_url + "/no-such-page")
    expect(now.page.get_by_role("heading").first).to_be_visible()

    keep(now, "not-found")


def test_dark_light_is_kept_though_the_server_is_slow_to_remember_it(
    people: dict[str, SignIn], visit: Visitor
) -> None:
    now = visit("fa").sign_in(people["tenant_viewer"])
    now.go("/usage")
    now.page.route("**/theme/*", lambda _route: None)  # no answer comes before the page is left
    now.page.get_by_role("button", name=now.t("nav.theme")).click()
    now.page.goto(now.stack.web_url + "/invoices", wait_until="domcontentloaded")

    expect(now.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_dark_light_is_kept_and_readable(people: dict[str, SignIn], visit: Visitor) -> None:
    now = visit("fa").sign_in(people["tenant_admin"])
    now.go("/usage")
    now.page.get_by_role("button", name=now.t("nav.theme")).click()
    expect(now.page.locator("html")).to_have_attribute("data-theme", "dark")
    now.go("/invoices")

    expect(now.page.locator("html")).to_have_attribute("data-theme", "dark")
    now.screenshot("invoices-dark")
    now.page.get_by_role("button", name=now.t("nav.theme")).click()
