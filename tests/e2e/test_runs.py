"""A person and a run in a browser: form, plan, confirmation, log, result and the way back; a secret leaves no trace."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from portal import routes
from tests.e2e.conftest import Visit, Visitor, asked
from tests.e2e.looks import keep

# A run's process starts Python and reads the plan anew; a busy machine takes its time for each.
RUN_PATIENCE_MS = 60_000
SECRET = "sk-e2e-Zq81-never-anywhere-else"


def expect_stage(page: Page, stage: str) -> None:
    expect(page.get_by_test_id("standing")).to_have_attribute("data-stage", stage, timeout=RUN_PATIENCE_MS)


def plan_is_confirmed(now: Visit) -> None:
    """Wait for the plan, and confirm it with two clicks, of which one counts."""
    expect(now.page.get_by_test_id("plan")).to_be_visible(timeout=RUN_PATIENCE_MS)
    now.page.get_by_role("button", name=now.t("page.run.run_it")).dblclick()
    expect_stage(now.page, "succeeded")


def test_a_job_is_paused_and_resumed_from_a_phone_and_everybody_sees_it(
    people: dict[str, SignIn], visit: Visitor, stack: Stack
) -> None:
    now = visit("fa", "phone").sign_in(people["operator"])
    page = now.go(routes.action("pause_job", {"job": "sweep_payments"}))
    page.locator("#field-reason").fill("درگاه پاسخ نمی‌دهد")
    keep(now, "action")
    page.get_by_role("button", name=now.t("page.action.make_plan")).dblclick()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    address = page.url.removeprefix(stack.web_url)
    plan_is_confirmed(now)
    # Opened anew: what a live page adds by itself may move what stands below it.
    now.go(address)
    expect(page.get_by_test_id("results")).to_contain_text(now.t("job.name.sweep_payments"))
    expect(page.locator(".log-line.words")).to_contain_text("متوقف شد")
    expect(page.get_by_test_id("log").get_by_role("status").first).to_have_text(now.t("log.complete"))
    keep(now, "run-done")

    beside = visit("en", "desktop").sign_in(people["approver"])
    beside.go(address)
    expect(beside.page.locator(".log-line.words")).to_have_text(
        re.compile(f"The job {beside.t('job.name.sweep_payments')} is paused")
    )
    keep(beside, "run-done")
    page.get_by_role("button", name=now.t("page.run.undo")).dblclick()
    page.wait_for_url(lambda url: address not in url)
    plan_is_confirmed(now)

    expect(
        beside.page.get_by_role("link", name=re.compile("A run to undo this one: Succeeded"))
    ).to_be_visible()
    beside.go(routes.RUNS)
    keep(beside, "runs")
    now.go(routes.RUNS)
    keep(now, "runs")
    assert asked(stack, "SELECT count(*) FROM runbook_run WHERE action = 'pause_job'") == [(2,)]


def test_a_secret_goes_straight_to_the_cluster_and_through_no_event(
    people: dict[str, SignIn], visit: Visitor, stack: Stack
) -> None:
    now = visit("en", "desktop").sign_in(people["operator"])
    frames: list[str] = []

    def listen(socket: Any) -> None:
        for direction in ("framesent", "framereceived"):
            socket.on(direction, lambda frame: frames.append(str(frame)))

    now.page.on("websocket", listen)
    page = now.go(routes.action("rotate_openai_key"))
    keep(now, "action-secret")
    expect(page.locator("#field-namespace")).not_to_have_value("")
    page.locator("input[type=password]").fill(SECRET)
    page.get_by_role("button", name=now.t("page.action.make_plan")).dblclick()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    expect(page.get_by_test_id("plan")).to_be_visible(timeout=RUN_PATIENCE_MS)
    now.go(page.url.removeprefix(stack.web_url))
    keep(now, "run-planned")

    [(parameters,)] = asked(
        stack, "SELECT parameters::text FROM runbook_run WHERE action = 'rotate_openai_key'"
    )
    assert "run-input-" in parameters
    assert "run-input-" in "".join(frames)
    assert SECRET not in parameters + "".join(frames) + page.content()
    page.get_by_role("button", name=now.t("page.run.cancel")).click()
    expect_stage(page, "cancelled")
