"""How pages behave before scripts have run, for the keyboard, and for who reads with the ears."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from backend.i18n.catalog import Lang
from backend.sandbox.signins import SignIn
from tests.e2e.conftest import Visitor, keep_evidence
from tests.e2e.paying import enter

ASKED_TWICE = 2
VISIBILITY = "getComputedStyle(document.body).visibility"
SCHEME = "getComputedStyle(document.documentElement).colorScheme"

# Looks at every frame that is painted.
WATCH = """
(function look() {
  var head = document.querySelector("h1");
  if (head && getComputedStyle(document.body).visibility === "visible" && /[آ-ی]/.test(head.textContent)) {
    window.sawPersian = true;
  }
  requestAnimationFrame(look);
})();
"""


def test_of_what_failed_a_picture_and_a_trace_are_kept(
    visit: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACES", "1")
    now = visit("en")
    now.go("/sign-in")

    keep_evidence(now, "sign-in", tmp_path)

    assert zipfile.is_zipfile(tmp_path / "sign-in.zip")
    assert (tmp_path / "sign-in.png").read_bytes().startswith(b"\x89PNG")


def test_what_breaks_the_content_security_policy_is_noticed(visit: Visitor) -> None:
    now = visit("en")
    now.go("/sign-in")
    assert now.problems == []

    now.page.evaluate("""() => {
        const planted = document.createElement("script");
        planted.textContent = "window.planted = true";
        document.body.append(planted);
    }""")
    now.page.wait_for_function("true")

    assert now.page.evaluate("window.planted") is None
    [problem] = now.problems
    assert "script-src-elem inline on /sign-in" in problem
    now.problems.clear()


@pytest.mark.parametrize(("lang", "before"), [("fa", "visible"), ("en", "hidden")])
def test_nobody_sees_the_page_in_another_language_first(visit: Visitor, lang: Lang, before: str) -> None:
    now = visit(lang)
    now.page.add_init_script(WATCH)
    held: list[Route] = []
    now.page.route("**/assets/*.js", lambda route: held.append(route))  # noqa: PLW0108 - Playwright asks a handler for its source
    now.page.goto(f"{now.stack.web_url}/sign-in", wait_until="commit")
    now.page.locator("#email").wait_for(state="attached")
    # Nothing is painted before the style sheet is there.
    expect(now.page.locator("body")).to_have_css("margin-top", "0px")
    expect(now.page.locator("body")).to_have_css("visibility", before)
    now.page.unroute_all(behavior="ignoreErrors")
    now.page.reload(wait_until="domcontentloaded")
    now.settle()

    assert now.page.evaluate(VISIBILITY) == "visible"
    assert now.page.evaluate("Boolean(window.sawPersian)") is (lang == "fa")
    expect(now.page.get_by_role("heading", level=1)).to_have_text(now.t("page.sign_in.heading"))


def test_a_page_whose_scripts_failed_is_shown_all_the_same(visit: Visitor) -> None:
    now = visit("en")
    now.page.route("**/assets/*.js", lambda route: route.abort())
    now.page.goto(f"{now.stack.web_url}/sign-in", wait_until="commit")

    expect(now.page.locator("#email")).to_be_visible()


def test_a_page_whose_scripts_are_gone_loads_itself_again(visit: Visitor) -> None:
    """As when one version replaces another, and the page is of the one and its process of the other."""
    now = visit("en")
    asked: list[str] = []

    def gone(route: Route) -> None:
        asked.append(route.request.url)
        # A page asks for a script twice: ahead, and to run it.
        if len(asked) > ASKED_TWICE:
            route.fallback()
        else:
            route.fulfill(status=404, body="")

    now.page.route("**/assets/entry.client*.js", gone)
    now.page.goto(f"{now.stack.web_url}/sign-in", wait_until="commit")

    expect(now.page.get_by_role("heading", level=1)).to_have_text(now.t("page.sign_in.heading"))
    assert len(asked) > ASKED_TWICE
    now.problems.clear()


def test_the_skip_link_moves_the_focus_and_nothing_else(people: dict[str, SignIn], visit: Visitor) -> None:
    now = enter(visit("fa"), people["tenant_admin"])
    page = now.go("/invoices?error=forbidden")
    # What the address tells has the focus already.
    now.is_answered(page.get_by_test_id("pay-problem"))
    page.get_by_role("link", name=now.t("nav.skip")).focus()
    page.keyboard.press("Enter")

    expect(page.locator("#content")).to_be_focused()
    expect(page.get_by_test_id("pay-problem")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_controls_and_scrollbars_are_as_dark_as_the_page(visit: Visitor, theme: str) -> None:
    now = visit("fa")
    now.context.add_cookies([{"name": "theme", "value": theme, "url": now.stack.web_url}])
    page = now.go("/sign-in")

    assert page.evaluate(SCHEME) == theme


def test_the_charts_days_are_read_with_the_arrow_keys(people: dict[str, SignIn], visit: Visitor) -> None:
    now = enter(visit("fa"), people["tenant_admin"])
    page = now.go("/usage")
    days = page.get_by_role("group", name=now.t("page.usage.chart_keys")).get_by_role("img")
    expect(days).to_have_count(30)
    stops = [place for place in range(30) if days.nth(place).get_attribute("tabindex") == "0"]
    assert stops == [29]
    days.last.focus()
    # Persian pages run from right to left, so the day before stands at the right.
    page.keyboard.press("ArrowRight")

    expect(days.nth(28)).to_be_focused()
    expect(days.nth(28).locator(".chart-tip")).to_be_visible()
    said = days.nth(28).get_attribute("aria-label")
    assert said == days.nth(28).locator(".chart-tip").inner_text()
    assert "gpt-" in said
