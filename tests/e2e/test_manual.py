"""The manual from the portal's menu, in both languages, and a search that knows Persian."""

import re

import pytest
from playwright.sync_api import Page, expect

from backend.i18n.catalog import Lang
from backend.sandbox.signins import SignIn
from tests.e2e.conftest import Visitor

# A word with a half space, the same with a space, and a plain one.
SEARCHED = {"fa": ["صورت‌حساب", "صورت حساب", "کلید"], "en": ["undecided"]}
READY = {"fa": "برای شروع جستجو تایپ کنید", "en": "Type to start searching"}
TITLES = {"fa": "پرتال داکیوچت", "en": "DocuChat portal"}


def finds(page: Page, words: str) -> None:
    """A search for these words has results, which are counted in the page's own digits."""
    field = page.locator("input[name=query]")
    field.fill(words)
    # The search listens to keys, and a word that is filled in presses none.
    field.press("End")
    told = page.locator(".md-search-result__meta")
    expect(told).to_have_text(re.compile(r"[1-9۱-۹]"))
    expect(page.locator(".md-search-result__link").first).to_be_visible()
    if page.locator("html").get_attribute("lang") == "fa":
        expect(told).not_to_have_text(re.compile("[0-9]"))


@pytest.mark.parametrize(("lang", "width"), [("fa", "desktop"), ("en", "phone")])
def test_the_manual_is_found_read_and_searched(
    people: dict[str, SignIn], visit: Visitor, lang: Lang, width: str
) -> None:
    now = visit(lang, width).sign_in(people["tenant_admin"])
    page = now.go("/usage")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".tools .menu summary").click()
    page.get_by_role("link", name=now.t("page.manual.nav"), exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(TITLES[lang])
    expect(page.locator("body")).to_have_attribute("dir", "rtl" if lang == "fa" else "ltr")
    assert page.evaluate(
        "document.fonts.ready.then(fonts => [...fonts].some(each => each.status === 'loaded'))"
    )
    now.screenshot("manual")
    if width == "phone":
        page.locator("label[for=__search]").first.click()
    expect(page.locator(".md-search-result__meta")).to_have_text(READY[lang])
    for words in SEARCHED[lang]:
        finds(page, words)
    now.screenshot("manual-search")
    assert [url for url in asked if not url.startswith(("data:", now.stack.web_url))] == []
