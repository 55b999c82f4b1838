"""The whole story in a browser: a bad release, its alert, the action that helps, its plan, its run, the alert's end."""

from playwright.sync_api import Locator, expect

from backend.sandbox.incidents.world import World
from backend.sandbox.signins import SignIn
from portal import routes
from tests.e2e.conftest import Visit, Visitor
from tests.e2e.test_watching import ALERT_PATIENCE_MS, incident, world

__all__ = ["world"]

ALERT, WORKLOAD = "RolloutStuck", "docuchat-api"
# A run's process starts within seconds, a rollout takes some more, and a busy machine twice as long.
RUN_PATIENCE_MS = 120_000


def opens_its_alert(now: Visit) -> None:
    now.go(routes.ALERTS)
    group = now.page.locator(".alert-group").filter(has_text=ALERT)
    expect(group).to_be_visible(timeout=ALERT_PATIENCE_MS)
    group.locator("a.ltr", has_text=ALERT).first.click()
    expect(now.page.get_by_role("heading", level=1)).to_have_text(now.t(f"alerts.name.{ALERT}"))
    now.settle()


def asks_for_a_rollback(now: Visit) -> None:
    """By the alert's button: the workload is filled in already, and only the revision is to be chosen."""
    page, name = now.page, now.t("runbooks.action.rollback_deployment.name")
    page.get_by_test_id("offers").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    now.settle()
    expect(page.locator("select[name=workload]")).to_have_value(f"Deployment/docuchat/{WORKLOAD}")
    page.locator("select[name=revision]").select_option(index=1)
    now.screenshot("action-form")
    page.get_by_role("button", name=now.t("page.action.make_plan")).click()


def standing(now: Visit) -> Locator:
    return now.page.get_by_test_id("standing")


def test_a_bad_release_is_rolled_back_from_its_alert_and_the_alert_resolves(
    world: World,
    people: dict[str, SignIn],
    visit: Visitor,
) -> None:
    phone = visit("fa", "phone").sign_in(people["operator"])
    desk = visit("en").sign_in(people["operator"])
    was = world.cluster.image_of(WORKLOAD)

    with incident(world, "bad_image"):
        bad = world.cluster.image_of(WORKLOAD)
        opens_its_alert(phone)
        asks_for_a_rollback(phone)
        plan = phone.page.get_by_test_id("plan")
        expect(plan).to_contain_text(bad, timeout=RUN_PATIENCE_MS)
        expect(plan).to_contain_text(was)
        expect(plan).to_contain_text("kubectl rollout undo")
        phone.screenshot("run-planned")
        phone.page.get_by_role("button", name=phone.t("page.run.run_it")).click()
        expect(standing(phone)).to_have_attribute("data-stage", "succeeded", timeout=RUN_PATIENCE_MS)
        assert world.cluster.image_of(WORKLOAD) == was

        for each in (phone, desk):
            each.go(phone.page.url.removeprefix(phone.stack.web_url))
            came_to = each.page.get_by_test_id("alert")
            resolved = each.t("page.run.alert_resolved").partition("{at}")[0].strip()
            expect(came_to).to_contain_text(resolved, timeout=ALERT_PATIENCE_MS)
            expect(each.page.get_by_test_id("results")).to_contain_text(WORKLOAD)
            each.screenshot("run-ended")
