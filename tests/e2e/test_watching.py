"""What an operator sees of trouble: an alert from its rule to its end, and the overview in each kind of trouble."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Locator, expect

from backend.sandbox import history
from backend.sandbox.incidents.catalogue import BY_KEY
from backend.sandbox.incidents.world import World
from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from portal import routes
from tests.e2e.conftest import Visit, run_module
from tests.e2e.outage import without

# A rule waits fifteen seconds here until it fires; Alertmanager and the portal's tab need a few more.
ALERT_PATIENCE_MS = 60_000
ALERT, REASON = "DocuChatDown", "با دست دوباره راه‌اندازی می‌شود"


@contextmanager
def incident(world: World, key: str) -> Iterator[None]:
    """An incident of the console inside the block."""
    BY_KEY[key].start(world)
    try:
        yield
    finally:
        BY_KEY[key].end(world)


def group_of(now: Visit) -> Locator:
    """The group of the alert on the page of alerts."""
    return now.page.locator(".alert-group").filter(has_text=ALERT)


def reads_about_it(now: Visit) -> None:
    """Open the alert: its rule with a chart, and beside it what to do."""
    group_of(now).locator("a.ltr", has_text=ALERT).last.click()
    page = now.page
    expect(page.get_by_role("heading", level=1)).to_have_text(now.t(f"alerts.name.{ALERT}"))
    now.settle()
    expect(page.locator("pre.expression")).to_contain_text("absent(up")
    expect(page.locator("figure")).to_be_visible()
    expect(page.get_by_role("heading", name=now.t("page.alerts.runbook"))).to_be_visible()
    now.screenshot("alert-firing")


def is_told_of_it_first(now: Visit) -> None:
    """A critical alert is the sentence and the colour of the overview, and a click leads to it."""
    now.go(routes.OVERVIEW)
    name = now.t(f"alerts.name.{ALERT}")
    headline(now, "bad", "critical_alerts", n="1" if now.lang == "en" else "۱", name=name)
    heading = now.page.get_by_test_id("headline").get_by_role("heading", level=1)
    expect(heading).to_contain_text(name)
    now.screenshot("overview-critical")
    heading.get_by_role("link").click()
    expect(group_of(now)).to_be_visible()


def silences_it(now: Visit) -> None:
    """From the alert's page: see first what a silence would cover, then silence with a reason."""
    page = now.page
    page.get_by_role("link", name=now.t("page.alerts.silence_heading")).click()
    page.locator("#reason").fill(REASON)
    page.get_by_role("button", name=now.t("page.alerts.look")).click()
    preview = page.get_by_test_id("silence-preview")
    expect(preview).to_contain_text(now.t("page.alerts.would_cover", n=1 if now.lang == "en" else "۱"))
    now.screenshot("silence-preview")
    preview.get_by_role("button", name=now.t("page.alerts.silence"), exact=True).dblclick()
    expect(page.locator("article.card").filter(has_text=REASON)).to_have_count(1)


def test_an_alert_from_its_rule_to_a_silence_to_its_end(
    stack: Stack, people: dict[str, SignIn], operators: list[Visit]
) -> None:
    phone, desk = operators
    for each in operators:
        each.go(routes.ALERTS)

    with ExitStack() as dead:
        for name in history.INSTANCES:
            dead.enter_context(without(stack, name))
        for each in operators:
            said = each.t(f"alerts.said.{ALERT}")
            expect(group_of(each)).to_contain_text(said, timeout=ALERT_PATIENCE_MS)
            each.screenshot("alerts-firing")
            is_told_of_it_first(each)
            reads_about_it(each)
        silences_it(phone)

        desk.go(f"{routes.ALERTS}?muted=shown")
        expect(group_of(desk)).to_contain_text(REASON)
        expect(group_of(desk)).to_contain_text(people["operator"].email)
        desk.go(routes.SILENCES)
        silence = desk.page.locator("article.card").filter(has_text=REASON)
        silence.get_by_role("button", name=desk.t("page.alerts.end_now")).click()
        desk.is_answered(desk.page.get_by_text(desk.t("page.alerts.ended_silence")))
        for each in operators:
            each.go(routes.ALERTS)
            expect(group_of(each)).to_be_visible()

    for each in operators:
        expect(group_of(each)).to_have_count(0, timeout=ALERT_PATIENCE_MS)
        each.go(f"{routes.ALERTS}?tab=history")
        row = each.page.locator("tbody tr").filter(has_text=ALERT).first
        expect(row).not_to_contain_text(each.t("page.alerts.goes_on"))
        expect(row).to_contain_text(each.t("page.alerts.was_silenced"))


def headline(now: Visit, tone: str, key: str, **places: str | int) -> None:
    """The overview's colour, and a sentence that it says first or below, with its age."""
    expect(now.page.get_by_test_id("headline")).to_have_class(f"headline {tone}")
    sentence = now.t(f"overview.trouble.{key}", **places)
    said = now.page.locator("[data-testid=headline], [data-testid=troubles] li").filter(has_text=sentence)
    expect(said.first).to_be_visible()
    expect(said.first.locator("time.age").first).not_to_be_empty()


def test_the_overview_says_each_trouble_in_one_sentence_and_recovers_by_itself(
    stack: Stack, world: World, operators: list[Visit]
) -> None:
    for each in operators:
        each.go(routes.OVERVIEW)
        expect(each.page.get_by_test_id("headline")).not_to_have_class("headline bad")

    with incident(world, "bad_image"):
        for each in operators:
            headline(each, "bad", "rollout_stuck", name="docuchat-api")
            each.screenshot("overview-stuck")
    with incident(world, "dead_kubernetes"), without(stack, "alertmanager"):
        look_now(stack)
        name = stack.alertmanager_url.removeprefix("http://")
        for each in operators:
            headline(each, "bad", "alert_source_lost", name=name)
            headline(each, "bad", "source_unknown", name=each.t("overview.source.cluster"))
            for part in ("alerts", "rollouts"):
                aged = each.page.get_by_test_id(part).locator(".card-head")
                expect(aged).to_contain_text(each.t("page.overview.unknown_since"))
            each.screenshot("overview-blind")

    look_now(stack)
    for each in operators:
        expect(each.page.get_by_test_id("headline")).not_to_have_class("headline bad")
        expect(each.page.get_by_test_id("headline")).not_to_have_class("headline unknown")
        each.expect_stillness()


def look_now(stack: Stack) -> None:
    """Ask Alertmanager at once instead of within half a minute."""
    assert run_module(stack, "jobs", "run", "reconcile_alerts").returncode == 0
