"""A newer release takes over while pages are open: they say so, lose nothing that was typed, and go on in it."""

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from backend.sandbox.signins import SignIn
from backend.sandbox.stack import Stack
from portal import routes
from portal.guard import HYDRATE
from tests.e2e.conftest import Visit, Visitor
from tests.e2e.rollout import NEWER, RENAMED, Rollout, rollout
from tests.integration.portal.socket import LOADED, RawSocket

FORM = routes.action("pause_job", {"job": "sweep_payments"})
TYPED = {"fa": "درگاه پاسخ نمی‌دهد", "en": "the gateway does not answer"}


# A build and two starts take 25 seconds of a processor, which a busy machine makes wait.
@pytest.mark.timeout(900)
def test_open_pages_are_told_of_a_newer_release_and_go_on_in_it(
    stack: Stack, people: dict[str, SignIn], visit: Visitor, tmp_path: Path
) -> None:
    with rollout(stack, tmp_path) as update:
        first = visit("fa")
        first.url = update.url
        first.sign_in(people["operator"])
        typing = [half_written(update, now, first) for now in (first, visit("en"))]
        reading = opened(update, visit("en"), first)
        a_tab_goes_to_and_fro_between_the_releases(update, session_of(first))

        update.drain()

        for now in typing:
            is_told(now)
        is_in_the_next_release(reading)
        for now in typing:
            now.page.get_by_role("button", name=now.t("state.reload")).click()
            is_in_the_next_release(now)
            expect(now.page.locator("#field-reason")).to_have_value(TYPED[now.lang])


def opened(update: Rollout, now: Visit, signed_in: Visit) -> Visit:
    """The same person in front of the form, at the address that people know."""
    now.url = update.url
    now.context.add_cookies([{"name": "portal", "value": session_of(signed_in), "url": update.url}])
    now.go(FORM)
    expect(now.page.get_by_role("button", name=now.t(RENAMED), exact=True)).to_be_enabled()
    return now


def session_of(now: Visit) -> str:
    [value] = [each["value"] for each in now.context.cookies() if each["name"] == "portal"]
    return value


def a_tab_goes_to_and_fro_between_the_releases(update: Rollout, session: str) -> None:
    """While both serve, each takes what the other has kept of a tab, or begins anew."""
    token = str(uuid4())
    for port in (update.present_port, update.next_port, update.present_port):
        with (
            update.balancer.only(port),
            RawSocket(update.url, cookie=f"portal={session}; lang=en", tab=token) as tab,
        ):
            tab.send(HYDRATE, path=FORM)
            assert tab.tells(LOADED)


def half_written(update: Rollout, now: Visit, signed_in: Visit) -> Visit:
    opened(update, now, signed_in)
    now.page.locator("#field-reason").press_sequentially(TYPED[now.lang])
    return now


def is_told(now: Visit) -> None:
    """In plain words, and what was typed still stands there."""
    said = now.page.get_by_role("alert").filter(has_text=now.t("state.new_version"))
    expect(said).to_be_visible()
    expect(now.page.locator("#field-reason")).to_have_value(TYPED[now.lang])
    now.screenshot("new-version")


def is_in_the_next_release(now: Visit) -> None:
    """The page is the newer one, and its form asks for a plan."""
    expect(now.page.get_by_role("button", name=now.t(RENAMED) + NEWER)).to_be_enabled()
    now.settle()
