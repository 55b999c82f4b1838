"""What somebody has found, ticked and typed stays: over pages, Back, a line that drops, and a session that ends."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import WebSocketRoute, expect

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from tests.e2e.conftest import Visit, Visitor
from tests.e2e.paying import change, enter, new_invoice, somebody

DROPPED_MS = 1_500
SECOND = "/invoices?status=pending&page=2"


@pytest.fixture
def payer(stack: Stack, people: dict[str, SignIn]) -> Iterator[SignIn]:
    """An admin of a company with two pages of invoices that wait for money."""
    label = str(people["tenant_viewer"].tenant)
    made = [new_invoice(stack, label) for _ in range(25)]
    yield somebody(stack, "tenant_admin", label)
    change(stack, "DELETE FROM tenant_invoice WHERE id = ANY(%s::uuid[])", made)


class Line:
    """The event socket of a page, which can be cut without the server noticing."""

    def __init__(self, now: Visit) -> None:
        self._open: list[WebSocketRoute] = []
        self._is_cut = False
        now.page.route_web_socket(re.compile("/_event/"), self._connect)

    def _connect(self, browser: WebSocketRoute) -> None:
        if self._is_cut:
            browser.close()
            return
        server = browser.connect_to_server()
        browser.on_message(server.send)
        server.on_message(browser.send)
        # Who is cut off tells nobody.
        browser.on_close(lambda _code, _reason: None)
        self._open.append(browser)

    def drop(self, now: Visit) -> None:
        """Cut it for a while."""
        self._is_cut = True
        for browser in self._open:
            browser.close()
        now.page.wait_for_timeout(DROPPED_MS)
        self._is_cut = False


def is_at(now: Visit, address: str, ticked: int) -> None:
    """The page shows its place, and how many invoices are ticked in all."""
    expect(now.page).to_have_url(now.stack.web_url + address)
    now.settle()
    expect(now.page.locator("#list")).to_have_attribute("data-list", address)
    # Signing in brings the language of the account.
    count = re.compile(f"^({ticked}|{fmt.number(ticked, 'fa')}) ")
    expect(now.page.get_by_test_id("chosen-sum")).to_have_text(count)
    boxes = 2 if ticked == 3 else ticked - 1
    expect(now.page.locator("#list input:checked")).to_have_count(boxes)


@pytest.mark.parametrize(("lang", "width"), [("fa", "phone"), ("en", "desktop")])
def test_place_and_ticks_survive_pages_back_a_cut_line_and_the_end_of_the_session(
    visit: Visitor, payer: SignIn, lang: Lang, width: str
) -> None:
    now = enter(visit(lang, width), payer)
    page, line = now.page, Line(now)
    now.go("/invoices")
    page.get_by_role("link", name=now.t("invoice.status.pending"), exact=True).click()
    expect(page.locator("#list")).to_have_attribute("data-list", re.compile("status=pending$"))
    page.locator("#list input").first.click()
    page.get_by_role("link", name=now.t("pager.next"), exact=True).click()
    expect(page.locator("#list")).to_be_focused()
    expect(page.locator("#list h2")).to_be_in_viewport()
    page.locator("#list input").first.click()
    is_at(now, SECOND, 2)
    page.locator("#list td a").first.click()
    page.wait_for_url("**/invoices/*-*")
    now.settle()
    page.go_back()
    is_at(now, SECOND, 2)
    page.go_forward()
    page.wait_for_url("**/invoices/*-*")
    page.go_back()
    page.reload()
    is_at(now, SECOND, 2)
    line.drop(now)
    page.locator("#list input").nth(1).click()
    is_at(now, SECOND, 3)
    now.context.request.post(f"{now.stack.web_url}/auth/logout")
    page.locator("#list input").nth(2).click()
    page.wait_for_url(f"**/sign-in?next={quote(SECOND, safe='')}**")
    now.settle()
    page.locator("#email").fill(payer.email)
    page.locator("#password").fill(payer.password)
    page.keyboard.press("Enter")

    is_at(now, SECOND, 3)


def test_a_password_is_refused_at_its_field_and_the_tabs_obey_the_arrows(
    people: dict[str, SignIn], visit: Visitor
) -> None:
    now = enter(visit("fa", "phone"), people["operator"])
    page = now.go("/account")
    rule = now.t("page.account.password_rule", min_length=fmt.number(10, "fa"))
    expect(page.locator("#password-new-hint")).to_contain_text(rule)
    page.locator("#password-old").fill("not the old one")
    page.locator("#password-new").fill("a new one of many words")
    page.keyboard.press("Enter")
    expect(page.locator("#password-old-error")).to_have_text(now.t("error.invalid.wrong_password"))
    expect(page.locator("#password-old")).to_be_focused()
    expect(page.locator("#password-new")).to_have_value("a new one of many words")
    page.get_by_role("button", name=now.t("page.account.everywhere")).click()
    expect(page.get_by_role("dialog")).to_contain_text(now.t("page.account.everywhere_text"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name=now.t("page.account.everywhere"))).to_be_focused()
    now.go("/billing")
    page.get_by_role("tab", selected=True).focus()
    # Persian pages run from right to left.
    for key, tab in (
        ("ArrowLeft", "held"),
        ("End", "compare"),
        ("ArrowLeft", "compare"),
        ("ArrowRight", "plan"),
    ):
        page.keyboard.press(key)
        name = now.t("page.compare.tab" if tab == "compare" else f"page.billing.{tab}")
        expect(page.get_by_role("tab", selected=True)).to_contain_text(name)
        expect(page.get_by_role("tab", selected=True)).to_be_focused()
    page.reload()

    expect(page.get_by_role("tab", selected=True)).to_contain_text(now.t("page.billing.plan"))
