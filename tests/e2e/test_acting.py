"""What an operator does about trouble, in a browser alone: from an alert to the runbook that mends it, and to calm."""

import re
import threading

from playwright.sync_api import expect

from backend.sandbox.incidents.board import Board
from backend.sandbox.incidents.world import World
from backend.sandbox.signins import SignIn
from portal import routes
from runbooks.wording import action_name
from tests.e2e.conftest import Visit, Visitor
from tests.e2e.looks import keep
from tests.waiting import until

ALERT, WORKLOAD, BROKEN = "RolloutStuck", "docuchat-api", "2.16.0-rc1"
# The rule waits, a run is a process that has to start, and then pods have to start: on a busy machine a minute each.
PATIENCE_MS = 90_000


def opens_the_offered_action(now: Visit) -> None:
    """From the list of alerts to the alert's page, and to the form of what it offers, filled."""
    page = now.page
    # Its line, not the link in the words above it: these are written anew when the model has answered.
    alert = page.locator(".alert-group").filter(has_text=ALERT).locator("a.ltr", has_text=ALERT).last
    alert.click(timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text(now.t(f"alerts.name.{ALERT}"))
    now.settle()
    expect(page.locator("main")).to_contain_text(now.t(f"alerts.said.{ALERT}"))
    page.evaluate("window.moved.length = 0")  # on the list, alerts come from above
    offered = page.get_by_test_id("offers")
    now.screenshot("alert-with-actions")
    offered.get_by_role("link", name=action_name("rollback_deployment", now.lang)).click()
    expect(page.locator("#field-workload")).to_have_value(f"Deployment/docuchat/{WORKLOAD}")
    expect(page.locator("#field-revision")).not_to_have_value("")
    now.settle()
    keep(now, "action-form")


def stage(now: Visit, name: str) -> None:
    """The run's page says by itself where the run stands."""
    standing = now.page.get_by_test_id("standing")
    expect(standing).to_have_attribute("data-stage", name, timeout=PATIENCE_MS)


def plans(now: Visit) -> str:
    """Ask for the plan and read it; the address of the run."""
    page = now.page
    page.get_by_role("button", name=now.t("page.action.make_plan")).dblclick()
    page.wait_for_url("**/runs/*")
    stage(now, "planned")
    expect(page.get_by_test_id("plan")).to_contain_text(BROKEN)
    return page.url.removeprefix(now.stack.web_url)


def confirms(now: Visit) -> None:
    """Agree to the plan that is shown."""
    button = now.page.get_by_role("button", name=now.t("page.run.run_it"))
    button.scroll_into_view_if_needed()
    button.click()


def sees_it_done(now: Visit) -> None:
    """Steps, log and result come by themselves, and at last the end of the alert with how long it took."""
    stage(now, "succeeded")
    page = now.page
    expect(page.get_by_test_id("steps").get_by_text(now.t("runs.step.done"))).to_have_count(2)
    expect(page.get_by_test_id("log").locator(".log-lines")).to_contain_text(WORKLOAD)
    said = re.sub(
        r"\\\{\w+\\\}", ".+", re.escape(now.t("page.run.alert_resolved", at="{at}", after="{after}"))
    )
    expect(page.get_by_test_id("alert")).to_contain_text(re.compile(said), timeout=PATIENCE_MS)


def test_an_incident_is_mended_by_the_runbook_that_its_alert_offers(
    world: World, operators: list[Visit]
) -> None:
    phone, desk = operators
    board = Board(world=world, prometheus_url=phone.stack.prometheus_url, is_calm=threading.Event())

    def is_over() -> bool:
        board.refresh()
        return not board.states["bad_image"].is_on

    phone.go(routes.ALERTS)
    expect(phone.page.locator(".alert-group").filter(has_text=ALERT)).to_have_count(0, timeout=PATIENCE_MS)
    board.start("bad_image")
    try:
        opens_the_offered_action(phone)
        run = plans(phone)
        for each in operators:
            each.go(run)
            keep(each, "rollback-planned")
        confirms(phone)
        for each in operators:
            sees_it_done(each)
        until(is_over)
    finally:
        board.end("bad_image")

    assert board.states["bad_image"].was_mended
    desk.screenshot("rollback-done")
    phone.go(run)
    expect(phone.page.get_by_test_id("log").locator(".log-lines")).to_contain_text(WORKLOAD)
    keep(phone, "rollback-done")


def is_asked_for_approval(now: Visit) -> None:
    """Type the name that the plan wants, after a wrong one, and ask the approvers by an impatient double click."""
    page = now.page
    stage(now, "planned")
    ask = page.get_by_role("button", name=now.t("page.run.ask_approver"))
    page.locator("#typed").fill("another-database")
    ask.click()
    expect(page.get_by_test_id("action-problem")).to_be_visible()
    stage(now, "planned")
    page.locator("#typed").fill(page.locator("label[for=typed] code").inner_text())
    ask.dblclick()
    stage(now, "waiting")


def test_a_dangerous_run_takes_two_people_who_may_decline_it_or_approve_it(
    people: dict[str, SignIn], visit: Visitor
) -> None:
    asking, deciding = (
        visit("en").sign_in(people["operator"]),
        visit("fa", "phone").sign_in(people["approver"]),
    )
    page = asking.go(routes.action("restore_database"))
    keep(asking, "action-form-dangerous")
    page.locator("#field-backup").select_option(index=1)
    page.get_by_role("button", name=asking.t("page.action.make_plan")).click()
    page.wait_for_url("**/runs/*")
    is_asked_for_approval(asking)
    run = page.url.removeprefix(asking.stack.web_url)
    asking.go(run)
    keep(asking, "restore-waiting")

    theirs = deciding.go(run)
    keep(deciding, "restore-to-decide")
    theirs.get_by_role("button", name=deciding.t("page.run.decline")).click()
    theirs.get_by_role("dialog").get_by_role("textbox").fill("امشب نه")
    theirs.get_by_role("dialog").get_by_role("button", name=deciding.t("page.run.decline")).click()

    for each in (asking, deciding):
        stage(each, "declined")
        expect(each.page.get_by_test_id("standing")).to_contain_text("امشب نه")

    page.get_by_role("button", name=asking.t("page.run.repeat")).click()
    page.wait_for_url(lambda url: "/runs/" in url and run not in url)
    is_asked_for_approval(asking)
    theirs = deciding.go(page.url.removeprefix(asking.stack.web_url))
    theirs.get_by_role("button", name=deciding.t("page.run.approve")).dblclick()

    # The database that serves both pages is another one now, and both are still signed in.
    for each in (asking, deciding):
        expect(each.page.get_by_test_id("standing")).to_have_attribute(
            "data-stage", "succeeded", timeout=PATIENCE_MS
        )
        each.go(page.url.removeprefix(asking.stack.web_url))
        keep(each, "restore-done")
